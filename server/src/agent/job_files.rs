//! The files of an attempt that brings its own: a fresh directory with the same relative layout before it runs, and what it made afterwards.
//!
//! The watcher does this and not the agent, so that an agent may be killed at any moment: the directory is within that of the attempt and goes with it, and an
//! attempt whose watcher was killed on the way has failed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ez_runner::plan::outputs;
use serde::{Deserialize, Serialize};

use super::spare_workspace::{LAID_OUT, SpareWorkspaces, WORKSPACE};
use crate::job::STEP_OUTPUT;
use crate::sync::content_store::ContentStore;
use crate::sync::digest::Digest;
use crate::sync::hash_cache::{HashCache, now_ns};
use crate::sync::lay_out::{LayOutError, Stamps, lay_out, lay_out_rest};
use crate::sync::manifest::{Manifest, ManifestError};
use crate::sync::patterns::{BadPattern, Patterns};
use crate::sync::scan::{ScanError, scan, scan_matching};
use crate::sync::transfer::{ContentClient, TransferError, Transferred};
use crate::sync::tree_path::TreePath;

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
    /// Where workspaces of jobs that have ended are kept for others; `None` where none are kept.
    #[serde(default)]
    pub spare: Option<PathBuf>,
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
        // The server gave this attempt out: where it does not answer now, it will.
        Ok(self.server.as_ref().map(client).transpose()?.map(ContentClient::waiting))
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
        let laid_out = match self.lay_out(&manifest, &store, attempt) {
            Err(error) => {
                // A content that was damaged on this disk is gone by now; the server may have it whole.
                fs::remove_dir_all(&workspace)?;
                if self.server.is_none() || error.error.kind() != io::ErrorKind::InvalidData {
                    return Err(error.into());
                }
                self.fetch(&store)?;
                lay_out(&manifest, &store, &workspace)?
            }
            laid_out => laid_out?,
        };
        self.remember(&manifest, laid_out, attempt)?;
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

    /// Lays the files out, over what is there of an earlier job.
    fn lay_out(
        &self,
        manifest: &Manifest,
        store: &ContentStore,
        attempt: &Path,
    ) -> Result<Stamps, LayOutError> {
        let workspace = attempt.join(WORKSPACE);
        let spare = self.spare.as_deref().map(SpareWorkspaces::new);
        match spare.map(|spare| spare.take(&self.inputs, manifest, attempt)) {
            Some(Ok(Some(kept))) => return lay_out_rest(manifest, store, &workspace, &kept),
            // What was taken is of no use.
            Some(Err(_)) => drop(fs::remove_dir_all(&workspace)),
            Some(Ok(None)) | None => {}
        }
        lay_out(manifest, store, &workspace)
    }

    /// Writes down what the system tells of the files, so that they can be kept.
    fn remember(&self, manifest: &Manifest, laid_out: Stamps, attempt: &Path) -> io::Result<()> {
        if self.spare.is_none() || !SpareWorkspaces::is_worth_it(manifest) {
            return Ok(());
        }
        let (now, mut known) = (now_ns(), HashCache::default());
        for (stamp, digest) in laid_out {
            known.insert(stamp, digest, now);
        }
        known.save(&attempt.join(LAID_OUT))
    }

    fn fetch(&self, store: &ContentStore) -> Result<(Manifest, Transferred), JobFilesError> {
        match self.client()? {
            Some(client) => Ok(client.fetch_tree(&self.inputs, store)?),
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
            client.send_tree(&manifest, &workspace)?
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

    /// Removes the files that were made, and those that were brought where they are not kept for another job.
    pub fn remove(&self, attempt: &Path) {
        let is_kept = attempt.join(LAID_OUT).exists() && self.keep_for_others(attempt).is_ok();
        if !is_kept {
            // What stays is removed with the attempt.
            let _ = fs::remove_dir_all(attempt.join(WORKSPACE));
        }
    }

    fn keep_for_others(&self, attempt: &Path) -> io::Result<()> {
        let Some(spare) = &self.spare else { return Err(io::ErrorKind::Unsupported.into()) };
        let tree = ContentStore::open(&self.content)?.manifest(&self.inputs)?;
        SpareWorkspaces::new(spare).put(&self.inputs, &tree, attempt)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use super::{Collected, ContentStore, Digest, JobFiles, JobFilesError, LAID_OUT, outputs};
    use crate::agent::spare_workspace::{MAX_SPARE, MIN_FILES};
    use crate::sync::hash_cache::{HashCache, Stamp};
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
            spare: None,
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
        files.remove(&attempt);
        assert!(!attempt.join("workspace").exists());
    }

    #[test]
    fn the_next_attempt_gets_the_files_of_the_last_one() {
        const MADE: &str = "workspace/made";
        let place = tempfile::tempdir().unwrap();
        let (source, content) = (place.path().join("source"), place.path().join("content"));
        fs::create_dir(&source).unwrap();
        for number in 0..MIN_FILES + 10 {
            fs::write(source.join(number.to_string()), number.to_string()).unwrap();
        }
        let store = ContentStore::open(&content).unwrap();
        let files = || {
            let manifest = scan(&source, &[".".to_owned()], &mut HashCache::default()).unwrap().manifest;
            let inputs = store.import_tree(&manifest, &source).unwrap();
            let (spare, content) = (Some(place.path().join("spare")), content.clone());
            JobFiles {
                inputs,
                directory: None,
                outputs: vec![],
                step_output: false,
                content,
                spare,
                server: None,
                ca: None,
            }
        };
        let numbers = |attempt: &Path| {
            let number =
                |number: usize| fs::metadata(attempt.join(format!("workspace/{number}"))).unwrap().ino();
            (1..MIN_FILES + 10).map(number).collect::<Vec<_>>()
        };
        let run = |name: &str, files: &JobFiles| {
            let attempt = place.path().join(name);
            fs::create_dir(&attempt).unwrap();
            files.prepare(&attempt).unwrap();
            assert!(!attempt.join(MADE).exists());
            // What was laid out in the same tick of the clock as this is not kept.
            let numbers = numbers(&attempt);
            fs::write(attempt.join(MADE), "made").unwrap();
            (attempt, numbers)
        };
        // As if it had been laid out a while ago.
        let settle = |attempt: &Path| {
            let laid_out = fs::read_dir(attempt.join("workspace")).unwrap().map(|entry| {
                let path = entry.unwrap().path();
                (Stamp::of(&fs::metadata(&path).unwrap()), Digest::of(&fs::read(path).unwrap()))
            });
            let mut known = HashCache::default();
            laid_out.for_each(|(stamp, digest)| known.insert(stamp, digest, i64::MAX));
            known.save(&attempt.join(LAID_OUT)).unwrap();
        };
        let (first, numbers_of_first) = run("1", &files());
        settle(&first);
        files().remove(&first);
        assert!(!first.join("workspace").exists());
        fs::write(source.join("0"), "changed").unwrap();
        let (second, numbers_of_second) = run("2", &files());
        assert_eq!(numbers_of_first, numbers_of_second);
        assert_eq!(fs::read_to_string(second.join("workspace/0")).unwrap(), "changed");
        // While one has them, another gets its own.
        let (third, numbers_of_third) = run("3", &files());
        assert!(numbers_of_third.iter().all(|number| !numbers_of_second.contains(number)));
        let kept = || fs::read_dir(place.path().join("spare")).unwrap().count();
        assert_eq!(kept(), 0);
        for attempt in [second, third] {
            files().remove(&attempt);
        }
        for number in 0..MAX_SPARE + 2 {
            let attempts: Vec<_> =
                (0..=number).map(|at| run(&format!("{number}-{at}"), &files()).0).collect();
            for attempt in attempts {
                settle(&attempt);
                files().remove(&attempt);
            }
        }
        assert_eq!(kept(), MAX_SPARE);
    }
}
