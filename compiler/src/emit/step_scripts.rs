//! The shell scripts of a compiled plan: what is handed from step to step.

use super::step_values::build_path;
use crate::ir::Plan;
use crate::ir::plan::{Node, PlanArtifact};

/// Where a compiled plan keeps artifacts.
pub const ARTIFACTS: &str = "artifacts";
/// Where steps write their outputs.
pub const OUTPUTS: &str = "outputs";
/// Where steps run that have a directory of their own.
pub const STEPS: &str = "steps";
/// Where finished attempts leave a mark.
pub const ATTEMPTS: &str = "attempts";
/// The files that were put somewhere as inputs, one a line: only they are ever overwritten.
const PLACED: &str = "placed";

/// Removes what an earlier run left.
pub fn prepare() -> String {
    let paths: Vec<String> =
        [ARTIFACTS, OUTPUTS, STEPS, ATTEMPTS].iter().map(|name| build_path(&[name])).collect();
    let made: Vec<String> = [OUTPUTS, ATTEMPTS].iter().map(|name| build_path(&[name])).collect();
    format!("rm -rf {}\nmkdir -p {}\ntouch {}", paths.join(" "), made.join(" "), build_path(&[PLACED]))
}

/// The variable with [`KEEP_SCRIPT`].
pub const KEEP: &str = "EZ_KEEP";

/// Keeps what `$path` is in `$dir`, below `$kept`. A path that is there is that path; else it is a glob. Without IFS nothing
/// but the glob is expanded.
pub const KEEP_SCRIPT: &str = r#"cd "$dir" || exit 1
IFS=
found=$optional
mkdir -p "$kept"
if [ -e "$path" ]; then set -- "$path"; else set -- $path; fi
for file in "$@"; do
  [ -e "$file" ] || continue
  file="${file%/}"
  name="${file##*/}"
  if [ -e "$kept/$name" ]; then echo "two files of the artifact $artifact of $step are called $name" >&2; exit 1; fi
  cp -Rp "$file" "$kept/$name"
  found=yes
done
[ $found = yes ] || { echo "the artifact $artifact of $step is not there: $path" >&2; exit 1; }"#;

/// Keeps an artifact of a step that has run in `dir`. `path` is its path there; both are words of the shell.
pub fn keep_artifact(node: &Node, artifact: &PlanArtifact, dir: &str, path: &str) -> String {
    let name = &artifact.name.value;
    format!(
        "step={} artifact={name} optional={}\ndir={dir}\npath={path}\nkept={}\n{{{{.{KEEP}}}}}",
        node.slug,
        yes(artifact.optional),
        build_path(&[ARTIFACTS, &node.slug, name])
    )
}

fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

/// The variable with [`PLACE_SCRIPT`].
pub const PLACE: &str = "EZ_PLACE";

/// Puts what is below `$kept` at `$to` in `$dir`, and never over what is not in `$placed`.
pub const PLACE_SCRIPT: &str = r#"cd "$dir" || exit 1
found=$optional
for file in "$kept"/* "$kept"/.[!.]*; do
  [ -e "$file" ] || continue
  case "$to" in */) goal="$to${file##*/}" ;; *) goal="$to" ;; esac
  case "$goal" in */*) mkdir -p "${goal%/*}" ;; esac
  if [ -e "$goal" ] && ! grep -qxF "$PWD/$goal" "$placed"; then
    echo "$goal is there already and is not overwritten" >&2; exit 1
  fi
  rm -rf "$goal"
  cp -Rp "$file" "$goal"
  echo "$PWD/$goal" >> "$placed"
  found=yes
done
[ $found = yes ] || { echo "the artifact $artifact of $step is not there" >&2; exit 1; }"#;

/// Puts an artifact of another step where a step wants it. `to` is the place in `dir`; both are words of the shell.
pub struct Placing<'a> {
    /// Who made it.
    pub source: &'a Node,
    /// The artifact's name.
    pub artifact: &'a str,
    /// The directory in which the step runs.
    pub dir: &'a str,
    /// Where it goes: a directory in which files keep their names, where it ends in `/`.
    pub to: &'a str,
    /// Whether each source has a directory of its own there.
    pub is_collected: bool,
    /// Whether it may be missing.
    pub optional: bool,
}

/// The script that does it.
pub fn place_input(placing: &Placing<'_>) -> String {
    let Placing { source, artifact, dir, to, .. } = placing;
    let below = if placing.is_collected {
        let values: Vec<String> =
            source.values.iter().map(|(_, value)| value.to_text().to_string()).collect();
        let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let joined = values.join("-").chars().map(|c| if is_safe(c) { c } else { '_' }).collect::<String>();
        joined + "/"
    } else {
        String::new()
    };
    format!(
        "step={} artifact={artifact} optional={}\ndir={dir}\nto={to}{below}\nkept={}\nplaced={}\n{{{{.{PLACE}}}}}",
        source.slug,
        yes(placing.optional),
        build_path(&[ARTIFACTS, &source.slug, artifact]),
        build_path(&[PLACED])
    )
}

/// Makes the directory of a step: empty for an inline task, and for a folder task with links to what is in the folder.
pub fn make_directory(node: &Node, folder: Option<(&str, &[String])>) -> String {
    let dir = build_path(&[STEPS, &node.slug]);
    let Some((name, own)) = folder else { return format!("rm -rf {dir}\nmkdir -p {dir}") };
    let mut skipped: Vec<&str> = crate::project::paths::TASKFILE_NAMES.to_vec();
    skipped.extend(crate::folder::METADATA_NAMES);
    let own_case = if own.is_empty() {
        String::new()
    } else {
        let own: Vec<String> = own.iter().map(|entry| super::taskfile::quoted(entry)).collect();
        format!("    {}) [ ! -d \"$entry\" ] || mkdir \"$dir/$name\" ;;\n", own.join("|"))
    };
    let compiled = build_path(&["folders", &format!("{name}.yml")]);
    format!(
        "dir={dir}\nfolder={{{{.ROOT_DIR | shellQuote}}}}/{}/{name}\nrm -rf \"$dir\"\nmkdir -p \"$dir\"\nln -s \"$folder\" \"$dir/src\"\n\
         for entry in \"$folder\"/* \"$folder\"/.[!.]*; do\n  [ -e \"$entry\" ] || continue\n  name=\"${{entry##*/}}\"\n  \
         case \"$name\" in\n    src|{}) ;;\n{own_case}    *) ln -s \"$entry\" \"$dir/$name\" ;;\n  esac\ndone\n\
         cp {compiled} \"$dir/Taskfile.yml\"",
        crate::folder::DIRECTORY,
        skipped.join("|"),
    )
}

/// Whether steps of a plan leave anything that a later run has to remove.
pub fn leaves_files(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| {
        !step.artifacts.is_empty()
            || !step.outputs.is_empty()
            || step.workspace
            || step.retry.is_some_and(|retry| retry.count > 0)
            || step.continue_on_error
    })
}
