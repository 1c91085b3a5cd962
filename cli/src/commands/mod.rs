//! What the program does: one file a subcommand.

pub mod cache;
pub mod check;
pub mod clean;
pub mod client;
pub mod compile;
pub mod complete;
pub mod completion;
pub mod doctor;
pub mod engine_task;
pub mod experiments;
pub mod export;
pub mod ez_list;
pub mod graph;
pub mod import;
pub mod init;
pub mod list;
pub mod log;
pub mod lsp;
pub mod matrix;
pub mod new;
pub mod params;
pub mod plan;
pub mod plugin;
pub mod remote;
pub mod rerun;
pub mod run;
mod schema;
mod server;
pub mod show;
pub mod summary;
pub mod template;
pub mod template_fault;
pub mod version;
pub mod why;
pub mod ws;

use crate::args::ez::Command;
use crate::args::invocation::Options;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::logger::Logger;

/// What every command works with.
pub struct Context {
    /// The surroundings of the process.
    pub environment: Environment,
    /// Where the program's own words go.
    pub logger: Logger,
}

/// How a command ends.
pub type Outcome = Result<(), Failure>;

/// Does what a subcommand of `ez` asks for.
pub fn dispatch(context: &Context, options: &Options, command: &Command) -> Outcome {
    match command {
        Command::List(request) => ez_list::run(context, options, request),
        Command::Show(request) => show::run(context, options, request),
        Command::Check(request) => check::run(context, options, request),
        Command::Clean(request) => clean::run(context, options, request),
        Command::Ws(request) => ws::run(context, options, request),
        Command::Rerun(request) => rerun::run(context, options, request),
        Command::Matrix(request) => matrix::run(context, options, request),
        Command::New(request) => new::run(context, options, request),
        Command::Compile(request) => compile::run(context, options, request),
        Command::Graph(request) => graph::run(context, options, request),
        Command::Cache(request) => cache::run(context, options, request),
        Command::Log(request) => log::run(context, options, request),
        Command::Plan(request) => plan::run(context, options, &request.action),
        Command::Plugin(request) => plugin::run(context, options, request),
        Command::Browse(request) => crate::browse::run(context, options, &request.place.to_flags()),
        Command::Template(request) => template::run(context, options, request),
        Command::Schema(request) => schema::run(context, request),
        Command::Export(request) => export::run(context, options, request),
        Command::Import(request) => import::run(context, options, request),
        Command::Server(request) => server::run(context, request),
        Command::Client(request) => client::run(context, request),
        Command::Lsp(request) => lsp::run(context, options, request),
        Command::Doctor(request) => doctor::run(context, options, request),
        Command::Completion(request) => {
            completion::for_ez(context, request.shell);
            Ok(())
        }
        Command::Version(request) => version::run(context, request.json),
        // The help of `run` is all that is read here.
        Command::Run(_) => Ok(()),
        Command::Why(request) => why::run(context, options, request),
    }
}
