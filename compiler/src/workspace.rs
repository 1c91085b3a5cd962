//! What a directory needs in which a program is to run apart from its files: which of their entries it writes, and a copy
//! of its Taskfile that finds its includes from there.

use std::sync::Arc;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

use crate::ast::Include;
use crate::ir::Program;
use crate::project::Loaded;
use crate::project::paths::{clean, smart_join};
use crate::source::{SourceMap, Span};
use crate::template::has_template;

/// Variables that stand for the directory of the program at the beginning of a path.
const ROOTS: [&str; 2] = ["ROOT_DIR", "TASKFILE_DIR"];

/// The paths and globs that the tasks of a program write, relative to its root directory: `generates` and artifacts.
/// What only a template would tell is `*`; a path that begins with such a part is left out.
pub fn outputs(program: &Program) -> Vec<SmolStr> {
    let mut outputs = Vec::new();
    for task in &program.tasks {
        let definition = &task.definition;
        let generates = definition.generates.iter().filter(|glob| !glob.exclude);
        for glob in generates {
            outputs.extend(inside(&task.dir, glob.pattern.as_str()));
        }
        let artifacts = definition.superset.iter().flat_map(|superset| &superset.artifacts);
        outputs.extend(artifacts.filter_map(|artifact| inside("", artifact.path.as_str())));
    }
    outputs.sort_unstable();
    outputs.dedup();
    outputs
}

/// A path of a task that runs in `dir`, as seen from the root directory; `None` where it leads elsewhere or nowhere.
fn inside(dir: &str, path: &str) -> Option<SmolStr> {
    let path = relative(path)?;
    let dir = relative(dir).unwrap_or_default();
    let joined = clean(smart_join(&dir, &path).as_str());
    let first = joined.components().next()?;
    let is_inside = matches!(first, Utf8Component::Normal(name) if name != "*");
    is_inside.then(|| joined.as_str().into())
}

/// A path without its leading root directory and with `*` for templates; `None` for an absolute one.
fn relative(path: &str) -> Option<String> {
    let mut path = path.trim();
    if let Some((variable, rest)) = path.strip_prefix("{{").and_then(|rest| rest.split_once("}}"))
        && ROOTS.contains(&variable.trim_matches('-').trim().trim_start_matches('.'))
    {
        path = rest.trim_start_matches('/');
    }
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, from)) = rest.split_once("{{") {
        out.push_str(before);
        out.push('*');
        rest = from.split_once("}}").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    (!out.starts_with(['/', '~'])).then_some(out)
}

/// The text of the root Taskfile for a directory `to`: what it includes from outside of its own directory `from` is named as
/// seen from there. All else is as written.
pub fn taskfile_copy(loaded: &Loaded, sources: &SourceMap, from: &Utf8Path, to: &Utf8Path) -> Arc<str> {
    let Some(root) = loaded.files.first() else { return Arc::from("") };
    let Some(file) = sources.find(&root.path) else { return Arc::from("") };
    let text = Arc::clone(&sources.file(file).text);
    let includes = root.taskfile.iter().flat_map(|taskfile| &taskfile.includes);
    let mut edits: Vec<(Span, String)> = includes
        .flat_map(|include: &Include| [&include.taskfile, &include.dir])
        .flatten()
        .filter_map(|path| Some((path.span, moved(path.as_str(), from, to)?)))
        .collect();
    if edits.is_empty() {
        return text;
    }
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(sources.locate(*span).range.start));
    let mut copy = text.to_string();
    for (span, path) in edits {
        let range = sources.locate(span).range;
        if copy.get(range.clone()).is_some() {
            copy.replace_range(range, &format!("'{}'", path.replace('\'', "''")));
        }
    }
    copy.into()
}

/// A path that leaves `from`, as seen from `to`.
fn moved(path: &str, from: &Utf8Path, to: &Utf8Path) -> Option<String> {
    if has_template(path) || !clean(path).starts_with("..") {
        return None;
    }
    Some(between(to, &smart_join(from.as_str(), path)).into_string())
}

/// The way from a directory to a path, both absolute and normal.
pub fn between(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Utf8Component::ParentDir);
    let path: Utf8PathBuf = up.chain(to.components().skip(shared)).collect();
    if path.as_str().is_empty() { Utf8PathBuf::from(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_system::MemoryFileSystem;
    use crate::template::PureHost;
    use crate::{Compilation, Dialect, Options, Purpose, compile};

    fn compiled(taskfile: &str) -> Compilation {
        let files = MemoryFileSystem::new()
            .with("/p/tasks/x/Taskfile.yml", taskfile)
            .with("/p/tasks/x/sub/Taskfile.yml", "version: '3'\ntasks: {a: echo}\n")
            .with("/p/lib.yml", "version: '3'\ntasks: {b: echo}\n");
        let options = Options {
            root_dir: "/p/tasks/x".into(),
            host: &PureHost,
            purpose: Purpose::Run,
            dialect: Dialect::Ez,
            folder: None,
        };
        compile(&files, Utf8Path::new("/p/tasks/x/Taskfile.yml"), &options, None)
    }

    #[test]
    fn outputs_are_what_tasks_generate() {
        let compilation = compiled(
            "version: '3'\ntasks:\n  default:\n    generates: [b/x.o, '{{.ROOT_DIR}}/c/{{.A}}/d', '{{.A}}/e', /f, ../g, {exclude: h}]\n  \
             t: {dir: sub, generates: ['*.bin', ./i]}\n",
        );
        assert_eq!(outputs(&compilation.program), ["b/x.o", "c/*/d", "sub/*.bin", "sub/i"]);
    }

    #[test]
    fn a_copy_finds_what_is_outside() {
        let compilation = compiled(
            "version: '3'\nincludes:\n  sub: ./sub\n  lib: \"../../lib.yml\"\n  opt: {taskfile: ../../none.yml, optional: true} # a remark\n",
        );
        let (from, to) = (Utf8Path::new("/p/tasks/x"), Utf8Path::new("/p/.ez/tasks/x/workspace"));
        assert_eq!(
            &*taskfile_copy(&compilation.loaded, &compilation.sources, from, to),
            "version: '3'\nincludes:\n  sub: ./sub\n  lib: '../../../../lib.yml'\n  opt: {taskfile: '../../../../none.yml', optional: true} # a remark\n",
        );
    }

    #[test]
    fn ways_lead_up_and_down() {
        let way = |from: &str, to: &str| between(Utf8Path::new(from), Utf8Path::new(to)).into_string();
        assert_eq!(way("/a/b", "/a/c/d"), "../c/d");
        assert_eq!(way("/a", "/a/b"), "b");
        assert_eq!(way("/a", "/a"), ".");
    }
}
