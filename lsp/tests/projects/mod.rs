//! The examples and the recorded projects, as files in memory.

#![allow(clippy::unwrap_used, reason = "a test that finds no project should stop")]
#![allow(dead_code, reason = "not every test needs everything")]

pub mod typing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_lsp::World;
use ez_lsp::session::Session;

/// The texts of a project, by path.
pub type Texts = BTreeMap<Utf8PathBuf, String>;

/// Where projects are in memory.
const ROOT: &str = "/project";

/// All texts below a directory, as files of `/project`.
pub fn texts_of(directory: &Path) -> Texts {
    fn add(directory: &Path, root: &Path, texts: &mut Texts) {
        let mut entries: Vec<_> =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with(".ez") || name.starts_with(".task") || name == "build" || name == "dist" {
                continue;
            }
            if path.is_dir() {
                add(&path, root, texts);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let inside = Utf8PathBuf::from_path_buf(path.strip_prefix(root).unwrap().to_owned()).unwrap();
                texts.insert(Utf8Path::new(ROOT).join(inside), text);
            }
        }
    }
    let mut texts = Texts::new();
    add(directory, directory, &mut texts);
    texts
}

/// A session in which the directory of a project is open, and none of its files.
pub fn session_with(disk: &Texts) -> Session {
    let files = disk
        .iter()
        .fold(MemoryFileSystem::new(), |files, (path, text)| files.with(path.clone(), text.as_str()));
    let session = Session::new(&World { files: Arc::new(files), host: Arc::new(PureHost), version: "0" });
    session.change_roots(vec![ROOT.into()], &[]);
    session
}

/// The directories in a directory, by name.
pub fn directories_in(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The projects of `examples/`.
pub fn examples() -> Vec<PathBuf> {
    directories_in(&repository().join("examples"))
}

/// The folders of recorded projects.
pub fn recorded_areas() -> Vec<PathBuf> {
    directories_in(&repository().join("tests/conformance/cases"))
}

/// All of them by name, with the small projects in which navigation is tried: they name everything that has a name.
pub fn all_projects() -> Vec<(String, Texts)> {
    let mut directories = examples();
    directories.extend(recorded_areas().iter().flat_map(|area| directories_in(area)));
    let mut projects: Vec<(String, Texts)> =
        directories.iter().map(|path| (path.display().to_string(), texts_of(path))).collect();
    projects.extend(projects_of_cases());
    projects
}

fn projects_of_cases() -> Vec<(String, Texts)> {
    let cases = include_str!("../../src/ide/cases/navigation.txt").split("=== ").skip(1);
    cases
        .map(|case| {
            let (title, text) = case.split_once('\n').unwrap();
            let files = format!("#- Taskfile.yml\n{}", text.replace("$0", ""));
            let files = files.split("#- ").skip(1).map(|file| file.split_once('\n').unwrap());
            let texts = files.map(|(path, text)| (Utf8Path::new(ROOT).join(path.trim()), text.to_owned()));
            (title.to_owned(), texts.collect())
        })
        .collect()
}

/// Neither program includes the other, and both call what stands between them.
pub fn shared_file() -> Texts {
    let caller = |namespace: &str| {
        format!(
            "version: '3'\nincludes: {{{namespace}: ../lib}}\ntasks:\n  all: [{{task: '{namespace}:make', vars: {{MODE: fast}}}}]\n"
        )
    };
    let lib = "version: '3'\ntasks:\n  make:\n    vars: {OUT: '{{.MODE}}'}\n    cmds: ['echo {{.OUT}} {{.MODE}}']\n";
    let files = [("one", caller("l")), ("two", caller("m")), ("lib", lib.to_owned())];
    files.into_iter().map(|(name, text)| (format!("/project/{name}/Taskfile.yml").into(), text)).collect()
}

/// A plan calls what a project and its folder task both include, by both ways, and all else that the folder task has.
pub fn folder_with_shared_file() -> Texts {
    let root =
        "version: '3'\nincludes: {lib: lib.yml}\ntasks: {all: [{task: 'lib:make', vars: {MODE: fast}}]}\n";
    let lib = "version: '3'\ntasks:\n  make: {aliases: [mk], vars: {OUT: '{{.MODE}}'}, cmds: ['echo {{.OUT}} {{.MODE}}']}\n";
    let folder = "version: '3'\nincludes: {shared: ../../lib.yml}\ntasks:\n  default:\n    deps: [sub, 'shared:make']\n    ez-params: [{name: with-log}]\n    cmds: ['echo {{.EZ_WITH_LOG}} {{.EZ_BOARD}} {{.LEVEL}}']\n  sub: {aliases: [below], vars: {KIND: '{{.KIND}}'}, cmds: ['echo {{.KIND}}']}\n";
    let metadata =
        "params: [{name: board}]\nartifacts: [{name: image, path: 'x/{{.EZ_BOARD}}/{{.LEVEL}}'}]\n";
    let plan = "params: [{name: board}]\nsteps:\n  - {name: first, task: 'lib:make', vars: {MODE: one}}\n  - {task: 'fw:shared:mk', vars: {MODE: two}, needs: [first]}\n  - {task: fw, vars: {board: '{{.board}}', LEVEL: 1, EZ_WITH_LOG: x}, needs: ['fw:shared:mk'], outputs: [size]}\n  - {task: 'fw:below', vars: {KIND: a}, needs: [fw], inputs: [{from: fw, artifact: image, to: in}]}\n  - {name: end, task: 'fw:sub', vars: {KIND: '{{(index .steps \"fw\").outputs.size}}'}, needs: [fw, 'fw:below']}\n";
    let files = [
        ("Taskfile.yml", root),
        ("lib.yml", lib),
        ("tasks/fw/Taskfile.yml", folder),
        ("tasks/fw/task.yml", metadata),
        ("plans/p.yml", plan),
    ];
    files.into_iter().map(|(path, text)| (Utf8Path::new(ROOT).join(path), text.to_owned())).collect()
}
