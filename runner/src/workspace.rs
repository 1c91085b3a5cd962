//! Workspaces: directories in which a program runs apart from its own folder. Everything at the top of the folder is there
//! as a link, but what the program writes: that is the workspace's own.
//!
//! Every step of making one can be done again, so a workspace that was half made when its maker was killed is completed
//! by the next. Nothing in it that is no link of ours is ever changed or removed.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use ez_compiler::shell::{Pattern, PatternRules};

use crate::runtime_data::{self, DirectoryLock, InUse};

/// The link to the folder itself.
pub const SOURCE_LINK: &str = "src";
/// How deep directories are made for outputs below others.
const MAX_DEPTH: usize = 32;
/// What every depth of directories is, in a glob.
const ANY_DEPTH: &str = "**";
/// Entries of a folder that no workspace shows: they belong to the folder's place.
const NOT_SHOWN: [&str; 3] = [runtime_data::DIRECTORY, ".task", ".git"];

/// What a workspace is to be.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// The folder that is worked on, absolute.
    pub folder: &'a Path,
    /// The workspace, absolute.
    pub workspace: &'a Path,
    /// The file name of the Taskfile.
    pub taskfile: &'a str,
    /// The text of the workspace's Taskfile.
    pub text: &'a str,
    /// Paths and globs that the program writes, relative to the folder.
    pub outputs: &'a [smol_str::SmolStr],
}

/// A workspace that was made.
#[derive(Debug)]
pub struct Prepared {
    /// Entries, relative to it, that hide one of the folder.
    pub hidden: Vec<PathBuf>,
    /// Keeps others from removing it.
    pub in_use: InUse,
}

impl Layout<'_> {
    /// Makes the workspace, or brings it up to date.
    ///
    /// # Errors
    /// A directory, a link or the Taskfile cannot be made.
    pub fn prepare(&self, root: &Path) -> io::Result<Prepared> {
        let _lock = DirectoryLock::take(root, self.workspace)?;
        runtime_data::make_directory(root, self.workspace)?;
        let in_use = InUse::begin(self.workspace)?;
        let outputs: Vec<Vec<&str>> = self
            .outputs
            .iter()
            .map(|path| path.split('/').filter(|part| !part.is_empty() && *part != ".").collect())
            .collect();
        let mut hidden = Vec::new();
        self.remove_stale(self.workspace, 0)?;
        self.link_entries(Path::new(""), &outputs, &mut hidden)?;
        self.link_source()?;
        runtime_data::write_whole(&self.workspace.join(self.taskfile), self.text.as_bytes())?;
        Ok(Prepared { hidden, in_use })
    }

    /// Links the entries of one directory of the folder, `below` it, and goes into those that hold outputs.
    fn link_entries(&self, below: &Path, outputs: &[Vec<&str>], hidden: &mut Vec<PathBuf>) -> io::Result<()> {
        let is_top = below.as_os_str().is_empty();
        let depth = below.components().count();
        let mut entries: Vec<fs::DirEntry> =
            fs::read_dir(self.folder.join(below))?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let shown = name.to_string_lossy();
            if is_top && (shown == self.taskfile || NOT_SHOWN.contains(&&*shown)) {
                continue;
            }
            let path = below.join(&name);
            let is_directory = entry.file_type()?.is_dir();
            let rest = rest_of(outputs, &shown);
            let is_output = rest.iter().any(Vec::is_empty);
            if is_output && !is_directory {
                self.unlink(&path)?;
            } else if is_output {
                self.make_real(&path, hidden)?;
            } else if is_directory && !rest.is_empty() && depth < MAX_DEPTH {
                if self.make_real(&path, hidden)? {
                    self.link_entries(&path, &rest, hidden)?;
                }
            } else {
                self.link(&path, &entry.path(), hidden)?;
            }
        }
        Ok(())
    }

    /// The folder itself, unless it has an entry of that name.
    fn link_source(&self) -> io::Result<()> {
        if self.folder.join(SOURCE_LINK).symlink_metadata().is_ok() {
            return Ok(());
        }
        self.link(Path::new(SOURCE_LINK), self.folder, &mut Vec::new())
    }

    /// Links an entry, unless something of the workspace's own is in its place.
    fn link(&self, below: &Path, target: &Path, hidden: &mut Vec<PathBuf>) -> io::Result<()> {
        let link = self.workspace.join(below);
        let Some(directory) = link.parent() else { return Ok(()) };
        let wanted = way(directory, target);
        match link.symlink_metadata() {
            Ok(found) if !found.is_symlink() => {
                hidden.push(below.to_owned());
                return Ok(());
            }
            Ok(_) if fs::read_link(&link)? == wanted => return Ok(()),
            Ok(_) => fs::remove_file(&link)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        symlink(&wanted, &link)?;
        // Where a directory above is itself a link, the way up from it is another one.
        if fs::canonicalize(&link).ok() != fs::canonicalize(target).ok() {
            fs::remove_file(&link)?;
            symlink(target, &link)?;
        }
        Ok(())
    }

    /// Makes a directory of the workspace's own. Tells whether there is one now: a file of its own may be in its place.
    fn make_real(&self, below: &Path, hidden: &mut Vec<PathBuf>) -> io::Result<bool> {
        let path = self.workspace.join(below);
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => return Ok(true),
            Ok(found) if !found.is_symlink() => {
                hidden.push(below.to_owned());
                return Ok(false);
            }
            Ok(_) => fs::remove_file(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        fs::create_dir(&path)?;
        Ok(true)
    }

    /// Takes a link of ours away.
    fn unlink(&self, below: &Path) -> io::Result<()> {
        let path = self.workspace.join(below);
        if self.is_ours(&path) { fs::remove_file(path) } else { Ok(()) }
    }

    /// Whether a path of the workspace is a link into the folder.
    fn is_ours(&self, path: &Path) -> bool {
        let Ok(target) = fs::read_link(path) else { return false };
        let absolute =
            path.parent().map_or_else(|| target.clone(), |directory| normal(&directory.join(&target)));
        absolute.starts_with(self.folder)
    }

    /// Removes links of ours whose entries are gone.
    fn remove_stale(&self, directory: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = entry.path();
            if kind.is_symlink() && self.is_ours(&path) && !path.exists() {
                fs::remove_file(path)?;
            } else if kind.is_dir() && depth < MAX_DEPTH && self.mirrors(&path) {
                self.remove_stale(&path, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Whether the folder has the same directory, so that links of ours may be in it.
    fn mirrors(&self, path: &Path) -> bool {
        path.strip_prefix(self.workspace).is_ok_and(|below| self.folder.join(below).is_dir())
    }
}

/// What is left of the outputs below an entry of that name; an empty rest is the entry itself.
fn rest_of<'p>(outputs: &[Vec<&'p str>], name: &str) -> Vec<Vec<&'p str>> {
    let mut rest = Vec::new();
    for output in outputs {
        let Some((first, behind)) = output.split_first() else { continue };
        if *first == ANY_DEPTH {
            rest.push(output.clone());
            rest.extend(rest_of(&[behind.to_vec()], name));
        } else if matches(first, name) {
            rest.push(behind.to_vec());
        }
    }
    rest
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern == name
        || Pattern::compile(pattern, PatternRules::ShellName).is_ok_and(|pattern| pattern.matches(name))
}

/// The relative way from a directory to a path, both absolute.
fn way(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new(files: &[&str]) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            for file in files {
                place.write(file);
            }
            place
        }

        fn root(&self) -> PathBuf {
            fs::canonicalize(self.0.path()).unwrap()
        }

        fn write(&self, file: &str) {
            let path = self.root().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }

        fn prepare(&self, outputs: &[&str]) -> Vec<PathBuf> {
            let root = self.root();
            let outputs: Vec<smol_str::SmolStr> = outputs.iter().map(smol_str::SmolStr::new).collect();
            let layout = Layout {
                folder: &root.join("tasks/x"),
                workspace: &root.join(".ez/tasks/x/workspace"),
                taskfile: "Taskfile.yml",
                text: "version: '3'\n",
                outputs: &outputs,
            };
            layout.prepare(&root).unwrap().hidden
        }

        /// Everything in the workspace: `-> target` for links, `/` for directories, else the text.
        fn tree(&self) -> String {
            let mut all = BTreeMap::new();
            collect(&self.root().join(".ez/tasks/x/workspace"), "", &mut all);
            all.retain(|path, _| !path.starts_with(runtime_data::DIRECTORY));
            all.into_iter().flat_map(|(path, what)| [path, " ".to_owned(), what, "\n".to_owned()]).collect()
        }
    }

    fn collect(directory: &Path, below: &str, all: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().unwrap();
            if kind.is_symlink() {
                assert!(entry.path().exists(), "a dangling link: {name}");
                all.insert(name, format!("-> {}", fs::read_link(entry.path()).unwrap().display()));
            } else if kind.is_dir() {
                all.insert(format!("{name}/"), String::new());
                collect(&entry.path(), &format!("{name}/"), all);
            } else {
                all.insert(name, format!("= {}", fs::read_to_string(entry.path()).unwrap().trim()));
            }
        }
    }

    #[test]
    fn entries_are_links_and_outputs_are_not() {
        let place = Place::new(&[
            "tasks/x/Taskfile.yml",
            "tasks/x/scripts/a.sh",
            "tasks/x/build/config.h",
            "tasks/x/build/out/old.bin",
            "tasks/x/dist/old.zip",
            "tasks/x/fw.bin",
            "tasks/x/.task/checksum/x",
        ]);
        assert!(place.prepare(&["build/out/*.bin", "dist", "fw.bin", "new/*"]).is_empty());
        let up = "../../../..";
        assert_eq!(
            place.tree(),
            format!(
                "Taskfile.yml = version: '3'\nbuild/ \nbuild/config.h -> ../{up}/tasks/x/build/config.h\nbuild/out/ \ndist/ \n\
                 scripts -> {up}/tasks/x/scripts\nsrc -> {up}/tasks/x\n"
            )
        );
    }

    #[test]
    fn a_second_time_follows_the_folder_and_keeps_what_is_not_a_link() {
        let place = Place::new(&["tasks/x/a", "tasks/x/b/c", "tasks/x/src/main.c", "elsewhere"]);
        place.prepare(&[]);
        let workspace = place.root().join(".ez/tasks/x/workspace");
        fs::remove_file(place.root().join("tasks/x/a")).unwrap();
        fs::write(workspace.join("made"), "made").unwrap();
        symlink("../../../../elsewhere", workspace.join("link")).unwrap();
        place.write("tasks/x/made");
        place.write("tasks/x/d");
        assert_eq!(place.prepare(&["b/*"]), [PathBuf::from("made")]);
        let up = "../../../..";
        assert_eq!(
            place.tree(),
            format!(
                "Taskfile.yml = version: '3'\nb/ \nd -> {up}/tasks/x/d\nlink -> {up}/elsewhere\nmade = made\n\
                 src -> {up}/tasks/x/src\n"
            )
        );
    }

    #[test]
    fn any_depth_makes_every_directory_real() {
        let place = Place::new(&["tasks/x/a/b/c.c", "tasks/x/a/b/c.o"]);
        place.prepare(&["**/*.o"]);
        let tree = place.tree();
        assert!(tree.contains("a/b/ \na/b/c.c -> ") && !tree.contains("c.o"), "{tree}");
    }
}
