//! `ez new`: a folder task to begin with.

use camino::Utf8PathBuf;
use ez_compiler::Purpose;
use ez_compiler::template_file::{MadeFile, TASKFILE};

use super::template::{Made, Order, make_folder_task, use_template};
use super::{Context, Outcome};
use crate::args::ez::{self, New};
use crate::args::invocation::Options;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;

/// The file of metadata.
const METADATA: &str = "task.yml";
/// What lists say of a task of which nothing was said.
const NO_DESC: &str = "A new task";
/// The name of the task, in what is made.
const NAME: &str = "@NAME@";
/// What the task does, in what is made.
const DESC: &str = "@DESC@";

const TASKFILE_TEXT: &str = "\
version: '3'

tasks:
  # `ez @NAME@` runs `default` in a workspace: .ez/tasks/@NAME@/workspace. Other tasks here are `ez @NAME@:<task>`.
  default:
    # With both of these, nothing runs as long as the sources are what they were.
    # sources: [scripts/*, input.txt]
    # generates: [out/result.txt]
    cmds:
      - echo \"@NAME@ runs in $PWD\"
";

const METADATA_TEXT: &str = "\
# What EZ knows of this task beyond its Taskfile. go-task does not read this file.
desc: @DESC@

# What the task is given: `arch` is the variable EZ_ARCH, in templates and in the environment of commands.
# params:
#   - name: arch
#     type: select
#     options: [arm64, x86_64]
#     default: x86_64
#     help: the architecture to build for

# What is kept after a successful run, in .ez/tasks/@NAME@/artifacts.
# artifacts:
#   - name: result
#     path: out/result.txt

# Words by which `ez list <word>` finds the task.
# tags: [example]
";

/// Makes a folder task.
pub fn run(context: &Context, options: &Options, request: &New) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let name = request.name.as_str();
    let made = match &request.template {
        Some(template) => {
            let order = Order { template, task: name, values: &request.values, output: None };
            use_template(context, &project, &order)?
        }
        None => make_folder_task(context, &project, name, &skeleton(name, request.desc.as_deref()))?,
    };
    report(context, request, &made)
}

fn skeleton(name: &str, desc: Option<&str>) -> [MadeFile; 2] {
    // A text in JSON is one in YAML.
    let desc = serde_json::Value::from(desc.unwrap_or(NO_DESC)).to_string();
    let file = |path: &str, text: &str| MadeFile {
        path: Utf8PathBuf::from(path),
        text: text.replace(NAME, name).replace(DESC, &desc),
        executable: false,
    };
    [file(TASKFILE, TASKFILE_TEXT), file(METADATA, METADATA_TEXT)]
}

fn report(context: &Context, request: &New, made: &Made) -> Outcome {
    let logger = &context.logger;
    if request.json {
        let json = serde_json::to_string_pretty(made)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        logger.out(Color::None, &format!("{json}\n"));
    } else {
        let files: String = made.files.iter().flat_map(|file| ["\n  ", file]).collect();
        logger.err(Color::Green, &format!("ez: made `{}`:{files}\n", made.task));
    }
    let name = &made.task;
    if ez::is_subcommand(name) {
        let words = format!("ez: `ez {name}` is a command of its own; `ez run {name}` runs the task\n");
        logger.err(Color::Yellow, &words);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::skeleton;

    #[test]
    fn any_text_can_say_what_a_task_does() {
        let [_, metadata] = skeleton("fw", Some("a: \"b\"\n# c @NAME@"));
        assert!(metadata.text.contains("desc: \"a: \\\"b\\\"\\n# c @NAME@\"\n"), "{}", metadata.text);
    }
}
