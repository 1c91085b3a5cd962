//! `ez plan build`: a plan as a Taskfile for go-task.

use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use ez_compiler::emit::plan::{CompiledTaskfile, PlanFolder, PlanProject, plan_taskfile};
use ez_compiler::folder;
use ez_compiler::ir::plan::TaskKind;
use ez_compiler::{Compilation, Dialect, Purpose, compile};
use ez_runner::template_host::TemplateHost;

use super::{Opened, open, shown};
use crate::args::invocation::Options;
use crate::args::plan::PlanBuild;
use crate::commands::{Context, Outcome};
use crate::disk::{self, Disk};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;

/// Writes the compiled plan, and what differs under go-task to stderr.
pub fn run(context: &Context, options: &Options, request: &PlanBuild) -> Outcome {
    let Opened { project, plan } = open(context, options, &request.plan)?;
    let seed = plan.is_shuffled().then(|| request.seed.unwrap_or_else(chosen_seed));
    let named: Vec<&str> = plan
        .nodes
        .iter()
        .filter(|node| node.kind == TaskKind::Folder)
        .map(|node| folder::split_name(&node.task).0)
        .collect();
    let folders: Vec<(&str, Compilation)> = project
        .compilation
        .folders
        .iter()
        .filter(|folder| named.contains(&folder.name.as_str()))
        .map(|folder| {
            let host = TemplateHost::new(&project.environment);
            let options = ez_compiler::Options {
                root_dir: folder.directory.clone(),
                host: &host,
                purpose: Purpose::Run,
                dialect: Dialect::Ez,
                folder: Some(folder),
            };
            (folder.name.as_str(), compile(&Disk, &folder.taskfile, &options, None))
        })
        .collect();
    let compilation = &project.compilation;
    let parts = PlanProject {
        program: &compilation.program,
        loaded: &compilation.loaded,
        sources: &compilation.sources,
        folders: folders
            .iter()
            .map(|(name, compiled)| PlanFolder {
                name,
                program: &compiled.program,
                loaded: &compiled.loaded,
                sources: &compiled.sources,
            })
            .collect(),
    };
    let compiled = plan_taskfile(&plan, &parts, seed);
    if request.stdout {
        context.logger.out(Color::None, &compiled.text);
    } else {
        let directory = project.compilation.program.dir.join(format!(".ez/plans/{}/build", plan.name));
        write_all(&project, &directory, &compiled)?;
        let path = directory.join("Taskfile.yml");
        context.logger.err(Color::Green, &format!("ez: {} written\n", shown(context, &path)));
    }
    if let Some(seed) = seed {
        context.logger.err(Color::None, &format!("ez: shuffled with --seed {seed}\n"));
    }
    for note in &compiled.notes {
        context.logger.err(Color::Yellow, &format!("ez: {note}\n"));
    }
    Ok(())
}

/// Writes the file, and those of folder tasks beside it.
fn write_all(project: &Project, directory: &Utf8Path, compiled: &CompiledTaskfile) -> Outcome {
    let main = ("Taskfile.yml".into(), compiled.text.clone());
    for (path, text) in compiled.folders.iter().cloned().chain([main]) {
        let path = directory.join(path);
        let write = || {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, &text)
        };
        write().map_err(|error| {
            Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", disk::plain_message(&error)))
        })?;
    }
    project.hide_runtime_data();
    Ok(())
}

/// A seed that another run will hardly have.
fn chosen_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ (now.as_secs() << 20) & 0xFFFF_FFFF
}
