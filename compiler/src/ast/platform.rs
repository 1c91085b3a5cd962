//! An entry of `platforms`.

use smol_str::SmolStr;

use crate::source::Span;

/// An operating system, an architecture, or both, by Go's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `darwin`, `windows` …; any without it.
    pub os: Option<SmolStr>,
    /// `amd64`, `arm64` …; any without it.
    pub arch: Option<SmolStr>,
    /// The scalar.
    pub span: Span,
}

/// Go's operating systems (`go tool dist list`, past and future ones included).
pub const KNOWN_OS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];

/// Go's architectures (`internal/goarch` of its standard library).
pub const KNOWN_ARCH: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl Platform {
    /// Reads `os`, `arch` or `os/arch`; `None` where a name is unknown.
    pub fn parse(text: &str, span: Span) -> Option<Self> {
        let known = |names: &[&str], name: &str| names.contains(&name).then(|| SmolStr::new(name));
        let mut parts = text.split('/');
        let (first, second) = (parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        let mut platform = Self { os: known(KNOWN_OS, first), arch: None, span };
        if platform.os.is_none() {
            platform.arch = Some(known(KNOWN_ARCH, first)?);
        }
        match second {
            Some(_) if platform.arch.is_some() => return None,
            Some(arch) => platform.arch = Some(known(KNOWN_ARCH, arch)?),
            None => {}
        }
        Some(platform)
    }

    /// Whether it stands for this machine.
    pub fn matches(&self, os: &str, arch: &str) -> bool {
        self.os.as_ref().is_none_or(|o| o == os) && self.arch.as_ref().is_none_or(|a| a == arch)
    }
}
