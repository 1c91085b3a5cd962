//! Begins a child, in the quickest way that the system has.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Group, Program};

/// A child that has become its program.
pub(super) struct Spawned {
    pub(super) pid: Pid,
    /// Becomes readable when it ends; `None` where the system has no such thing.
    pub(super) end: Option<OwnedFd>,
}

/// What leads to the standard descriptors of a child; `None`: where ours lead.
pub(super) type Descriptors = [Option<OwnedFd>; 3];

/// Begins a child.
///
/// # Errors
/// Its directory or its program is none, or the system has no room.
pub(super) fn spawn(program: &Program, descriptors: Descriptors) -> io::Result<Spawned> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    match super::vfork::spawn(program, &descriptors) {
        Ok(None) => {}
        // Without a descriptor that tells its end, a child can still be had.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {}
        Ok(Some(spawned)) => return Ok(spawned),
        Err(error) => return Err(error),
    }
    posix_spawn(program, descriptors)
}

fn posix_spawn(program: &Program, descriptors: Descriptors) -> io::Result<Spawned> {
    // A path with a slash and no `pre_exec` keep `posix_spawn`, which does not copy our memory.
    let mut command = Command::new(&program.file);
    let mut arguments = program.arguments.iter();
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env_clear().envs(program.environment.iter()).current_dir(&program.directory);
    if program.group == Group::Own {
        command.process_group(0);
    }
    let [stdin, stdout, stderr] = descriptors.map(|end| end.map(Stdio::from));
    stdin.map(|end| command.stdin(end));
    stdout.map(|end| command.stdout(end));
    stderr.map(|end| command.stderr(end));
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    Ok(Spawned { pid, end: pidfd_open(pid, PidfdFlags::NONBLOCK).ok() })
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Arc;

    use rustix::io::Errno;
    use rustix::process::{WaitOptions, getpgid, waitpid};

    use super::*;
    use crate::process::{LINGER, Redirected, Routes, vfork};

    fn program(file: &Path, arguments: &[&str], directory: &Path) -> Program {
        Program {
            file: file.to_owned(),
            arguments: arguments.iter().map(Into::into).collect(),
            directory: directory.to_owned(),
            environment: Arc::new(
                [("PATH", "/usr/bin:/bin"), ("EMPTY", ""), ("B", "a=b c")].into_iter().collect(),
            ),
            input: false,
            routes: Routes::NULL,
            redirected: Redirected::default(),
            group: Group::Own,
            linger: LINGER,
            reserved: None,
        }
    }

    /// Begins a child in one of both ways.
    type Way = fn(&Program, Descriptors) -> io::Result<Spawned>;

    const WAYS: [Way; 2] =
        [|program, ends| Ok(vfork::spawn(program, &ends)?.expect("Linux has it")), posix_spawn];

    /// What a child writes, and whether it leads its group; of each way.
    fn outputs(program: &Program) -> [(String, bool); 2] {
        WAYS.map(|way| {
            let (mut reader, writer) = io::pipe().unwrap();
            let nothing = File::open("/dev/null").unwrap().into();
            let ends = [Some(nothing), Some(writer.try_clone().unwrap().into()), Some(writer.into())];
            let spawned = way(program, ends).unwrap();
            let leads = getpgid(Some(spawned.pid)).unwrap() == spawned.pid;
            let mut output = String::new();
            reader.read_to_string(&mut output).unwrap();
            let (_, status) = waitpid(Some(spawned.pid), WaitOptions::empty()).unwrap().unwrap();
            (format!("{}{:?}", without_internal_signals(&output), status.exit_status()), leads)
        })
    }

    /// The C library's `posix_spawn` leaves the two signals that it keeps for itself ignored.
    fn without_internal_signals(output: &str) -> String {
        let line = |line: &str| match line.strip_prefix("SigIgn:\t") {
            Some(mask) => format!("ignored {:x}\n", u64::from_str_radix(mask, 16).unwrap() & !(0b11 << 31)),
            None => format!("{line}\n"),
        };
        output.lines().map(line).collect()
    }

    #[test]
    fn children_are_the_same_in_both_ways() {
        let directory = tempfile::tempdir().unwrap();
        let script =
            "echo \"$0 $1\"; pwd; env | sort; ls /proc/self/fd; grep ^Sig /proc/$$/status | grep -v SigQ
            echo error >&2; readlink /proc/$$/fd/0; exit 7";
        let arguments = ["a name", "-c", script, "zero", "one two"];
        let [(ours, leads), (theirs, leads_too)] =
            outputs(&program(Path::new("/bin/sh"), &arguments, directory.path()));
        assert_eq!(ours, theirs);
        assert!(leads && leads_too);
        for expected in ["zero one two\n", "EMPTY=\n", "B=a=b c\n", "\nerror\n"] {
            assert!(ours.contains(expected), "{expected:?} in {ours}");
        }
        assert!(ours.ends_with("/dev/null\nSome(7)"), "{ours}");
    }

    #[test]
    fn a_child_of_our_group_stays_in_it() {
        let mut program = program(Path::new("/bin/echo"), &["echo", "hi"], Path::new("/"));
        program.group = Group::Foreground;
        assert_eq!(outputs(&program), [("hi\nSome(0)".to_owned(), false), ("hi\nSome(0)".to_owned(), false)]);
    }

    #[test]
    fn what_cannot_begin_says_why_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (name, mode) in [("text", 0o644), ("no-program", 0o755)] {
            std::fs::write(root.join(name), "neither\n").unwrap();
            std::fs::set_permissions(root.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        for (file, at, expected) in [
            ("absent", "", io::ErrorKind::NotFound),
            ("text", "", io::ErrorKind::PermissionDenied),
            ("no-program/x", "", io::ErrorKind::NotADirectory),
            ("/bin/true", "absent", io::ErrorKind::NotFound),
            ("/bin/true", "text", io::ErrorKind::NotADirectory),
            ("/bin/tr\0ue", "", io::ErrorKind::InvalidInput),
        ] {
            let program = program(&root.join(file), &["x"], &root.join(at));
            for way in WAYS {
                let error = way(&program, [None, None, None]).err().map(|error| error.kind());
                assert_eq!(error, Some(expected), "{file:?} in {at:?}");
            }
        }
        let format = program(&root.join("no-program"), &["x"], root);
        for way in WAYS {
            let error = way(&format, [None, None, None]).err().and_then(|error| error.raw_os_error());
            assert_eq!(error, Some(Errno::NOEXEC.raw_os_error()));
        }
        let children = waitpid(None, WaitOptions::NOHANG).map(|_| ());
        assert_eq!(children, Err(Errno::CHILD), "one was not reaped");
    }
}
