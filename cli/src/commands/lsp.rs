//! `ez lsp`: the language server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::file_system::{DirectoryEntry, FileSystem, PathKind, ReadError, RemoteError};
use ez_lsp::{Transport, World};
use ez_runner::machine::Machine;
use ez_runner::remote::{self, RemoteSettings, Trust};

use super::version::EZ_VERSION;
use super::{Context, Outcome};
use crate::args::ez::Lsp;
use crate::args::invocation::Options;
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::files;
use crate::logger::Color;
use crate::project::remote_cache;

/// Serves until the editor ends.
pub fn run(context: &Context, options: &Options, request: &Lsp) -> Outcome {
    let transport = match (&request.tcp, &request.websocket) {
        (Some(port), _) => Transport::Tcp(address(port)?),
        (None, Some(port)) => Transport::WebSocket(address(port)?),
        (None, None) => Transport::Stdio,
    };
    let scheme = if matches!(transport, Transport::Tcp(_)) { "tcp" } else { "ws" };
    let listening = |address: SocketAddr| {
        context.logger.err(Color::None, &format!("ez: listening on {scheme}://{address}\n"));
    };
    ez_lsp::serve(&world(context, options)?, transport, listening)
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))
}

/// A port of this machine, or an address with one.
fn address(typed: &str) -> Result<SocketAddr, Failure> {
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let port = typed.parse::<u16>().map(loopback).ok();
    port.or_else(|| typed.parse().ok()).ok_or_else(|| {
        Failure::new(Code::USAGE, format!("ez: \"{typed}\" is no port; write a number from 0 to 65535"))
    })
}

fn world(context: &Context, options: &Options) -> Result<World, Failure> {
    let directory = &context.environment.working_directory;
    let environment = Arc::new(context.environment.for_processes());
    let cache = remote_cache(options, directory, &environment)?;
    let settings =
        RemoteSettings { offline: true, ..files::settings(options, directory, cache, &environment) };
    Ok(World {
        files: Arc::new(EditorDisk { settings }),
        host: Arc::new(Machine::new(&environment)),
        version: EZ_VERSION,
    })
}

/// The disk for an editor: of remote Taskfiles only what was fetched before, because opening a file must not reach the
/// network.
struct EditorDisk {
    settings: RemoteSettings,
}

impl FileSystem for EditorDisk {
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
        // In an offline look at the cache nothing is too old.
        remote::read(url, checksum, &self.settings, &Refusing, 0)
    }
}

/// Nobody is there who could be asked.
struct Refusing;

impl Trust for Refusing {
    fn ask(&self, _question: &str) -> bool {
        false
    }

    fn remark(&self, _text: &str) {}
}
