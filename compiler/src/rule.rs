//! The table of all rules: every diagnostic carries one of these codes.

use crate::diagnostic::{Code, Severity};

/// What a rule is, for `ez check -D/-W/-A`, the documentation and the editor.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its identity.
    pub code: Code,
    /// Its level unless the user sets another.
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
}

macro_rules! rules {
    ($($constant:ident $id:literal $name:literal $severity:ident $summary:literal)*) => {
        $(
            #[doc = $summary]
            pub const $constant: Code = Code { id: $id, name: $name };
        )*
        /// All rules by code.
        pub const RULES: &[Rule] = &[
            $(Rule { code: $constant, severity: Severity::$severity, summary: $summary }),*
        ];
    };
}

rules! {
    YAML_SYNTAX "EZ101" "yaml-syntax" Error "the text is not valid YAML"
    NOT_UTF8 "EZ102" "not-utf8" Error "the file is not UTF-8"
    UNREADABLE "EZ103" "unreadable-file" Error "the file cannot be read"
    NO_TASKFILE "EZ104" "no-taskfile" Error "there is no Taskfile"
    WRONG_TYPE "EZ105" "wrong-type" Error "a value has the wrong type"
    DUPLICATE_KEY "EZ106" "duplicate-key" Error "a key is written twice"
    UNKNOWN_KEY "EZ107" "unknown-key" Warning "a key that means nothing here"
    YAML_TRAP "EZ108" "yaml-trap" Warning "YAML reads this value as something else"
    LIMIT_EXCEEDED "EZ109" "limit-exceeded" Error "the file exceeds a limit"
    DEPRECATED "EZ110" "deprecated" Warning "an old form that has a better one"
    VERSION_MISSING "EZ120" "version-missing" Error "a Taskfile needs a version"
    VERSION_UNSUPPORTED "EZ121" "version-unsupported" Error "the version is too old or too new"
    VERSION_MISMATCH "EZ122" "version-mismatch" Error "an include has another version"
    CMD_AND_CMDS "EZ130" "cmd-and-cmds" Error "a task has cmd and cmds"
    INVALID_COMMAND "EZ131" "invalid-command" Error "a command without cmd, task or defer"
    INVALID_LOOP "EZ132" "invalid-for" Error "a for that names nothing to repeat over"
    INVALID_DURATION "EZ133" "invalid-duration" Error "not a duration"
    INVALID_PLATFORM "EZ134" "invalid-platform" Error "not a platform"
    INVALID_VARIABLE "EZ135" "invalid-variable" Error "a variable of no known kind"
    INVALID_INCLUDE "EZ136" "invalid-include" Error "an include that names no Taskfile"
    INVALID_OUTPUT "EZ137" "invalid-output" Error "not an output style"
    DUPLICATE_TASK "EZ201" "duplicate-task" Warning "a task is defined twice; the last one wins"
    DUPLICATE_ALIAS "EZ202" "duplicate-alias" Warning "several tasks have this name or alias"
    UNKNOWN_TASK "EZ203" "unknown-task" Error "no task has this name"
    MISSING_INCLUDE "EZ204" "missing-include" Error "an included Taskfile does not exist"
    INCLUDE_CYCLE "EZ205" "include-cycle" Error "Taskfiles include each other"
    TASK_CYCLE "EZ206" "task-cycle" Error "tasks call each other without end"
    MISSING_DOTENV "EZ207" "missing-dotenv" Warning "a dotenv file does not exist"
    DOTENV_IN_INCLUDE "EZ208" "dotenv-in-include" Error "an included Taskfile has dotenv"
    UNUSED_TASK "EZ209" "unused-internal-task" Warning "nothing calls this internal task"
    HIDDEN_TASK "EZ210" "hidden-task" Warning "a subcommand of ez hides this task"
    FLATTEN_CONFLICT "EZ211" "flatten-conflict" Error "a flattened include brings a name that exists"
    CHECKSUM_MISMATCH "EZ212" "checksum-mismatch" Error "an include is not what its checksum pins"
    REMOTE_INCLUDE "EZ213" "remote-include" Error "a remote Taskfile cannot be had"
    UNKNOWN_EXCLUDE "EZ214" "unknown-exclude" Warning "an exclude that matches no task"
    INVALID_METHOD "EZ301" "invalid-method" Error "not a fingerprint method"
    INVALID_RUN "EZ302" "invalid-run" Error "not a run mode"
    INVALID_SHELL_OPTION "EZ303" "invalid-shell-option" Error "not a shell option"
    SOURCES_MATCH_NOTHING "EZ304" "sources-match-nothing" Warning "sources that match no file"
    INVALID_GLOB "EZ305" "invalid-glob" Warning "not a glob"
    UNDEFINED_VARIABLE "EZ401" "undefined-variable" Warning "nothing defines this variable"
    UNUSED_VARIABLE "EZ402" "unused-variable" Warning "nothing reads this variable"
    UNREAD_ARGUMENT "EZ403" "unread-argument" Warning "the called task never reads this variable"
    MISSING_REQUIRED "EZ404" "missing-required" Warning "a required variable is not passed"
    OUTSIDE_ENUM "EZ405" "outside-enum" Error "a value that the called task does not allow"
    TEMPLATE_SYNTAX "EZ501" "template-syntax" Error "a template that does not parse"
    UNKNOWN_FUNCTION "EZ502" "unknown-function" Error "no template function has this name"
    ARGUMENT_COUNT "EZ503" "argument-count" Error "a template function with too few or too many arguments"
    TEMPLATE_TYPE "EZ504" "template-type" Error "a template that mixes types"
    SHELL_SYNTAX "EZ601" "shell-syntax" Error "a command that the shell cannot parse"
    BASH_ONLY "EZ602" "bash-only" Warning "a bash construct where only sh is promised"
    DANGEROUS_REMOVE "EZ603" "dangerous-rm" Warning "an empty variable would make this remove too much"
    INVALID_EXTENSION "EZ701" "invalid-ez-field" Warning "an ez- field, or a key in one, that does not exist"
    INVALID_PARAM "EZ702" "invalid-param" Error "a param that no value can satisfy, or that is written wrong"
    UNKNOWN_BASE "EZ703" "unknown-base" Error "no task has the name that is extended"
    EXTENDS_CYCLE "EZ704" "extends-cycle" Error "a task that extends itself"
    COMPOSE_WITH_COMMANDS "EZ705" "compose-with-cmds" Error "a task is either commands or a composition"
    UNKNOWN_PLUGIN "EZ706" "unknown-plugin" Error "no plugin of this name, or one that does something else"
    INVALID_PLUGIN "EZ707" "invalid-plugin" Error "a file of a plugin that does not make one"
    UNUSED_PARAM "EZ708" "unused-param" Warning "nothing reads this param"
    UNKNOWN_PARAM_VARIABLE "EZ709" "unknown-param-variable" Warning "a variable of EZ that no param is"
    INVALID_METADATA "EZ710" "invalid-metadata" Error "a task.yml that says what cannot be"
    FOLDER_TASK_CONFLICT "EZ711" "folder-task-conflict" Error "a task and a folder task have one name"
    INVALID_TEMPLATE "EZ730" "invalid-template" Error "a file of a template that does not make one"
    UNKNOWN_TEMPLATE_PARAM "EZ731" "unknown-template-param" Error "a template names a param that it does not have"
    UNUSED_TEMPLATE_PARAM "EZ732" "unused-template-param" Warning "nothing in a template reads this param"
    INVALID_PLAN "EZ801" "invalid-plan" Error "a plan that lacks something, or has it in a form that means nothing"
    UNKNOWN_PLAN_KEY "EZ802" "unknown-plan-key" Error "a plan has no such key"
    DUPLICATE_STEP "EZ803" "duplicate-step" Error "two steps have one name"
    UNKNOWN_STEP "EZ804" "unknown-step" Error "no step has this name"
    NEEDS_CYCLE "EZ805" "needs-cycle" Error "steps wait for each other"
    UNKNOWN_COMBINATION "EZ806" "unknown-combination" Error "no combination of the step is this one"
    INVALID_MATRIX "EZ807" "invalid-matrix" Error "a matrix that gives no combinations, or others than are meant"
    UNKNOWN_ARTIFACT "EZ808" "unknown-artifact" Error "the step makes no artifact of this name"
    INPUT_NOT_UPSTREAM "EZ809" "input-not-upstream" Error "something of a step that need not be done before"
    ARTIFACT_COLLISION "EZ810" "artifact-collision" Error "two artifacts or inputs are the same file"
    SLUG_COLLISION "EZ811" "slug-collision" Error "two steps would have the same directory"
    UNKNOWN_PLAN_VARIABLE "EZ812" "unknown-plan-variable" Warning "a name that is nearly a variable of the plan"
    UNKNOWN_OUTPUT "EZ813" "unknown-output" Error "the step writes no output of this name"
    HYPHEN_NAME "EZ814" "hyphen-name" Error "templates cannot name this with dots"
    PLAN_NAME "EZ815" "plan-name" Error "a plan is called by the name of its file"
    PLAN_LIMIT "EZ816" "plan-limit" Error "the plan exceeds a limit"
}

/// What is wrong with a field of EZ is said by one of these.
pub const SUPERSET_CODES: [Code; 9] = [
    INVALID_EXTENSION,
    INVALID_PARAM,
    UNKNOWN_BASE,
    EXTENDS_CYCLE,
    COMPOSE_WITH_COMMANDS,
    UNKNOWN_PLUGIN,
    INVALID_PLUGIN,
    INVALID_METADATA,
    FOLDER_TASK_CONFLICT,
];

/// The rule of a code or name, as a user would type it.
pub fn find(text: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.code.id.eq_ignore_ascii_case(text) || r.code.name == text)
}

/// The rule behind a code.
pub fn of(code: Code) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.code == code)
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn codes_and_names_are_unique_and_sorted() {
        assert!(RULES.windows(2).all(|w| w[0].code.id < w[1].code.id));
        let mut names: Vec<_> = RULES.iter().map(|r| r.code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }
}
