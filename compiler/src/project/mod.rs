//! Files loaded and linked: includes followed, names resolved.

pub mod failure;
mod link;
pub mod load;
pub mod paths;
pub mod remote;

use camino::Utf8Path;

pub use failure::Failure;
pub use load::{Edge, LANGUAGE_VERSION, Loaded, MAX_INCLUDE_DEPTH, ProjectFile, Purpose};

use crate::diagnostic::Diagnostic;
use crate::file_system::FileSystem;
use crate::ir::Program;
use crate::source::SourceMap;
use crate::template::Host;

/// A project with everything that could be read of it.
#[derive(Debug)]
pub struct Project {
    /// All texts.
    pub sources: SourceMap,
    /// All files and includes.
    pub loaded: Loaded,
    /// Findings of reading and linking.
    pub diagnostics: Vec<Diagnostic>,
    /// The error with which go-task would refuse the project.
    pub failure: Option<Failure>,
}

/// Reads the project of a root Taskfile and links it.
pub fn open(
    files: &dyn FileSystem,
    entry: &Utf8Path,
    root_dir: &Utf8Path,
    host: &dyn Host,
    purpose: Purpose,
    previous: Option<(&SourceMap, &Loaded)>,
) -> (Project, Program) {
    let sources = previous.map_or_else(SourceMap::default, |(sources, _)| sources.next());
    let mut loader = load::Loader::new(files, host, purpose, sources, previous.map(|(_, loaded)| loaded));
    loader.load(entry, root_dir);
    let load::Loader { sources, loaded, mut diagnostics, mut failure, .. } = loader;
    let mut linker = link::Linker::new(&loaded);
    let program = linker.link();
    diagnostics.extend(linker.diagnostics);
    // A version that go-task does not take is its last complaint.
    let late = matches!(failure, Some(Failure::VersionUnsupported { .. }));
    if failure.is_none() || (late && linker.failure.is_some()) {
        failure = linker.failure;
    }
    let of_files = loaded.files.iter().flat_map(|file| file.diagnostics.iter().cloned());
    let diagnostics = of_files.chain(diagnostics).collect();
    (Project { sources, loaded, diagnostics, failure }, program)
}
