//! `task --init`: a first Taskfile.

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::project::paths::TASKFILE_NAMES;

use super::{Context, Outcome};
use crate::args::invocation::Options;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::{disk, paths};

/// The first Taskfile.
const TEMPLATE: &str = "\
version: '3'

vars:
  NAME: world

tasks:
  default:
    desc: Say hello
    silent: true
    cmds:
      - echo \"Hello, {{.NAME}}!\"
";

/// Writes a Taskfile into the working directory, or where `place` says: a directory, a file, or only an extension.
pub fn run(context: &Context, options: &Options, place: Option<&str>) -> Outcome {
    let path = write(&context.environment.working_directory, place)?;
    if options.silent {
        return Ok(());
    }
    if options.verbose {
        context.logger.out(Color::Default, &format!("{TEMPLATE}\n"));
    }
    let shown = paths::relative(&context.environment.working_directory, &path);
    context.logger.out(Color::Green, &format!("Taskfile created: {shown}\n"));
    Ok(())
}

fn write(working_directory: &Utf8Path, place: Option<&str>) -> Result<Utf8PathBuf, Failure> {
    let mut path = match place {
        Some(place) => paths::absolute(working_directory, &named(place)),
        None => working_directory.to_owned(),
    };
    let exists = || Failure::new(Code::TASKFILE_EXISTS, "task: A Taskfile already exists");
    if path.is_dir() {
        if TASKFILE_NAMES.iter().any(|name| path.join(name).exists()) {
            return Err(exists());
        }
        path.push(TASKFILE_NAMES[0]);
    } else if path.exists() {
        return Err(exists());
    }
    std::fs::write(&path, TEMPLATE).map_err(|error| {
        Failure::new(Code::OTHER, format!("open {path}: {}", disk::plain_message(&error)))
    })?;
    Ok(path)
}

/// A place that is only an extension (`.yaml`) means a Taskfile with it.
fn named(place: &str) -> Utf8PathBuf {
    let path = Utf8Path::new(place);
    let is_extension = path.file_name().is_some_and(|name| name.rfind('.') == Some(0));
    if !is_extension {
        return path.to_owned();
    }
    path.with_file_name(format!("Taskfile{}", path.file_name().unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `--init PLACE` in a directory that holds `existing`: the path made, or the message.
    fn check(existing: &[&str], place: Option<&str>, expected: &str) {
        let holder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(holder.path().to_owned()).unwrap();
        for file in existing {
            match file.strip_suffix('/') {
                Some(directory) => std::fs::create_dir_all(root.join(directory)).unwrap(),
                None => std::fs::write(root.join(file), "").unwrap(),
            }
        }
        let got = match write(&root, place) {
            Ok(path) => {
                assert_eq!(std::fs::read_to_string(&path).unwrap(), TEMPLATE);
                paths::relative(&root, &path).to_string()
            }
            Err(failure) => failure.message.replace(root.as_str(), "ROOT"),
        };
        assert_eq!(got, expected, "{existing:?} {place:?}");
    }

    #[test]
    fn a_taskfile_is_written_and_never_overwritten() {
        let exists = "task: A Taskfile already exists";
        check(&[], None, "Taskfile.yml");
        check(&["taskfile.dist.yaml"], None, exists);
        check(&[], Some("x.yml"), "x.yml");
        check(&["x.yml"], Some("x.yml"), exists);
        check(&["Taskfile.yml"], Some("x.yml"), "x.yml");
        check(&["sub/"], Some("sub"), "sub/Taskfile.yml");
        check(&[], Some(".yaml"), "Taskfile.yaml");
        check(&["sub/"], Some("sub/.yaml"), "sub/Taskfile.yaml");
        check(&[], Some("foo/bar.yml"), "open ROOT/foo/bar.yml: no such file or directory");
    }
}
