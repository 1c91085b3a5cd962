//! EZ207: a dotenv file that does not exist.

use super::context::Context;
use super::ignored::is_ignored;
use super::place;
use crate::ast::Text;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::suggest::nearest;

/// Endings of files that stand for one that everybody writes himself.
const EXAMPLES: &[&str] = &[".example", ".sample", ".template", ".dist", ".tpl", ".defaults", ".default"];

/// Names that go with a usual dotenv file.
const USUAL: &[&str] =
    &[".env", ".env.local", ".env.example", ".env.development", ".env.production", ".env.test"];

/// go-task passes over a missing file; so does this rule where the file is meant to be everybody's own.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let root = context.project.loaded.files.first().and_then(|file| file.taskfile.as_ref());
    for text in root.iter().flat_map(|taskfile| &taskfile.dotenv) {
        found.extend(missing(context, "", text));
    }
    for (_, task) in context.own_tasks() {
        if task.definition.dotenv.is_empty() || task.dir.contains("{{") {
            continue;
        }
        for text in &task.definition.dotenv {
            found.extend(missing(context, &task.dir, text));
        }
    }
}

fn missing(context: &Context<'_>, dir: &str, text: &Text) -> Option<Diagnostic> {
    if text.value.is_empty() || !Context::is_static(text) {
        return None;
    }
    let path = context.join(dir, &text.value);
    let is_there = |path: &camino::Utf8Path| context.files.kind(path).is_some();
    let has_example =
        EXAMPLES.iter().any(|ending| is_there(camino::Utf8Path::new(&format!("{path}{ending}"))));
    if is_there(&path) || has_example || is_ignored(&path, context.files) {
        return None;
    }
    let span = place::span_in(text, &(0..text.value.len()), context.sources());
    let diagnostic = Diagnostic::warning(
        rule::MISSING_DOTENV,
        format!("the dotenv file `{}` does not exist", text.value),
        span,
    )
    .with_label("not there");
    let (dir, name) =
        text.value.rsplit_once('/').map_or(("", text.value.as_str()), |(dir, name)| (dir, name));
    let in_dir = |name: &str| if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
    let near = nearest(
        name,
        USUAL
            .iter()
            .copied()
            .filter(|usual| path.parent().is_some_and(|parent| is_there(&parent.join(usual)))),
    );
    Some(match near {
        Some(near) => {
            let near = in_dir(near);
            diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("change to `{near}`"),
                span,
                near,
            )
        }
        None => diagnostic.with_help("create it, or add it to `.gitignore` if everybody has one of his own"),
    })
}
