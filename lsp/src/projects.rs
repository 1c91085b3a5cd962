//! The projects that the open files belong to, each compiled as often as its texts change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{
    FileSystem, MemoryFileSystem, Observations, ObservedFileSystem, OverlayFileSystem, PathKind,
};
use ez_compiler::folder::{self, FolderTask};
use ez_compiler::plan;
use ez_compiler::plugin;
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::template::Host;
use ez_compiler::template_file;
use ez_compiler::{Compilation, Dialect, Options, Purpose, compile};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::Analysis;
use crate::session::View;

/// The Taskfile that stands for a directory that has none.
const USUAL_TASKFILE: &str = "Taskfile.yml";

/// A Taskfile of a directory that has none.
const NO_TASKS: &str = "version: '3'\n";

/// What tells one project from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectKey {
    /// The root Taskfile.
    pub entry: Utf8PathBuf,
    /// The folder task that it is; none for the root of a project.
    pub folder: Option<FolderTask>,
}

/// The texts changed while a question waited: its answer would be about texts that are no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// All projects.
#[derive(Default)]
pub struct Projects {
    /// The root Taskfiles below the directories that are open, and of which state of the disk and of those directories.
    discovered: Mutex<Option<Discovered>>,
    /// Which of the Taskfiles that are known are projects of their own, and of which texts.
    own: Mutex<Option<Arc<OwnProjects>>>,
    slots: Mutex<FxHashMap<ProjectKey, Arc<Mutex<Slot>>>>,
    /// Folder tasks that are compiled with their projects.
    folders: Mutex<FxHashMap<ProjectKey, Arc<Analysis>>>,
    /// What newer analyses took the place of. To let go of a big project takes time, for which no answer should wait.
    replaced: Mutex<Vec<Arc<Analysis>>>,
}

struct Discovered {
    disk_revision: u64,
    taskfiles: Arc<[Utf8PathBuf]>,
}

/// The Taskfiles that no other project has read. Not what is known of them, which would be let go of too late.
#[derive(Default)]
pub struct OwnProjects {
    revision: u64,
    /// The projects, those that are further outside first.
    pub keys: Vec<ProjectKey>,
    /// Parts of projects beside them that have folder tasks or plans of their own, which those do not read.
    pub parts: Vec<ProjectKey>,
    /// What had to be compiled to know it.
    pub compiled: FxHashSet<ProjectKey>,
}

/// The newest analysis of a project.
#[derive(Default)]
struct Slot {
    revision: u64,
    disk_revision: u64,
    /// The answers of the files that it depends on.
    seen: Observations,
    analysis: Option<Arc<Analysis>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Projects {
    /// A project as it is in a view.
    pub fn analysis(&self, view: &View, key: &ProjectKey) -> Result<Arc<Analysis>, Stale> {
        match self.compiled_with_project(view, key)? {
            Some(analysis) => Ok(analysis),
            None => self.compiled(view, key),
        }
    }

    /// A folder task, of the compilation that the project has which it is a part of.
    fn compiled_with_project(&self, view: &View, key: &ProjectKey) -> Result<Option<Arc<Analysis>>, Stale> {
        let Some(folder) = &key.folder else { return Ok(None) };
        let Some(entry) = taskfile_in(view, &folder.project) else { return Ok(None) };
        let project = self.compiled(view, &ProjectKey::root(entry))?;
        let mut programs = project.compilation.folder_programs.iter();
        let found = programs.find(|program| program.folder == *folder);
        let compilation = found.map(|program| Arc::clone(&program.compilation));
        Ok(compilation.map(|compilation| self.shared(key, project, compilation)))
    }

    /// What is known of a folder task that its project has compiled.
    fn shared(
        &self,
        key: &ProjectKey,
        project: Arc<Analysis>,
        compilation: Arc<Compilation>,
    ) -> Arc<Analysis> {
        let is_same = |known: &&Arc<Analysis>| {
            Arc::ptr_eq(&known.compilation, &compilation)
                && known.project.as_ref().is_some_and(|known| Arc::ptr_eq(known, &project))
        };
        let mut folders = lock(&self.folders);
        if let Some(known) = folders.get(key).filter(is_same) {
            return Arc::clone(known);
        }
        let analysis = Arc::new(Analysis::of_folder(key.clone(), compilation, project));
        // It may hold what is left of its project.
        lock(&self.replaced).extend(folders.insert(key.clone(), Arc::clone(&analysis)));
        analysis
    }

    /// A project, compiled for itself.
    fn compiled(&self, view: &View, key: &ProjectKey) -> Result<Arc<Analysis>, Stale> {
        let slot = Arc::clone(lock(&self.slots).entry(key.clone()).or_default());
        let mut slot = lock(&slot);
        if let Some(analysis) = slot.current(view) {
            return Ok(analysis);
        }
        if slot.revision > view.revision {
            return Err(Stale);
        }
        if slot.holds(view)
            && let Some(known) = slot.analysis.take()
        {
            // Made anew for what it asks for itself later, as files that a symbol may be.
            let analysis = Arc::new(Analysis::new(key.clone(), Arc::clone(&known.compilation)));
            (slot.revision, slot.disk_revision) = (view.revision, view.disk_revision);
            slot.analysis = Some(Arc::clone(&analysis));
            lock(&self.replaced).push(known);
            return Ok(analysis);
        }
        // A compilation that panics must not be built upon.
        let previous = slot.analysis.take();
        let files = ObservedFileSystem::new(&*view.files);
        let known = previous.as_deref().map(|previous| &*previous.compilation);
        let compilation = key.compile(&files, &*view.host, known);
        lock(&self.replaced).extend(previous);
        let analysis = Arc::new(Analysis::new(key.clone(), Arc::new(compilation)));
        *slot = Slot {
            revision: view.revision,
            disk_revision: view.disk_revision,
            seen: files.into_observations(),
            analysis: Some(Arc::clone(&analysis)),
        };
        Ok(analysis)
    }

    /// The project that a file is a part of: of those above it in the workspace the outermost that has read it, else another one
    /// of the workspace that has, else the one that the file is the root of.
    pub fn of_file(
        &self,
        view: &View,
        path: &Utf8Path,
    ) -> Result<Option<(ProjectKey, Arc<Analysis>)>, Stale> {
        let candidates = candidates(view, path);
        // The usual case, for which no other project has to be looked at.
        if let Some(outermost) = candidates.first().filter(|key| self.is_around_all(view, key))
            && let Some(found) = self.part_of(view, outermost, path)?
        {
            return Ok(Some(found));
        }
        let own = self.own(view)?;
        let (above, others): (Vec<_>, Vec<_>) =
            own.keys.iter().partition(|key| path.starts_with(key.directory()));
        for key in above.into_iter().chain(others).chain(&candidates) {
            if let Some(found) = self.part_of(view, key, path)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether all that is known is below the directory of a project, so that the project belongs to no other one.
    fn is_around_all(&self, view: &View, key: &ProjectKey) -> bool {
        let discovered = self.discovered(view);
        let mut known = view.files.documents.keys().chain(discovered.iter());
        key.is_usual() && known.all(|path| path.starts_with(key.directory()))
    }

    /// The project or the folder task of it that a file is a part of, if it has read it.
    fn part_of(
        &self,
        view: &View,
        key: &ProjectKey,
        path: &Utf8Path,
    ) -> Result<Option<(ProjectKey, Arc<Analysis>)>, Stale> {
        let analysis = self.analysis(view, key)?;
        if let Some(folder) = folder_of(&analysis, path) {
            let of_folder = self.analysis(view, &folder)?;
            if of_folder.file_of(path).is_some() {
                return Ok(Some((folder, of_folder)));
            }
        }
        Ok(analysis.file_of(path).is_some().then(|| (key.clone(), analysis)))
    }

    /// The projects among the Taskfiles that are known. One that another project has read belongs to that one: of two that read
    /// each other the second to the first, and never one to a project below it.
    pub fn own(&self, view: &View) -> Result<Arc<OwnProjects>, Stale> {
        let known = lock(&self.own).clone();
        if let Some(known) = known.filter(|known| known.revision == view.revision) {
            return Ok(known);
        }
        let roots = self.roots(view);
        let (readers, mut compiled) = self.readers(view, &roots)?;
        let mut is_own: Vec<bool> = readers.iter().map(Vec::is_empty).collect();
        let is_part = |number: usize| !readers[number].is_empty() && has_more(view, &roots, number, &readers);
        let is_part: Vec<bool> = (0..roots.len()).map(is_part).collect();
        // What read it may have turned out to be a part of another one that has not.
        for number in 0..roots.len() {
            let has_reader = readers[number].iter().any(|reader| is_own[*reader] || is_part[*reader]);
            is_own[number] |= !has_reader;
        }
        let chosen = |which: &[bool]| -> Vec<ProjectKey> {
            roots.iter().zip(which).filter(|(_, is_chosen)| **is_chosen).map(|(key, _)| key.clone()).collect()
        };
        let (keys, parts) = (chosen(&is_own), chosen(&is_part));
        compiled.extend(keys.iter().chain(&parts).cloned());
        let own = Arc::new(OwnProjects { revision: view.revision, keys, parts, compiled });
        *lock(&self.own) = Some(Arc::clone(&own));
        Ok(own)
    }

    /// Which of these projects have read which, by their numbers, and what had to be compiled to know it. One that was read before it
    /// is looked at is not compiled, unless it has more than its reader knows.
    fn readers(
        &self,
        view: &View,
        roots: &[ProjectKey],
    ) -> Result<(Vec<Vec<usize>>, FxHashSet<ProjectKey>), Stale> {
        let numbers: FxHashMap<&Utf8Path, usize> =
            roots.iter().enumerate().map(|(number, key)| (&*key.entry, number)).collect();
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); roots.len()];
        let mut compiled = FxHashSet::default();
        for (number, key) in roots.iter().enumerate() {
            let is_read = !readers[number].is_empty();
            if is_read && !has_more(view, roots, number, &readers) {
                continue;
            }
            let analysis = self.analysis(view, key)?;
            compiled.insert(key.clone());
            for read in analysis.read_paths().filter_map(|path| numbers.get(path).copied()) {
                let is_above = key.entry.starts_with(roots[read].directory());
                if read > number || (read < number && !is_above && !is_read) {
                    readers[read].push(number);
                }
            }
        }
        Ok((readers, compiled))
    }

    /// The root Taskfiles that are known, by discovery or by a file that is open. Those by whose names nobody looks for a
    /// project come last, before them those that are further outside first.
    fn roots(&self, view: &View) -> Vec<ProjectKey> {
        let discovered = self.discovered(view);
        let discovered = discovered.iter().cloned().map(ProjectKey::root);
        let open = view.files.documents.keys().flat_map(|path| candidates(view, path));
        let mut roots: Vec<ProjectKey> = discovered.chain(open).collect();
        roots.sort_by_cached_key(|key| (!key.is_usual(), key.entry.components().count(), key.entry.clone()));
        roots.dedup();
        roots
    }

    /// The Taskfiles below the directories that are open.
    pub fn discovered(&self, view: &View) -> Arc<[Utf8PathBuf]> {
        let mut known = lock(&self.discovered);
        if let Some(known) = known.as_ref().filter(|known| known.disk_revision == view.disk_revision) {
            return Arc::clone(&known.taskfiles);
        }
        let taskfiles: Arc<[Utf8PathBuf]> =
            view.roots.iter().flat_map(|root| view.taskfiles_below(root)).collect();
        *known = Some(Discovered { disk_revision: view.disk_revision, taskfiles: Arc::clone(&taskfiles) });
        taskfiles
    }

    /// Lets go of what newer analyses took the place of.
    pub fn release_replaced(&self) {
        let replaced = std::mem::take(&mut *lock(&self.replaced));
        // Not in the statement above, which holds the lock.
        drop(replaced);
    }

    /// Forgets projects that are not among those that count.
    pub fn retain(&self, is_kept: impl Fn(&ProjectKey) -> bool) {
        lock(&self.slots).retain(|key, _| is_kept(key));
        lock(&self.folders).retain(|key, _| is_kept(key));
    }
}

/// Whether a Taskfile that projects beside it have read has folder tasks or plans, which those do not read.
fn has_more(view: &View, roots: &[ProjectKey], number: usize, readers: &[Vec<usize>]) -> bool {
    let directory = roots[number].directory();
    let is_beside = readers[number].iter().any(|reader| !directory.starts_with(roots[*reader].directory()));
    let names = [folder::DIRECTORY, plan::DIRECTORY];
    is_beside && names.iter().any(|name| view.files.kind(&directory.join(name)).is_some())
}

impl Slot {
    /// The analysis, if no open text that it was made of differs in the view, and nothing on disk may.
    fn current(&self, view: &View) -> Option<Arc<Analysis>> {
        let analysis = self.analysis.as_ref()?;
        let is_same = self.disk_revision == view.disk_revision
            && view
                .files
                .documents
                .iter()
                .all(|(path, document)| self.seen.text(path).is_none_or(|text| *text == document.text));
        is_same.then(|| Arc::clone(analysis))
    }

    /// Whether files that may have changed are as they were: with every file that is opened or saved all projects are asked.
    fn holds(&self, view: &View) -> bool {
        self.analysis.is_some() && self.disk_revision != view.disk_revision && self.seen.hold(&*view.files)
    }
}

impl ProjectKey {
    /// The root of a project.
    pub fn root(entry: Utf8PathBuf) -> Self {
        Self { entry, folder: None }
    }

    /// Compiles the project.
    pub fn compile(
        &self,
        files: &dyn FileSystem,
        host: &dyn Host,
        previous: Option<&Compilation>,
    ) -> Compilation {
        let options = Options {
            root_dir: self.directory().to_owned(),
            host,
            purpose: Purpose::Check,
            dialect: Dialect::Ez,
            folder: self.folder.as_ref(),
        };
        if self.is_user_directory() && files.kind(&self.entry).is_none() {
            let overlay = MemoryFileSystem::new().with(self.entry.clone(), NO_TASKS);
            return compile(&OverlayFileSystem { overlay, below: files }, &self.entry, &options, previous);
        }
        compile(files, &self.entry, &options, previous)
    }

    /// Whether its root is where a user keeps plugins and templates for all projects.
    fn is_user_directory(&self) -> bool {
        let directory = Utf8Path::new(plugin::USER_DIRECTORY).parent();
        directory.is_some_and(|directory| self.directory().ends_with(directory))
    }

    /// What a file belongs to that holds a plugin or template of the user: they have no Taskfile beside them.
    fn of_user(view: &View, path: &Utf8Path) -> Option<Self> {
        let home = Utf8PathBuf::from(view.host.environment("HOME").filter(|home| home.starts_with('/'))?);
        let directories = [plugin::USER_DIRECTORY, template_file::USER_DIRECTORY];
        let directory = directories.iter().map(|directory| home.join(directory));
        let directory = directory.into_iter().find(|directory| path.parent() == Some(directory))?;
        Some(Self::root(directory.parent()?.join(USUAL_TASKFILE)))
    }

    /// Whether the root Taskfile has a name by which it is found in its directory.
    fn is_usual(&self) -> bool {
        self.entry.file_name().is_some_and(|name| TASKFILE_NAMES.contains(&name))
    }

    /// The directory of the root Taskfile.
    pub fn directory(&self) -> &Utf8Path {
        self.entry.parent().unwrap_or(Utf8Path::new("/"))
    }

    /// A folder task.
    pub fn folder(folder: &FolderTask) -> Self {
        Self { entry: folder.taskfile.clone(), folder: Some(folder.clone()) }
    }
}

/// The folder task that a file belongs to: the one that it is in, or one that has read what the project has not.
fn folder_of(analysis: &Analysis, path: &Utf8Path) -> Option<ProjectKey> {
    let folders = &analysis.compilation.folders;
    let around = folders.iter().find(|folder| path.starts_with(&folder.directory));
    let reader = || analysis.folder_that_read(path).filter(|_| analysis.file_of(path).is_none());
    around.or_else(reader).map(ProjectKey::folder)
}

/// Root Taskfiles above a file, the outermost in its workspace first, and at last the file itself if it is a Taskfile.
fn candidates(view: &View, path: &Utf8Path) -> Vec<ProjectKey> {
    let innermost = path.parent().unwrap_or(Utf8Path::new("/"));
    let root = view.roots.iter().filter(|root| path.starts_with(root)).min_by_key(|root| root.as_str().len());
    let mut above: Vec<&Utf8Path> = match root {
        Some(root) => innermost.ancestors().take_while(|directory| directory.starts_with(root)).collect(),
        None => innermost.ancestors().collect(),
    };
    above.reverse();
    let found = above.into_iter().filter_map(|directory| taskfile_in(view, directory));
    let mut keys: Vec<ProjectKey> = found.map(ProjectKey::root).collect();
    let own = ProjectKey::root(path.to_owned());
    if is_taskfile_name(path) && !keys.contains(&own) {
        keys.push(own);
    }
    keys.extend(ProjectKey::of_user(view, path));
    keys
}

/// The Taskfile of a directory.
pub fn taskfile_in(view: &View, directory: &Utf8Path) -> Option<Utf8PathBuf> {
    TASKFILE_NAMES
        .iter()
        .map(|name| directory.join(name))
        .find(|path| view.files.kind(path) == Some(PathKind::File))
}

/// Whether a file is a Taskfile by its name: `Taskfile.yml` and its variants, also with words around it as in
/// `Taskfile.docker.yml` or `docker.taskfile.yaml`.
pub fn is_taskfile_name(path: &Utf8Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_ascii_lowercase();
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    stem.contains("taskfile") && matches!(&*extension, "yml" | "yaml")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use camino::Utf8Path;
    use ez_compiler::file_system::MemoryFileSystem;
    use ez_compiler::template::PureHost;

    use super::is_taskfile_name;
    use crate::session::{Change, Session, View, World};

    /// A session in which a directory is open, and these files.
    fn session(files: &[(&str, &str)], root: Option<&str>, open: &[&str]) -> Session {
        let disk = files.iter().fold(MemoryFileSystem::new(), |disk, (path, text)| disk.with(*path, *text));
        let session = Session::new(&World { files: Arc::new(disk), host: Arc::new(PureHost), version: "0" });
        session.change_roots(root.into_iter().map(Into::into).collect(), &[]);
        for (path, text) in files.iter().filter(|(path, _)| open.contains(path)) {
            session.open((*path).into(), (*text).to_owned(), 1);
        }
        session
    }

    fn project_of(view: &View, path: &str) -> String {
        let found = view.project_of(Utf8Path::new(path)).unwrap();
        found.map_or_else(|| "none".to_owned(), |found| found.analysis.key.entry.to_string())
    }

    fn projects(view: &View) -> Vec<String> {
        let mut found: Vec<_> =
            view.projects().unwrap().iter().map(|project| project.key.entry.to_string()).collect();
        found.sort();
        found
    }

    fn including(path: &str) -> String {
        format!("version: '3'\nincludes: {{i: {path}}}\ntasks: {{build: echo}}\n")
    }

    const PLAIN: &str = "version: '3'\ntasks: {lint: echo}\n";

    #[test]
    fn a_file_belongs_to_a_project_beside_it_that_includes_it() {
        let entry = including("../shared/s.yml");
        let files = [("/w/a/Taskfile.yml", &*entry), ("/w/shared/s.yml", PLAIN)];
        let all = ["/w/a/Taskfile.yml", "/w/shared/s.yml"];
        for (root, open) in [(Some("/w"), &all[1..]), (Some("/w/a"), &all[1..]), (None, &all[..])] {
            let session = session(&files, root, open);
            assert_eq!(project_of(&session.view(), all[1]), all[0], "{root:?}");
            assert_eq!(projects(&session.view()), all[..1], "{root:?}");
        }
    }

    #[test]
    fn a_taskfile_belongs_to_the_project_that_includes_it() {
        let (lib, z, y) = (including("./more.yml"), including("../lib"), including("../z"));
        let files = [
            ("/w/lib/Taskfile.yml", &*lib),
            ("/w/lib/more.yml", PLAIN),
            ("/w/z/Taskfile.yml", &*z),
            ("/w/other/Taskfile.yml", PLAIN),
        ];
        for open in [&[][..], &["/w/lib/more.yml", "/w/lib/Taskfile.yml"]] {
            let view = session(&files, Some("/w"), open).view();
            assert_eq!(project_of(&view, "/w/lib/Taskfile.yml"), "/w/z/Taskfile.yml");
            assert_eq!(project_of(&view, "/w/lib/more.yml"), "/w/z/Taskfile.yml");
            assert_eq!(project_of(&view, "/w/other/Taskfile.yml"), "/w/other/Taskfile.yml");
            assert_eq!(projects(&view), ["/w/other/Taskfile.yml", "/w/z/Taskfile.yml"]);
        }
        // That one is included again.
        let files = [&files[..], &[("/w/zz/Taskfile.yml", &*y)]].concat();
        let view = session(&files, Some("/w"), &[]).view();
        assert_eq!(project_of(&view, "/w/lib/more.yml"), "/w/zz/Taskfile.yml");
        assert_eq!(projects(&view), ["/w/other/Taskfile.yml", "/w/zz/Taskfile.yml"]);
    }

    #[test]
    fn of_taskfiles_that_include_each_other_the_first_is_the_project() {
        let (a, b) = (including("../b"), including("../a"));
        let files = [("/w/a/Taskfile.yml", &*a), ("/w/b/Taskfile.yml", &*b)];
        let view = session(&files, Some("/w"), &["/w/b/Taskfile.yml"]).view();
        assert_eq!(project_of(&view, "/w/b/Taskfile.yml"), "/w/a/Taskfile.yml");
        assert_eq!(project_of(&view, "/w/a/Taskfile.yml"), "/w/a/Taskfile.yml");
        assert_eq!(projects(&view), ["/w/a/Taskfile.yml"]);
    }

    #[test]
    fn a_taskfile_does_not_belong_to_a_project_below_it() {
        let inner = including("../../Taskfile.yml");
        let files = [("/w/p/Taskfile.yml", PLAIN), ("/w/p/in/ner/Taskfile.yml", &*inner)];
        for root in ["/w", "/w/p"] {
            let view = session(&files, Some(root), &["/w/p/in/ner/Taskfile.yml"]).view();
            assert_eq!(project_of(&view, files[0].0), files[0].0);
            assert_eq!(project_of(&view, files[1].0), files[1].0);
            assert_eq!(projects(&view), files.map(|(path, _)| path));
        }
    }

    #[test]
    fn a_file_that_a_folder_task_includes_belongs_to_it() {
        let folder = including("../../../shared/s.yml");
        let files = [
            ("/w/a/Taskfile.yml", PLAIN),
            ("/w/a/tasks/f/Taskfile.yml", &*folder),
            ("/w/shared/s.yml", PLAIN),
        ];
        let view = session(&files, Some("/w"), &["/w/shared/s.yml"]).view();
        assert_eq!(project_of(&view, files[2].0), files[1].0);
    }

    #[test]
    fn a_project_is_compiled_again_where_one_of_its_texts_is_another() {
        let entry = including("../shared/s.yml");
        let files =
            [("/w/a/Taskfile.yml", &*entry), ("/w/b/Taskfile.yml", PLAIN), ("/w/shared/s.yml", PLAIN)];
        let session = session(&files, Some("/w"), &[]);
        let compiled = |path: &str| {
            let found = session.view().project_of(Utf8Path::new(path)).unwrap().unwrap();
            Arc::clone(&found.analysis.compilation)
        };
        let before = ["/w/a/Taskfile.yml", "/w/b/Taskfile.yml"].map(compiled);
        let is_kept = |path, index: usize| Arc::ptr_eq(&compiled(path), &before[index]);
        session.open("/w/shared/s.yml".into(), PLAIN.to_owned(), 1);
        assert!(is_kept("/w/shared/s.yml", 0) && is_kept("/w/b/Taskfile.yml", 1));
        session.disk_changed();
        assert!(is_kept("/w/shared/s.yml", 0) && is_kept("/w/b/Taskfile.yml", 1));
        let change = Change { range: None, text: PLAIN.replace("lint", "test") };
        session.edit(Utf8Path::new("/w/shared/s.yml"), 2, vec![change]);
        assert!(!is_kept("/w/shared/s.yml", 0) && is_kept("/w/b/Taskfile.yml", 1));
        session.close(Utf8Path::new("/w/shared/s.yml"));
        assert!(!is_kept("/w/shared/s.yml", 0) && is_kept("/w/b/Taskfile.yml", 1));
    }

    #[test]
    fn plugins_and_templates_belong_to_the_project_beside_them() {
        let files = [
            ("/w/Taskfile.yml", PLAIN),
            ("/w/plugins/unused.yml", "type: hook\n"),
            ("/w/plugins/begun.yaml", "# a hook\nty"),
            ("/w/plugins/foreign.yml", "apiVersion: v1\n"),
            ("/w/templates/empty.yml", ""),
            ("/w/templates/foreign.yml", "kind: Deployment\n"),
        ];
        for root in [None, Some("/w")] {
            let session = session(&files, root, &["/w/plugins/begun.yaml"]);
            session.open("/w/templates/new.yml".into(), String::new(), 1);
            let view = session.view();
            let of = |path: &str| project_of(&view, path);
            for own in [files[1].0, files[2].0, files[4].0, "/w/templates/new.yml"] {
                assert_eq!(of(own), "/w/Taskfile.yml", "{own}");
            }
            assert_eq!((of(files[3].0), of(files[5].0)), ("none".to_owned(), "none".to_owned()));
            let change = Change { range: None, text: "kind: Service\n".to_owned() };
            session.edit(Utf8Path::new("/w/templates/new.yml"), 2, vec![change]);
            assert_eq!(project_of(&session.view(), "/w/templates/new.yml"), "none");
        }
    }

    #[test]
    fn names_of_taskfiles() {
        for name in ["Taskfile.yml", "taskfile.dist.yaml", "Taskfile_linux.yml", "/a/docker.taskfile.yml"] {
            assert!(is_taskfile_name(name.into()), "{name}");
        }
        for name in ["tasks.yml", "Taskfile", "Taskfile.json", "a/taskfile/x.yml"] {
            assert!(!is_taskfile_name(name.into()), "{name}");
        }
    }
}
