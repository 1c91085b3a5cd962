//! Has the editor tell of files that change on disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::template::has_template;
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::{
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, MessageType, Registration,
};

use super::server::Refusal;
use super::workers::apart;
use crate::analysis::Analysis;
use crate::session::{Session, View};

/// What is watched from the beginning. An included Taskfile may have any name.
const WATCHED: &[&str] =
    &["**/*.{yml,yaml}", "**/{tasks,plans,plugins,templates}/**", "**/.env*", "**/*.env", "**/.taskrc.y*ml"];

/// How many names of other files are watched. Somebody who has more has them made by a program.
const MAX_OTHERS: usize = 100;

/// What an editor that can be asked to watch files watches.
pub struct Watch {
    client: Client,
    session: Arc<Session>,
    /// Told when projects may read other files than before.
    changed: Arc<Notify>,
    others: BTreeSet<String>,
}

impl Watch {
    /// Has the editor watch the usual files, and, whenever it is told of a change, what the projects read besides, such as a
    /// dotenv file with a name of its own; until the server ends.
    pub async fn run(client: Client, session: Arc<Session>, changed: Arc<Notify>) {
        let mut watch = Self { client, session, changed, others: BTreeSet::new() };
        watch.register("ez-files".to_owned(), WATCHED.iter().map(|glob| (*glob).to_owned()).collect()).await;
        loop {
            watch.changed.notified().await;
            let (view, released) = (watch.session.view(), Arc::clone(&watch.session));
            let names = apart(move || others(&view), move || released.release_replaced()).await;
            let globs = watch.unknown(names.unwrap_or_default());
            if let Some(first) = globs.first() {
                watch.register(format!("ez-files:{first}"), globs).await;
            }
        }
    }

    /// The globs of names that are not watched yet.
    fn unknown(&mut self, names: BTreeSet<String>) -> Vec<String> {
        let left = MAX_OTHERS.saturating_sub(self.others.len());
        let new: Vec<String> =
            names.into_iter().filter(|name| !self.others.contains(name)).take(left).collect();
        self.others.extend(new.iter().cloned());
        new.iter().map(|name| format!("**/{name}")).collect()
    }

    async fn register(&self, id: String, globs: Vec<String>) {
        let watcher = |glob| FileSystemWatcher { glob_pattern: GlobPattern::String(glob), kind: None };
        let options =
            DidChangeWatchedFilesRegistrationOptions { watchers: globs.into_iter().map(watcher).collect() };
        let registration = Registration {
            id,
            method: "workspace/didChangeWatchedFiles".to_owned(),
            register_options: serde_json::to_value(options).ok(),
        };
        if let Err(error) = self.client.register_capability(vec![registration]).await {
            let message = format!("files are not watched: {error}");
            self.client.log_message(MessageType::WARNING, message).await;
        }
    }
}

/// The names of files that projects read and that nobody watches yet.
fn others(view: &View) -> Result<BTreeSet<String>, Refusal> {
    let mut names = BTreeSet::new();
    for analysis in view.projects()? {
        let texts = analysis.files().map(|(_, file)| &*file.path);
        let paths = texts.chain(dotenv_files(&analysis)).filter_map(Utf8Path::file_name);
        names.extend(paths.filter(|name| !is_watched(name) && is_literal(name)).map(str::to_owned));
    }
    Ok(names)
}

/// The dotenv files that are named in the files of a project.
fn dotenv_files(analysis: &Analysis) -> impl Iterator<Item = &Utf8Path> {
    let taskfiles = analysis.compilation.loaded.files.iter().filter_map(|file| file.taskfile.as_ref());
    let named = taskfiles.flat_map(|file| {
        file.dotenv.iter().chain(file.tasks.iter().flat_map(|task| &task.dotenv)).map(|text| &*text.value)
    });
    named.filter(|path| !has_template(path)).map(Utf8Path::new)
}

/// Whether a glob that is watched from the beginning fits a file's name.
fn is_watched(name: &str) -> bool {
    name.starts_with(".env") || [".yml", ".yaml", ".env"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a name stands for itself as a glob of the protocol (3.17, `Pattern`).
fn is_literal(name: &str) -> bool {
    !name.contains(['*', '?', '[', ']', '{', '}', ',', '!', '\\'])
}
