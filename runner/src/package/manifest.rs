//! The manifest: what is in a package.

use std::collections::HashMap;

use ez_compiler::project::paths::TASKFILE_NAMES;
use serde::{Deserialize, Serialize};

use super::links::Links;
use super::{Contents, Fault, Limits, PackageError, path};

/// The version of the format.
pub const FORMAT: u64 = 1;

/// What is in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: u64,
    /// The task.
    pub name: String,
    /// The version of EZ that made it.
    pub ez: String,
    /// Regular files, by their paths.
    pub files: Vec<File>,
    /// Symbolic links, by their paths.
    pub links: Vec<Link>,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Below the folder, `/` between names.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Who may do what.
    pub mode: Mode,
    /// Of its content, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Below the folder.
    pub path: String,
    /// Where it leads, from its own directory.
    pub target: String,
}

/// The modes that files in packages have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Anybody may read it.
    #[serde(rename = "0644")]
    Plain,
    /// Anybody may run it.
    #[serde(rename = "0755")]
    Executable,
}

impl Mode {
    /// Its bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Executable => 0o755,
        }
    }

    /// That of a file whose owner may do this with it.
    pub fn of_bits(bits: u32) -> Self {
        if bits & 0o100 == 0 { Self::Plain } else { Self::Executable }
    }
}

/// Only what tells the format.
#[derive(Deserialize)]
struct Versioned {
    format: u64,
}

impl Manifest {
    /// Reads a manifest, and trusts nothing in it.
    ///
    /// # Errors
    /// It is none, of another format, or names something that no package may hold.
    pub fn read(text: &[u8], limits: &Limits) -> Result<Self, PackageError> {
        let no_manifest = |error: serde_json::Error| PackageError::NoPackage(error.to_string());
        let Versioned { format } = serde_json::from_slice(text).map_err(no_manifest)?;
        if format != FORMAT {
            return Err(PackageError::UnknownFormat(format));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(no_manifest)?;
        manifest.check(limits)?;
        Ok(manifest)
    }

    /// Its text.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn write(&self) -> Result<Vec<u8>, PackageError> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| PackageError::NoPackage(error.to_string()))?;
        text.push(b'\n');
        Ok(text)
    }

    /// How much it names.
    pub fn contents(&self) -> Contents {
        let bytes = self.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        Contents { entries: self.files.len() + self.links.len(), bytes }
    }

    /// Checks that a package may hold all that it names.
    ///
    /// # Errors
    /// The first thing that none may hold.
    pub fn check(&self, limits: &Limits) -> Result<(), PackageError> {
        if !path::is_task_name(&self.name) {
            return Err(PackageError::IllegalName(self.name.clone()));
        }
        let contents = self.contents();
        if contents.entries > limits.entries {
            return Err(PackageError::TooMany(limits.entries));
        }
        let fault = |entry: &str, fault| PackageError::entry(entry, fault);
        for entry in self.paths() {
            path::check(entry).map_err(|found| fault(entry, found))?;
        }
        for file in &self.files {
            if file.size > limits.file_bytes {
                return Err(fault(&file.path, Fault::TooLarge(limits.file_bytes)));
            }
        }
        if contents.bytes > limits.total_bytes {
            return Err(PackageError::TooLarge(limits.total_bytes));
        }
        self.check_names()?;
        let links: Links = self.links.iter().map(|link| (&*link.path, &*link.target)).collect();
        for link in &self.links {
            links.check(&link.path, &link.target).map_err(|found| fault(&link.path, found))?;
        }
        if self.files.iter().any(|file| TASKFILE_NAMES.contains(&file.path.as_str())) {
            Ok(())
        } else {
            Err(PackageError::NoTaskfile)
        }
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().map(|file| file.path.as_str());
        files.chain(self.links.iter().map(|link| link.path.as_str()))
    }

    /// No name twice, none that a file system could take for another, and nothing below what is no directory.
    fn check_names(&self) -> Result<(), PackageError> {
        let kinds = self.files.iter().map(|file| (file.path.as_str(), Kind::File));
        let kinds = kinds.chain(self.links.iter().map(|link| (link.path.as_str(), Kind::Link)));
        let mut known: HashMap<String, (&str, Kind)> = HashMap::new();
        for (entry, kind) in kinds {
            match known.insert(entry.to_lowercase(), (entry, kind)) {
                Some((other, _)) if other == entry => {
                    return Err(PackageError::entry(entry, Fault::Duplicate));
                }
                Some((other, _)) => {
                    return Err(PackageError::entry(entry, Fault::CaseCollision(other.to_owned())));
                }
                None => {}
            }
        }
        let mut directories: HashMap<String, &str> = HashMap::new();
        for entry in self.paths() {
            for parent in path::parents(entry) {
                let folded = parent.to_lowercase();
                let fault = match known.get(&folded) {
                    Some((other, Kind::Link)) => Fault::BelowLink((*other).to_owned()),
                    Some((other, Kind::File)) => Fault::BelowFile((*other).to_owned()),
                    None => match directories.insert(folded, parent) {
                        Some(other) if other != parent => Fault::CaseCollision(other.to_owned()),
                        _ => continue,
                    },
                };
                return Err(PackageError::entry(entry, fault));
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    File,
    Link,
}
