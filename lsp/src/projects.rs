//! The projects that the open files belong to, each compiled as often as its texts change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{FileSystem, PathKind};
use ez_compiler::folder::FolderTask;
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::template::Host;
use ez_compiler::{Compilation, Dialect, Options, Purpose, compile};
use rustc_hash::FxHashMap;

use crate::analysis::Analysis;
use crate::files::Recorder;
use crate::session::View;

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

/// The newest analysis of a project.
#[derive(Default)]
struct Slot {
    revision: u64,
    disk_revision: u64,
    read: FxHashMap<Utf8PathBuf, Arc<str>>,
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
        // A compilation that panics must not be built upon.
        let previous = slot.analysis.take();
        let recorder = Recorder::new(&view.files);
        let known = previous.as_deref().map(|previous| &*previous.compilation);
        let compilation = key.compile(&recorder, &*view.host, known);
        lock(&self.replaced).extend(previous);
        let analysis = Arc::new(Analysis::new(key.clone(), Arc::new(compilation)));
        *slot = Slot {
            revision: view.revision,
            disk_revision: view.disk_revision,
            read: recorder.into_read(),
            analysis: Some(Arc::clone(&analysis)),
        };
        Ok(analysis)
    }

    /// The project that a file is a part of: of those above it in the workspace the outermost that has read it, else the
    /// one that the file is the root of.
    pub fn of_file(
        &self,
        view: &View,
        path: &Utf8Path,
    ) -> Result<Option<(ProjectKey, Arc<Analysis>)>, Stale> {
        for key in candidates(view, path) {
            let analysis = self.analysis(view, &key)?;
            if analysis.file_of(path).is_some() {
                if let Some(folder) = folder_of(&analysis, path) {
                    let analysis = self.analysis(view, &folder)?;
                    if analysis.file_of(path).is_some() {
                        return Ok(Some((folder, analysis)));
                    }
                }
                return Ok(Some((key, analysis)));
            }
            if let Some(folder) = folder_of(&analysis, path) {
                let analysis = self.analysis(view, &folder)?;
                if analysis.file_of(path).is_some() {
                    return Ok(Some((folder, analysis)));
                }
            }
        }
        Ok(None)
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

impl Slot {
    /// The analysis, if nothing that it was made of differs in the view.
    fn current(&self, view: &View) -> Option<Arc<Analysis>> {
        let analysis = self.analysis.as_ref()?;
        let is_same = self.disk_revision == view.disk_revision
            && view.files.documents.iter().all(|(path, document)| {
                self.read.get(path).is_none_or(|text| Arc::ptr_eq(text, &document.text))
            });
        is_same.then(|| Arc::clone(analysis))
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
            root_dir: self.entry.parent().unwrap_or(Utf8Path::new("/")).to_owned(),
            host,
            purpose: Purpose::Check,
            dialect: Dialect::Ez,
            folder: self.folder.as_ref(),
        };
        compile(files, &self.entry, &options, previous)
    }

    /// A folder task.
    pub fn folder(folder: &FolderTask) -> Self {
        Self { entry: folder.taskfile.clone(), folder: Some(folder.clone()) }
    }
}

/// The folder task that a file belongs to.
fn folder_of(analysis: &Analysis, path: &Utf8Path) -> Option<ProjectKey> {
    let folders = &analysis.compilation.folders;
    folders.iter().find(|folder| path.starts_with(&folder.directory)).map(ProjectKey::folder)
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
    use super::is_taskfile_name;

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
