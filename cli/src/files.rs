//! Where a project's files come from: the disk and, for remote Taskfiles, the network.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{DirectoryEntry, FileSystem, PathKind, ReadError, RemoteError};
use ez_runner::engine::{Ask, Confirmation};
use ez_runner::process::Environment;
use ez_runner::remote::{self, RemoteSettings, Trust};

use crate::args::invocation::Options;
use crate::ask;
use crate::disk::Disk;
use crate::logger::{Color, Logger};

/// The files of this machine, and Taskfiles from elsewhere.
pub struct Files {
    settings: RemoteSettings,
    user: Judge,
}

/// Who is asked whether a remote Taskfile may run.
struct Judge {
    user: ask::User,
    logger: Logger,
    assume_yes: bool,
    verbose: bool,
}

impl Files {
    /// Files of the project at `root`, under the settings of a command line; fetched Taskfiles are kept below `cache_dir`.
    pub fn new(
        options: &Options,
        root: &Utf8Path,
        cache_dir: Utf8PathBuf,
        environment: &Arc<Environment>,
        logger: &Logger,
    ) -> Self {
        let user = ask::User::new(options.personality, logger.clone());
        let user =
            Judge { user, logger: logger.clone(), assume_yes: options.assume_yes, verbose: options.verbose };
        Self { settings: settings(options, root, cache_dir, environment), user }
    }
}

impl FileSystem for Files {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        Disk.read(path)
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        Disk.kind(path)
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        Disk.list(directory)
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        remote::read(url, checksum, &self.settings, &self.user, now.as_secs() as i64)
    }
}

impl Trust for Judge {
    fn ask(&self, question: &str) -> bool {
        if self.assume_yes {
            self.logger.out(Color::Yellow, &format!("{question} [assuming yes]\n"));
            return true;
        }
        self.user.confirm(question) == Confirmation::Yes
    }

    fn remark(&self, text: &str) {
        if self.verbose {
            self.logger.out(Color::Magenta, text);
        }
    }
}

/// How remote Taskfiles of the project at `root` are had, by the flags of a command line.
pub fn settings(
    options: &Options,
    root: &Utf8Path,
    cache_dir: Utf8PathBuf,
    environment: &Arc<Environment>,
) -> RemoteSettings {
    let remote = &options.remote;
    let nanoseconds = |n: i64| Duration::from_nanos(u64::try_from(n).unwrap_or(0));
    let path = |text: &str| (!text.is_empty()).then(|| Utf8PathBuf::from(text));
    RemoteSettings {
        root: root.to_string(),
        insecure: remote.insecure,
        download: remote.download,
        offline: remote.offline,
        trusted_hosts: remote.trusted_hosts.clone(),
        timeout: nanoseconds(remote.timeout),
        expiry: nanoseconds(remote.expiry),
        cache_dir,
        ca_certificate: path(&remote.ca_cert),
        certificate: path(&remote.cert),
        certificate_key: path(&remote.cert_key),
        environment: Arc::clone(environment),
    }
}
