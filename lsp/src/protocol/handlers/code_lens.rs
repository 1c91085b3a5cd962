//! Lenses (`textDocument/codeLens`, `codeLens/resolve`).
//!
//! The server runs nothing: a lens names a command of the editor. An editor that has such commands says so in its
//! initialization options, `{"commands": ["ez.run", "ez.dryRun", "ez.showReferences"]}`, and gets the lenses of those.
//!
//! - `ez.run` and `ez.dryRun` have one argument: `{"task": "docs:build", "dir": "/project", "args": []}`, of a plan
//!   `{"plan": "release", "dir": "/project", "args": []}`.
//!   A task whose name has stars (`start:*`) cannot be run by that name: only an editor that says `"wildcards": true` beside
//!   its commands, and asks for the words, gets these lenses of it.
//! - `ez.showReferences` has three: the address of the file, the position of the name, and the locations.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_lsp::ls_types::{CodeLens, CodeLensParams, Command, Position, Uri};

use super::super::server::Refusal;
use super::super::{from_proto, to_proto};
use crate::ide::code_lens::{self, Lens, LensKind};
use crate::session::{Columns, View};

const RUN: &str = "ez.run";
const DRY_RUN: &str = "ez.dryRun";
const SHOW_REFERENCES: &str = "ez.showReferences";

/// Which commands the editor has.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct EditorCommands {
    /// Their names.
    #[serde(default)]
    commands: Vec<String>,
    /// Whether they ask for what stands for the stars of a task's name.
    #[serde(default)]
    wildcards: bool,
}

impl EditorCommands {
    /// What the initialization options say.
    pub fn of_options(options: Option<&serde_json::Value>) -> Self {
        options.and_then(|options| Self::deserialize(options).ok()).unwrap_or_default()
    }

    /// Whether there is one that a lens could name.
    pub fn has_any(&self) -> bool {
        [RUN, DRY_RUN, SHOW_REFERENCES].into_iter().any(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.commands.iter().any(|known| known == name)
    }

    /// Whether there is the one that a lens names, and it does what the lens says.
    fn serves(&self, lens: &Lens) -> bool {
        let is_run = lens.kind != LensKind::References;
        self.has(command_name(lens.kind)) && (self.wildcards || !is_run || !lens.name.contains('*'))
    }
}

/// What a lens keeps to be resolved.
#[derive(Serialize, Deserialize)]
struct Unresolved {
    uri: Uri,
    position: Position,
}

/// The lenses of a file.
pub fn of_document(
    view: &View,
    params: &CodeLensParams,
    commands: &EditorCommands,
) -> Result<Option<Vec<CodeLens>>, Refusal> {
    let uri = &params.text_document.uri;
    let Some(path) = from_proto::path(uri) else { return Ok(None) };
    let Some(snapshot) = view.project_of(&path)? else { return Ok(None) };
    let Some(file) = snapshot.analysis.file_of(&path) else { return Ok(None) };
    let columns = Columns::new(view.encoding, snapshot.analysis.file(file));
    let lenses = code_lens::of_file(&snapshot, file).into_iter();
    let shown = lenses.filter(|lens| commands.serves(lens)).map(|lens| {
        let range = to_proto::range_in(&columns, &lens.place.range);
        let unresolved = Unresolved { uri: uri.clone(), position: range.start };
        match command(&lens) {
            Some(command) => CodeLens { range, command: Some(command), data: None },
            None => CodeLens { range, command: None, data: serde_json::to_value(unresolved).ok() },
        }
    });
    Ok(Some(shown.collect()))
}

/// A lens with its command.
pub fn resolve(view: &View, mut lens: CodeLens) -> Result<CodeLens, Refusal> {
    let Some(unresolved) = lens.data.take().and_then(|data| Unresolved::deserialize(data).ok()) else {
        return Ok(lens);
    };
    let Unresolved { uri, position } = unresolved;
    let found = match from_proto::path(&uri) {
        Some(path) => view.place(&path, position.line, position.character)?,
        None => None,
    };
    let places = found.map(|place| code_lens::used(&place.snapshot, place.position)).unwrap_or_default();
    let locations = to_proto::text_places(view, &places);
    let title = match locations.len() {
        0 => "no references".to_owned(),
        1 => "1 reference".to_owned(),
        count => format!("{count} references"),
    };
    lens.command = Some(Command {
        title,
        command: SHOW_REFERENCES.to_owned(),
        arguments: Some(vec![json!(uri), json!(position), json!(locations)]),
    });
    Ok(lens)
}

fn command_name(kind: LensKind) -> &'static str {
    match kind {
        LensKind::RunTask | LensKind::RunPlan => RUN,
        LensKind::DryRunTask | LensKind::DryRunPlan => DRY_RUN,
        LensKind::References => SHOW_REFERENCES,
    }
}

fn command(lens: &Lens) -> Option<Command> {
    let (what, title) = match lens.kind {
        LensKind::RunTask => ("task", "▶ run"),
        LensKind::DryRunTask => ("task", "dry-run"),
        LensKind::RunPlan => ("plan", "▶ run plan"),
        LensKind::DryRunPlan => ("plan", "dry-run"),
        LensKind::References => return None,
    };
    let argument = json!({what: lens.name.as_str(), "dir": lens.dir.as_str(), "args": []});
    Some(Command {
        title: title.to_owned(),
        command: command_name(lens.kind).to_owned(),
        arguments: Some(vec![argument]),
    })
}
