//! The files of an attempt that brings its own: a fresh directory with the same relative layout before it runs, and what it made afterwards.
//!
//! The watcher does this and not the agent, so that an agent may be killed at any moment: the directory is within that of the attempt and goes with it, and an
//! attempt whose watcher was killed on the way has failed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ez_runner::plan::outputs;
use serde::{Deserialize, Serialize};

use crate::job::STEP_OUTPUT;
use crate::sync::content_store::ContentStore;
use crate::sync::digest::Digest;
use crate::sync::hash_cache::HashCache;
use crate::sync::lay_out::{LayOutError, lay_out};
use crate::sync::manifest::{Manifest, ManifestError};
use crate::sync::patterns::{BadPattern, Patterns};
use crate::sync::scan::{ScanError, scan, scan_matching};
use crate::sync::transfer::{ContentClient, TransferError, Transferred};
use crate::sync::tree_path::TreePath;

/// The directory in that of the attempt.
const WORKSPACE: &str = "workspace";

/// How long a server that is away is waited for, and the pauses between the tries.
const OUTAGE_LIMIT: Duration = Duration::from_hours(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How many patterns that meet nothing are told.
const MAX_TOLD: usize = 20;

/// The variable with the token of a node.
const TOKEN: &str = "EZ_CLIENT_TOKEN";

/// What an attempt brings and makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFiles {
    /// The list of files with which it runs.
    pub inputs: Digest,
    /// The directory in which it runs.
    pub directory: Option<TreePath>,
    /// What is kept of what it makes.
    pub outputs: Vec<String>,
    /// Whether the values are kept that it writes for later steps of its plan.
    #[serde(default)]
    pub step_output: bool,
    /// Where contents are kept on this machine.
    pub content: PathBuf,
    /// The server that has them; `None` where it uses the same directory.
    pub server: Option<String>,
    /// The file with the certificates that are trusted.
    pub ca: Option<PathBuf>,
}

/// Why the files of an attempt are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum JobFilesError {
    /// They cannot be fetched or sent.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// They cannot be laid out.
    #[error(transparent)]
    LayOut(#[from] LayOutError),
    /// What was made cannot be sent.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A pattern is wrong.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// The list of what was made cannot be.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The values for later steps are too many.
    #[error(transparent)]
    StepOutput(#[from] outputs::OutputError),
    /// The disk fails.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The list of the files.
    pub tree: Digest,
    /// What is to be told of it.
    pub notes: Vec<String>,
}

impl JobFiles {
    fn client(&self) -> Result<Option<ContentClient>, TransferError> {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let client = |server: &String| ContentClient::new(server, token, self.ca.as_deref());
        self.server.as_ref().map(client).transpose()
    }

    /// Lays the files out. Where the attempt runs, and what is to be told.
    ///
    /// # Errors
    /// They cannot be had, or written.
    pub fn prepare(&self, attempt: &Path) -> Result<(PathBuf, String), JobFilesError> {
        let store = ContentStore::open(&self.content)?;
        let _in_use = store.use_contents()?;
        let workspace = attempt.join(WORKSPACE);
        let (manifest, fetched) = self.fetch(&store)?;
        if let Err(error) = lay_out(&manifest, &store, &workspace) {
            // A content that was damaged on this disk is gone by now; the server may have it whole.
            fs::remove_dir_all(&workspace)?;
            if self.server.is_none() || error.error.kind() != io::ErrorKind::InvalidData {
                return Err(error.into());
            }
            self.fetch(&store)?;
            lay_out(&manifest, &store, &workspace)?;
        }
        let directory = self.directory.as_ref().map_or(workspace.clone(), |path| path.below(&workspace));
        fs::create_dir_all(&directory)?;
        if self.step_output
            && let Some(parent) = Self::step_output(attempt).parent()
        {
            fs::create_dir_all(parent)?;
        }
        let files = manifest.entries().len();
        Ok((
            directory,
            format!(
                "{files} file{} laid out, {} fetched ({} bytes)",
                if files == 1 { "" } else { "s" },
                fetched.contents,
                fetched.bytes
            ),
        ))
    }

    fn fetch(&self, store: &ContentStore) -> Result<(Manifest, Transferred), JobFilesError> {
        match self.client()? {
            Some(client) => patiently(|| client.fetch_tree(&self.inputs, store)),
            None => Ok((store.manifest(&self.inputs)?, Transferred::default())),
        }
    }

    /// The file to which a step writes values for later ones.
    pub fn step_output(attempt: &Path) -> PathBuf {
        attempt.join(WORKSPACE).join(STEP_OUTPUT)
    }

    /// Keeps what the attempt made, where the server finds it: of one that failed the values for later steps alone. `None` where there is nothing, and nothing was asked
    /// for.
    ///
    /// # Errors
    /// It cannot be read, or sent.
    pub fn collect(&self, attempt: &Path, has_failed: bool) -> Result<Option<Collected>, JobFilesError> {
        let values = self.values(attempt)?;
        let outputs = if has_failed { &[] } else { self.outputs.as_slice() };
        if outputs.is_empty() && values.is_none() {
            return Ok(None);
        }
        let workspace = attempt.join(WORKSPACE);
        let patterns = Patterns::new(outputs)?;
        let made = scan_matching(&workspace, &patterns, &mut HashCache::default())?.manifest;
        let missed = patterns.without_match(&made.entries().keys());
        let files = made.entries().len();
        let manifest = made.with(&values.unwrap_or_default())?;
        let mut notes: Vec<String> =
            missed.iter().take(MAX_TOLD).map(|pattern| format!("no output is named `{pattern}`")).collect();
        let (tree, sent) = if let Some(client) = self.client()? {
            patiently(|| client.send_tree(&manifest, &workspace))?
        } else {
            let store = ContentStore::open(&self.content)?;
            let _in_use = store.use_contents()?;
            (store.import_tree(&manifest, &workspace)?, Transferred::default())
        };
        if !outputs.is_empty() {
            notes.push(format!("{files} outputs kept, {} sent ({} bytes)", sent.contents, sent.bytes));
        }
        Ok(Some(Collected { tree, notes }))
    }

    /// The values that were written for later steps, where there are any.
    fn values(&self, attempt: &Path) -> Result<Option<Manifest>, JobFilesError> {
        let written = fs::symlink_metadata(Self::step_output(attempt));
        let Some(written) = written.ok().filter(|written| self.step_output && written.is_file()) else {
            return Ok(None);
        };
        if written.len() > outputs::MAX_SIZE {
            return Err(outputs::OutputError::TooLarge.into());
        }
        let path = [STEP_OUTPUT.to_owned()];
        Ok(Some(scan(&attempt.join(WORKSPACE), &path, &mut HashCache::default())?.manifest))
    }

    /// Removes the files, made or brought.
    pub fn remove(attempt: &Path) {
        // What stays is removed with the attempt.
        let _ = fs::remove_dir_all(attempt.join(WORKSPACE));
    }
}

/// Tries again as long as the server is away.
fn patiently<T>(work: impl Fn() -> Result<T, TransferError>) -> Result<T, JobFilesError> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match work() {
            Err(error) if error.is_outage() && begun.elapsed() < OUTAGE_LIMIT => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return Ok(done?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Collected, ContentStore, JobFiles, JobFilesError, outputs};
    use crate::sync::hash_cache::HashCache;
    use crate::sync::scan::scan;

    #[test]
    fn an_attempt_gets_its_files_and_gives_its_own() {
        let place = tempfile::tempdir().unwrap();
        let source = place.path().join("source");
        fs::create_dir_all(source.join("sub")).unwrap();
        fs::write(source.join("sub/in"), "in").unwrap();
        let store = ContentStore::open(place.path().join("content")).unwrap();
        let manifest = scan(&source, &[".".to_owned()], &mut HashCache::default()).unwrap().manifest;
        let inputs = store.import_tree(&manifest, &source).unwrap();
        let files = JobFiles {
            inputs,
            directory: Some("sub".to_owned().try_into().unwrap()),
            outputs: vec!["out".into(), "none/*".into()],
            step_output: true,
            content: place.path().join("content"),
            server: None,
            ca: None,
        };
        let attempt = place.path().join("attempt");
        fs::create_dir(&attempt).unwrap();
        let (directory, told) = files.prepare(&attempt).unwrap();
        assert_eq!(
            (directory, told.as_str()),
            (attempt.join("workspace/sub"), "1 file laid out, 0 fetched (0 bytes)")
        );
        fs::create_dir(attempt.join("workspace/out")).unwrap();
        fs::write(attempt.join("workspace/out/made"), "made").unwrap();
        let paths = |collected: &Collected| {
            let made = store.manifest(&collected.tree).unwrap();
            made.entries().keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(files.collect(&attempt, true).unwrap(), None);
        fs::write(JobFiles::step_output(&attempt), "a=1\n").unwrap();
        let collected = files.collect(&attempt, true).unwrap().unwrap();
        assert_eq!((paths(&collected), collected.notes), (vec![".ez/step-output".to_owned()], vec![]));
        let collected = files.collect(&attempt, false).unwrap().unwrap();
        assert_eq!(collected.notes, ["no output is named `none/*`", "1 outputs kept, 0 sent (0 bytes)"]);
        assert_eq!(paths(&collected), [".ez/step-output", "out/made"]);
        fs::write(JobFiles::step_output(&attempt), vec![b'a'; outputs::MAX_SIZE as usize + 1]).unwrap();
        assert!(matches!(files.collect(&attempt, false), Err(JobFilesError::StepOutput(_))));
        JobFiles::remove(&attempt);
        assert!(!attempt.join("workspace").exists());
    }
}
