//! The subcommands of `ez server` and `ez client`.

#![expect(clippy::doc_markdown, reason = "they are texts of the help, which knows no backticks")]

use clap::{Args, Subcommand};

/// `ez server`
#[derive(Args, Debug)]
pub struct Server {
    /// What to do
    #[command(subcommand)]
    pub action: ServerAction,
}

/// What `ez server` does.
#[derive(Debug, Subcommand)]
pub enum ServerAction {
    /// Serve the project until it is told to stop
    ///
    /// Listens on this machine alone where nothing else is said. Jobs run here, and on every machine where `ez client start` leads to this server.
    Start(ServerStart),
    /// Tell whether a server works, and what it does
    Status(ServerStatus),
    /// End the server of this project
    Stop(ServerStop),
    /// Run the server in a container
    Docker(ServerDocker),
    /// Make tokens, list or revoke them
    Token(ServerToken),
    /// Copy the database while the server works
    Backup(ServerBackup),
}

/// `ez server start`
#[derive(Args, Debug)]
pub struct ServerStart {
    /// The address to listen on (else 127.0.0.1)
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// The port to listen on; 0 is any that is free (EZ_HTTP_PORT, else 8080)
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
    /// How many jobs run on this machine at once; 0 is none (else as many as it has cores)
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,
    /// What this machine has, as in `gpu` or `os:linux`; several are separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// After how many seconds without a sign of life the jobs of a node are given up (else 60)
    #[arg(long, value_name = "SECONDS")]
    pub lease: Option<u64>,
    /// How many seconds a job that is to end has for it, before it is killed (else 10)
    #[arg(long, value_name = "SECONDS")]
    pub grace: Option<u64>,
    /// For how many seconds a server that is told to end waits for the jobs of this machine (else 0; they go on without it)
    #[arg(long, value_name = "SECONDS")]
    pub stop_wait: Option<u64>,
    /// How many jobs run at once on all nodes together
    #[arg(long, value_name = "N")]
    pub max_jobs: Option<usize>,
    /// How much of the output of an attempt on this machine is kept (EZ_MAX_LOG_BYTES, else 1 GiB)
    #[arg(long, value_name = "BYTES")]
    pub max_log_bytes: Option<u64>,
    /// Ask nobody for a token, wherever this listens
    #[arg(long)]
    pub insecure: bool,
    /// Speak TLS with this certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// The key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Go on in the background; `ez server stop` ends it
    #[arg(long)]
    pub daemon: bool,
    /// This process is the one in the background
    #[arg(long, hide = true)]
    pub detached: bool,
}

/// Where a server keeps what it knows.
#[derive(Args, Debug)]
pub struct ServerData {
    /// The project (EZ_ROOT, else this directory)
    #[arg(long, value_name = "DIR")]
    pub root: Option<String>,
    /// The database (EZ_DB_PATH, else .ez-server/ez.db in the project)
    #[arg(long, value_name = "FILE")]
    pub db: Option<String>,
    /// The file of settings (else ez-server.toml in the project)
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
}

/// `ez server status`
#[derive(Args, Debug)]
pub struct ServerStatus {
    /// The server (EZ_SERVER_URL, else the one of this project)
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Whose certificates are trusted, as a PEM file (EZ_SERVER_CA, else whom browsers trust)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
}

/// `ez server stop`
#[derive(Args, Debug)]
pub struct ServerStop {
    /// How many seconds to wait for its end
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub limit: u64,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
}

/// `ez server docker`
#[derive(Args, Debug)]
pub struct ServerDocker {
    /// What to do
    #[command(subcommand)]
    pub action: DockerAction,
    /// The project (EZ_ROOT, else this directory)
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<String>,
}

/// What `ez server docker` does.
#[derive(Debug, Subcommand)]
pub enum DockerAction {
    /// Start the container in the background
    Up(DockerUp),
    /// End the container; its database stays in its volume
    Down,
    /// Show what the server says
    Logs(DockerLogs),
}

/// `ez server docker up`
#[derive(Args, Debug)]
pub struct DockerUp {
    /// Make the image first, from the sources of EZ in this directory
    #[arg(long, value_name = "DIR")]
    pub source: Option<String>,
}

/// `ez server docker logs`
#[derive(Args, Debug)]
pub struct DockerLogs {
    /// Go on as long as the server says more
    #[arg(short, long)]
    pub follow: bool,
}

/// `ez server token`
#[derive(Args, Debug)]
pub struct ServerToken {
    /// What to do
    #[command(subcommand)]
    pub action: TokenAction,
}

/// What `ez server token` does.
#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Make a token, and show it this once
    Create(TokenCreate),
    /// List the tokens
    List(TokenList),
    /// Refuse a token from now on
    Revoke(TokenRevoke),
}

/// `ez server token create`
#[derive(Args, Debug)]
pub struct TokenCreate {
    /// What it is for
    pub name: String,
    /// What it may do: read, run, edit, node, admin
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "read")]
    pub scopes: Vec<String>,
    /// After how many days it counts no more (else it counts until it is revoked)
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub expires_in: Option<u64>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
}

/// `ez server token list`
#[derive(Args, Debug)]
pub struct TokenList {
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
}

/// `ez server token revoke`
#[derive(Args, Debug)]
pub struct TokenRevoke {
    /// The token's first part, as the list shows it
    pub id: String,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
}

/// `ez server backup`
#[derive(Args, Debug)]
pub struct ServerBackup {
    /// The file to write; it must not be there
    pub file: String,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub data: ServerData,
}

/// `ez client`
#[derive(Args, Debug)]
pub struct Client {
    /// What to do
    #[command(subcommand)]
    pub action: ClientAction,
}

/// What `ez client` does.
#[derive(Debug, Subcommand)]
pub enum ClientAction {
    /// Run jobs for a server until it is told to stop
    ///
    /// Connects out and listens nowhere. Jobs go on while the server is away, and when this process is replaced; on SIGTERM it takes no more jobs and ends with
    /// the last one.
    Start(ClientStart),
}

/// `ez client start`
#[derive(Args, Debug)]
pub struct ClientStart {
    /// The server (EZ_SERVER_URL); the token is taken from EZ_CLIENT_TOKEN alone
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Whose certificates are trusted, as a PEM file (EZ_SERVER_CA, else whom browsers trust)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<String>,
    /// The name of this machine (EZ_NODE_NAME, else its host name)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What this machine has, besides its `os:` and `arch:`; several are separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// How many jobs run at once (else as many as there are cores)
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,
    /// How many seconds a job that is to end has for it, before it is killed
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub grace: u64,
    /// How much of the output of an attempt is kept (EZ_MAX_LOG_BYTES, else 1 GiB)
    #[arg(long, value_name = "BYTES")]
    pub max_log_bytes: Option<u64>,
    /// After how many days files of jobs are removed that were not used (else 30; 0 is never)
    #[arg(long, value_name = "DAYS")]
    pub content_days: Option<u64>,
    /// How much of the files of jobs is kept for others (else 20 GiB; 0 is all)
    #[arg(long, value_name = "BYTES")]
    pub content_bytes: Option<u64>,
    /// The project in which jobs run (EZ_ROOT, else this directory)
    #[arg(long, value_name = "DIR")]
    pub root: Option<String>,
    /// Where it keeps what it has in hand (else .ez-client in the project)
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
}
