use super::*;
use crate::ide::fixture::{Fixture, check_cases, recorded_files, underlined};

fn hovered(marked: &str) -> String {
    let place = Fixture::new(marked).place();
    match at(&place.snapshot, place.position) {
        Some(hover) => format!("{}{}", underlined(&place.snapshot, &hover.place), hover.markdown),
        None => "(nothing)".to_owned(),
    }
}

#[test]
fn keys_and_their_words() {
    let cases = [
        ("a key of a task", "version: '3'\ntasks:\n  a:\n    so$0urces: ['*.go']\n"),
        ("a key of the root", "version: '3'\nincl$0udes: {}\ntasks: {}\n"),
        ("a key in a flow mapping", "version: '3'\ntasks: {a: {deps: [{task: b, sil$0ent: true}]}, b: ls}\n"),
        ("a key of EZ", "version: '3'\ntasks:\n  a:\n    ez-$0params: [{name: x}]\n"),
        ("a key of a param", "version: '3'\ntasks:\n  a:\n    ez-params: [{name: x, req$0uired: true}]\n"),
        (
            "a key of a plan",
            "version: '3'\ntasks: {a: ls}\n#- plans/p.yml\nsteps: [{task: a, check$0point: true}]\n",
        ),
        (
            "a key of a task.yml",
            "version: '3'\n#- tasks/f/Taskfile.yml\nversion: '3'\ntasks: {default: ls}\n#- tasks/f/task.yml\nart$0ifacts: []\n",
        ),
        ("a word of a key", "version: '3'\nmethod: time$0stamp\ntasks: {}\n"),
        ("a kind of param", "version: '3'\ntasks: {a: {ez-params: [{name: x, type: 'mul$0ti'}]}}\n"),
        ("an unknown key", "version: '3'\ntasks:\n  a:\n    nothing$0: 1\n"),
        ("a text", "version: '3'\ntasks:\n  a:\n    desc: some$0thing\n"),
        (
            "an alias of YAML",
            "version: '3'\nx-c: &c\n  env:\n    A: b\n\n  dir: x\ntasks:\n  a: {<<: *$0c, cmds: [ls]}\n",
        ),
        ("an alias of a text", "version: '3'\ntasks:\n  a: [&one 'ls x', *on$0e]\n"),
        ("an alias of a task", "version: '3'\ntasks:\n  a: {aliases: [o$0ne], cmds: [ls]}\n"),
        (
            "an artifact of a folder task",
            "version: '3'\n#- tasks/f/Taskfile.yml\nversion: '3'\ntasks: {default: ls}\n#- tasks/f/task.yml\nartifacts: [{name: he$0x, path: out.hex}]\n",
        ),
        ("a blank", "version: '3'\ntasks:\n $0 a:\n    desc: something\n"),
    ];
    check_cases("hover-keys", &cases, hovered);
}

const TEMPLATE: &str = "version: '3'\n#- templates/service.yml\nversion: '1'\nparams:\n  - {name: health-path, help: Where to ask, required: true}\n  - {name: token, type: secret}\ntask: |\n  desc: Serve <% .task %>\n  cmds:\n    - curl <% .health_path | upper %> {{.X}} <% if .token %><% $.token %><% end %>\n";

#[test]
fn templates_and_plugins() {
    let with = |from: &str, to: &str| TEMPLATE.replacen(from, to, 1);
    let hook = "version: '3'\ntasks:\n  a:\n    ez-params: [{name: x, query: 'QUERY'}]\n    ez-hooks: {on_error: HOOK}\n    cmds: [ls]\n\
                #- plugins/report.yml\ntype: hook\ntrigger: on_error\ndesc: Tells who failed\nscript: echo failed\n\
                #- plugins/boards.yml\ntype: param\ncommand: ls boards\n";
    let named = |query: &str, hook_text: &str| hook.replace("QUERY", query).replace("HOOK", hook_text);
    let texts = [
        ("a key of a template", with("params:", "par$0ams:")),
        ("a param where it is read", with(".health_path", ".health$0_path")),
        ("a param where it is defined", with("health-path", "health$0-path")),
        ("a secret param behind a dollar", with("$.token", "$.tok$0en")),
        ("what is made", with(".task", ".ta$0sk")),
        ("a function", with("upper", "up$0per")),
        ("a keyword", with("<% if", "<% i$0f")),
        (
            "a field of an item",
            with("<% if .token %>", "<% range .items %><% .tok$0en %><% end %><% if .token %>"),
        ),
        (
            "a field of what `with` names",
            with("<% if .token %>", "<% with .x %><% .tok$0en %><% end %><% if .token %>"),
        ),
        ("a param that is looked up", with("<% if .token %>", "<% index . \"tok$0en\" %><% if .token %>")),
        (
            "what is made, of an item",
            with("<% if .token %>", "<% range .x %><% .ta$0sk %><% end %><% if .token %>"),
        ),
        (
            "a field in a definition",
            with(
                "<% if .token %>",
                "<% define \"d\" %><% .tok$0en %><% end %><% template \"d\" .x %><% if .token %>",
            ),
        ),
        (
            "a param in a definition",
            with(
                "<% if .token %>",
                "<% define \"d\" %><% .tok$0en %><% end %><% template \"d\" . %><% if .token %>",
            ),
        ),
        ("the moment", with("upper", "n$0ow")),
        ("the query of a param", with("type: secret", "que$0ry: ls")),
        ("what is left for the task", with("{{.X}}", "{{.$0X}}")),
        ("a param that is not there", with(".health_path", ".hea$0lth")),
        ("a description", with("version: '1'\n", "version: '1'\ndesc: <% .tok$0en %>\n")),
        ("a template that is being written", "version: '3'\n#- templates/a.yml\nde$0sc: x\n".to_owned()),
        ("a plugin that is being written", "version: '3'\n#- plugins/a.yml\nty$0pe:\n".to_owned()),
        ("a plugin that nobody names", named("ls", "ls").replace("trigger", "trig$0ger")),
        ("a hook that names a plugin", named("ls", "'@plugin:rep$0ort'")),
        ("a hook that names a plugin, before the name", named("ls", "'@plu$0gin:report'")),
        ("a hook of a list", named("ls", "[{name: x, script: '@plugin:rep$0ort'}]")),
        ("a query that names a plugin", named("@plugin:boar$0ds", "ls")),
        (
            "a query of a folder task",
            format!(
                "{hook}#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks: {{default: ls}}\n#- tasks/fw/task.yml\nparams: [{{name: board, query: '@plugin:boar$0ds'}}]\n"
            ),
        ),
        (
            "a query of a plan",
            format!(
                "{hook}#- plans/p.yml\nparams: [{{name: board, query: '@plugin:boar$0ds'}}]\nsteps: [a]\n"
            ),
        ),
        ("a query with a plugin", named("X", "ls").replace("'X'", "{plugin: boar$0ds}")),
        ("a plugin that is not there", named("ls", "'@plugin:no$0ne'")),
    ];
    let cases: Vec<(&str, &str)> = texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
    check_cases("hover-templates-and-plugins", &cases, hovered);
}

#[test]
fn scripts_of_plugins() {
    let project = |other: &str, script: &str| {
        format!(
            "version: '3'\ntasks:\n  a:\n    vars: {{LO: low}}\n    env: {{LEVEL: info}}\n    ez-params: [{{name: zone, default: eu}}]\n    \
             ez-hooks: {{on_error: '@plugin:u'}}\n    cmds: [ls]\n{other}\
             #- plugins/u.yml\ntype: hook\ntrigger: on_error\nscript: {script}\n"
        )
    };
    let further = "  b: {vars: {LO: high}, ez-hooks: {on_error: '@plugin:u'}, cmds: [ls]}\n";
    let texts = [
        ("a variable of the task", project("", "echo {{.L$0O}}")),
        ("a variable of two tasks", project(further, "echo {{.L$0O}}")),
        ("a variable of one of two tasks", project(further, "echo $LE$0VEL")),
        ("a param in a template", project("", "echo {{.EZ_ZO$0NE}}")),
        ("a param in the environment", project("", "echo $EZ_ZO$0NE")),
        ("a variable of the environment", project("", "echo $LEV$0EL")),
        ("what a hook knows", project("", "echo $EZ_TASK_N$0AME")),
        ("the exit code", project("", "echo {{.EXIT_$0CODE}}")),
        ("what no task has", project("", "echo {{.OTH$0ER}}")),
    ];
    let cases: Vec<(&str, &str)> = texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
    check_cases("hover-scripts-of-plugins", &cases, hovered);
}

const TASKS: &str = "version: '3'\nincludes:\n  docs: {taskfile: ./docs, aliases: [d]}\n  gone: {taskfile: ./gone.yml, optional: true}\ntasks:\n  default: {deps: [build]}\n  build:\n    aliases: [b]\n    desc: Builds it\n    summary: |\n      Builds the program.\n\n      And more.\n    dir: src\n    deps: [docs:all, {task: gen, vars: {X: '1'}}]\n    sources: ['*.go', '*.mod']\n    generates: [bin]\n    requires: {vars: [TAG]}\n    ez-params: [{name: arch, type: select, options: [arm64, amd64], default: arm64, help: The machine}, {name: token, type: secret}]\n    cmds: [go build, {task: gen}]\n  gen: echo\n  'deploy-*': {internal: true, cmds: ['echo {{.MATCH}}']}\n";
const DOCS: &str = "#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  all: {deps: [one, ':build']}\n  one: {desc: One page, cmds: [ls]}\n";

#[test]
fn tasks_and_namespaces() {
    let with =
        |from: &str, to: &str| format!("{}{}", TASKS.replacen(from, to, 1), DOCS.replacen(from, to, 1));
    let texts = [
        ("a task where it is defined", with("  build:", "  bu$0ild:")),
        ("a task in deps", with("[build]", "[b$0uild]")),
        ("a task of a namespace", with("docs:all", "docs:a$0ll")),
        ("a task in a call", with("{task: gen}", "{task: ge$0n}")),
        ("a task beside", with("[one,", "[o$0ne,")),
        ("a task of the root from below", with("':build'", "':bui$0ld'")),
        ("an alias", with("[build]", "[$0b]")),
        ("a task with stars", with("[build]", "[deploy-pr$0od]")),
        ("a name with a template", with("[build]", "['{{.X}}bui$0ld']")),
        ("a name of no task", with("[build]", "[buil$0]")),
        ("a namespace", with("  docs:", "  do$0cs:")),
        ("the file of a namespace", with("./docs", "./do$0cs")),
        ("a namespace without a file", with("  gone:", "  g$0one:")),
        ("a task that a script runs", with("  gen: echo", "  gen: task bui$0ld && echo")),
        (
            "a task of a namespace that a script runs",
            with("  gen: echo", "  gen: 'echo {{.X}}; task docs:o$0ne'"),
        ),
        ("a task that is extended", with("  gen: echo", "  gen: {ez-extends: bui$0ld}")),
    ];
    let cases: Vec<(&str, &str)> = texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
    check_cases("hover-tasks", &cases, hovered);
}

#[test]
fn values_that_tasks_inherit() {
    let cases = [
        (
            "of a task that others extend",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLO$0CK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n",
        ),
        (
            "where a task that others extend defines it",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CL$0OCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n",
        ),
        (
            "a param that tasks that extend give",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BO$0ARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n",
        ),
        (
            "a param that a composition gives",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LE$0VEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n",
        ),
        (
            "a default of a task",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {bo$0ard: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n",
        ),
        (
            "a default of a step of a composition",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {bo$0ard: nano, CLOCK: 4}}]}\n",
        ),
        (
            "a variable of a step of a composition",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLO$0CK: 4}}]}\n",
        ),
        (
            "a default of all steps of a composition",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {lev$0el: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n",
        ),
        (
            "given by an include",
            "version: '3'\nincludes: {l2: {taskfile: ./other.yml, vars: {WH$0O: me, API_TOKEN: x}}}\n#- other.yml\nversion: '3'\ntasks: {a: 'echo {{.WHO}}'}\n",
        ),
        (
            "a secret that an include gives",
            "version: '3'\nincludes: {l2: {taskfile: ./other.yml, vars: {WHO: me, API_TO$0KEN: x}}}\n#- other.yml\nversion: '3'\ntasks: {a: 'echo {{.WHO}}'}\n",
        ),
        (
            "of a file that is included twice",
            "version: '3'\nincludes: {a: {taskfile: o.yml, vars: {W: me}}, b: {taskfile: o.yml, vars: {W: you}}}\n#- o.yml\nversion: '3'\ntasks: {a: 'echo {{.$0W}}'}\n",
        ),
        (
            "a param that a step of a plan gives a task that extends another",
            "version: '3'\ntasks:\n  base:\n    ez-params: [board, {name: level, default: low}]\n    vars: {CLOCK: 8}\n    cmds: ['echo {{.CLOCK}} {{.EZ_BOARD}} {{.EZ_LEVEL}}']\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n  mega: {ez-extends: uno, ez-defaults: {board: mega}, vars: {CLOCK: 16}}\n  all: {ez-defaults: {level: high}, ez-compose: [{task: uno, defaults: {board: nano, CLOCK: 4}}]}\n#- plans/p.yml\nsteps: [{task: mega, vars: {bo$0ard: z}}]\n",
        ),
    ];
    check_cases("hover-inherited-values", &cases, hovered);
}

#[test]
fn variables_of_templates() {
    const FILES: &str = "version: '3'\ndotenv: ['.env', 'none.env']\nenv: {STAGE: dev}\nvars:\n  NAME: ez\n  VERSION: '{{.VERSION | default \"1.0\"}}'\n  BIN: '{{.ROOT_DIR}}/bin/{{.NAME}}'\n  LIST: [a, 'b c']\n  NOW: {sh: date}\n  REF: {ref: index .LIST 1}\n  DB_PASSWORD: hunter2\n  URL: 'postgres://{{.DB_PASSWORD}}@db'\n  HIDDEN: {value: x, secret: true}\ntasks:\n  default:\n    deps: [{task: build, vars: {ARCH: arm64}}]\n    cmds: [{task: build, vars: {ARCH: amd64}}]\n  build:\n    vars: {NAME: '{{.NAME}}-{{.ARCH}}', OUT: 'out/{{.STAGE}}'}\n    env: {LEVEL: '3'}\n    requires: {vars: [{name: MODE, enum: [fast, slow]}]}\n    ez-params: [{name: opt, type: select, options: [s, z], default: z}]\n    cmds:\n      - 'echo @@'\n      - {for: [x, y], cmd: 'echo {{.ITEM}} ITEMHERE'}\n      - {for: {var: LIST, as: FILE}, cmd: 'echo {{.FI$1LE}}'}\n      - |\n        echo \"$LEVEL $STAGE $EZ_OPT\"\n#- .env\nHOST=local\nAPI_TOKEN=abc\nSTAGE=other\n";
    let with = |text: &str| FILES.replace("$1", "").replace("@@", text);
    let at = |from: &str, to: &str| FILES.replace("$1", "").replacen(from, to, 1);
    let texts = [
        ("a global", with("{{.LI$0ST}}")),
        ("a value made of others", with("{{.BI$0N}}")),
        ("a default that holds", with("{{.VERSION$0 | upper}}")),
        ("what a command prints", with("{{.NO$0W}}")),
        ("a reference", with("{{.RE$0F}}")),
        ("a variable of the task over a global", with("{{.N$0AME}}")),
        ("given by calls", with("{{.AR$0CH}}")),
        ("made of the environment of the file", with("{{.OU$0T}}")),
        ("env of the file over a dotenv file", with("{{.STA$0GE}}")),
        ("a dotenv file", with("{{.HO$0ST}}")),
        ("a secret of a dotenv file", with("{{.API_TO$0KEN}}")),
        ("a name that looks secret", with("{{.DB_PASS$0WORD}}")),
        ("made of a secret", with("{{.UR$0L}}")),
        ("a secret variable", with("{{.HID$0DEN}}")),
        ("a required variable", with("{{.MO$0DE}}")),
        ("a param", with("{{.EZ_O$0PT}}")),
        ("defined nowhere", with("{{.NOTH$0ING}}")),
        ("behind the closing quote", with("{{.LIST}}").replacen("{{.LIST}}'", "{{.LIST}}'$0", 1)),
        ("behind the dollar", with("{{$.NA$0ME}}")),
        ("in a part of a map", with("{{.X.NA$0ME}}")),
        ("where it is defined", at("  NAME: ez", "  NA$0ME: ez")),
        ("itself in its own value", at("NAME: '{{.NAME}}-", "NAME: '{{.NA$0ME}}-")),
        ("itself in its own global value", at("{{.VERSION |", "{{.VER$0SION |")),
        ("in a reference", at("index .LIST 1", "index .LI$0ST 1")),
        ("a variable of a script from a dotenv file", at("$LEVEL", "$HO$0ST")),
        (
            "a key of the matrix of a loop",
            "version: '3'\ntasks:\n  a: {cmds: [{for: {matrix: {OS: [l, w], CPU: {ref: .C}}}, cmd: 'echo {{.ITEM.O$0S}}'}]}\n".to_owned(),
        ),
        (
            "a key of the matrix of a loop itself",
            "version: '3'\ntasks:\n  a: {cmds: [{for: {matrix: {OS: [l, w], C$0PU: {ref: .C}}}, cmd: 'echo {{.ITEM.OS}}'}]}\n".to_owned(),
        ),
        (
            "a part of another variable in a loop",
            "version: '3'\nvars: {X: {map: {OS: l}}}\ntasks:\n  a: {cmds: [{for: {matrix: {OS: [l, w]}}, cmd: 'echo {{.X.O$0S}}'}]}\n".to_owned(),
        ),
        ("what a call passes", at("{ARCH: arm64}", "{AR$0CH: arm64}")),
        ("what a call passes of a few values", at("{ARCH: amd64}", "{MO$0DE: fast}")),
        ("what a call passes of a param", at("{ARCH: amd64}", "{EZ_O$0PT: s}")),
        ("what a call passes that the task has itself", at("{ARCH: amd64}", "{O$0UT: s}")),
        ("the item of a loop", at("{{.ITEM}}", "{{.IT$0EM}}")),
        ("the item of a loop over a variable", at("{{.FILE}}", "{{.F$0ILE}}")),
        ("the variable of a loop", at("var: LIST", "var: LI$0ST")),
        ("the name of a param", at("{name: opt", "{name: o$0pt")),
        ("a dotenv path", at("'.env'", "'.e$0nv'")),
        ("a dotenv path of nothing", at("'none.env'", "'none$0.env'")),
        ("a variable of a script from env", at("$LEVEL", "$LE$0VEL")),
        ("a variable of a script from the file", at("$STAGE", "$STA$0GE")),
        ("a variable of a script from EZ", at("$LEVEL", "$EZ_TASK_NA$0ME")),
        ("a variable of a script from a param", at("$EZ_OPT", "$EZ$0_OPT")),
        ("ROOT_DIR", with("{{.ROOT_D$0IR}}")),
        ("TASK", with("{{.TA$0SK}}")),
        ("TASKFILE_DIR", with("{{.TASKFILE_D$0IR}}")),
        ("CLI_ARGS", with("{{.CLI_A$0RGS}}")),
        ("a function", with("{{.X | def$0ault 1}}")),
        ("a function of many parameters", with("{{rep$0lace \"a\" \"b\" .X}}")),
        ("a function of the machine", with("{{O$0S}}")),
        ("an unknown function", with("{{no$0pe}}")),
        ("a keyword", with("{{ra$0nge .LIST}}{{end}}")),
        ("the braces", with("{{$0 .NAME }}")),
        ("plain text", with("te$0xt {{.NAME}}")),
        ("a template that is not closed", with("{{.NA$0ME")),
    ];
    let cases: Vec<(&str, &str)> = texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
    check_cases("hover-variables", &cases, hovered);
}

#[test]
fn places_in_every_style_of_scalar() {
    let cases = [
        (
            "folded",
            "version: '3'\nvars: {X: '1'}\ntasks:\n  a:\n    cmds:\n      - >\n        one\n        {{.$0X}} two\n",
        ),
        (
            "literal",
            "version: '3'\nvars: {X: '1'}\ntasks:\n  a:\n    cmds:\n      - |-\n        é one\n          {{.X$0}} two\n",
        ),
        ("escapes", "version: '3'\nvars: {X: '1'}\ntasks:\n  a: \"\\u00e9 \\\"{{.$0X}}\\\"\"\n"),
        ("doubled quotes", "version: '3'\nvars: {X: '1'}\ntasks:\n  a: 'it''s {{upp$0er .X}}'\n"),
        ("several lines", "version: '3'\nvars: {X: '1'}\ntasks:\n  a: one\n    two {{.$0X}}\n"),
    ];
    check_cases("hover-styles", &cases, hovered);
}

#[test]
fn plans() {
    const PLAN: &str = "version: '3'\ntasks: {build: {desc: Builds}, test: ls}\n#- tasks/pack/Taskfile.yml\nversion: '3'\ntasks: {default: ls}\n#- tasks/pack/task.yml\ndesc: Packs it\nparams: [{name: level, type: number, default: '3'}]\nartifacts: [{name: archive, path: out.tgz}]\n#- plans/p.yml\nvars: {TAG: v1, MY_SECRET: x}\nparams: [{name: out, help: Where to}]\nsteps:\n  - {task: build, name: b, matrix: {arch: [x, y], os: [l]}, vars: {A: '{{.arch}}'}, artifacts: [{name: bin, path: 'out/{{.TAG}}', optional: true}], outputs: [version]}\n  - {task: test, needs: [b], when: '{{.out}}{{.other}}{{.MY_SECRET}}', inputs: [{from: b, artifact: bin, to: in/}]}\n  - {task: pack, name: last, needs: [test, 'b[arch=x,os=l]'], checkpoint: true, env: {V: '{{(index .steps \"b[arch=x,os=l]\").outputs.version}}'}}\n";
    let texts = [
        ("a step where it is named", PLAN.replacen("name: b,", "name: $0b,", 1)),
        ("a step in needs", PLAN.replacen("[test,", "[te$0st,", 1)),
        ("a combination in needs", PLAN.replacen("'b[arch", "'b[ar$0ch", 1)),
        ("a step of an input", PLAN.replacen("from: b", "from: $0b", 1)),
        ("the task of a step", PLAN.replacen("task: build", "task: bu$0ild", 1)),
        ("a folder task", PLAN.replacen("task: pack", "task: pa$0ck", 1)),
        ("what a step gives a task", PLAN.replacen("vars: {A:", "vars: {$0A:", 1)),
        (
            "a param that a step gives a folder task",
            PLAN.replacen("task: pack,", "task: pack, vars: {EZ_LE$0VEL: 5},", 1),
        ),
        ("an artifact", PLAN.replacen("artifact: bin", "artifact: b$0in", 1)),
        ("an artifact where it is named", PLAN.replacen("{name: bin", "{name: b$0in", 1)),
        ("a key of the matrix", PLAN.replacen("{{.arch}}", "{{.ar$0ch}}", 1)),
        ("the key of the matrix itself", PLAN.replacen("{arch:", "{ar$0ch:", 1)),
        ("a variable of the plan", PLAN.replacen("{{.TAG}}", "{{.T$0AG}}", 1)),
        ("a secret of the plan", PLAN.replacen("{{.MY_SECRET}}", "{{.MY_SE$0CRET}}", 1)),
        ("a param of the plan", PLAN.replacen("{{.out}}", "{{.ou$0t}}", 1)),
        ("a param that is not declared", PLAN.replacen("{{.other}}", "{{.oth$0er}}", 1)),
        ("outputs", PLAN.replacen("index .steps", "index .st$0eps", 1)),
        ("an output", PLAN.replacen("outputs.version", "outputs.ver$0sion", 1)),
        (
            "an output of a step",
            PLAN.replacen("{{.out}}", "{{.steps.b.outputs.ver$0sion}}", 1).replacen(
                ", matrix: {arch: [x, y], os: [l]}",
                "",
                1,
            ),
        ),
        ("a step in a text of a template", PLAN.replacen("index .steps \"b[", "index .steps \"$0b[", 1)),
        ("an output where it is named", PLAN.replacen("[version]", "[ver$0sion]", 1)),
        (
            "a task of a folder task",
            PLAN.replacen("{default: ls}", "{default: ls, sub: {desc: Of it, cmds: [ls]}}", 1).replacen(
                "task: pack,",
                "task: 'pack:su$0b',",
                1,
            ),
        ),
        ("no task of a folder task", PLAN.replacen("task: pack,", "task: 'pack:su$0b',", 1)),
        (
            "an artifact of an input without a target",
            PLAN.replacen("artifact: bin, to: in/}", "artifact: bi$0n}", 1),
        ),
        ("a plan that is wrong", PLAN.replacen("[test,", "[te$0st, nope,", 1)),
    ];
    let cases: Vec<(&str, &str)> = texts.iter().map(|(title, text)| (*title, text.as_str())).collect();
    check_cases("hover-plans", &cases, hovered);
}

/// Bytes between the places at which the recorded files are asked; a number that divides no usual indentation.
const STEP: usize = 7;

#[test]
fn every_place_of_recorded_files_has_an_answer() {
    for (path, text) in recorded_files() {
        let is_example = path.as_str().contains("/examples/");
        let text = text.replace("$0", "$1");
        if text.trim().is_empty() {
            continue;
        }
        let snapshot = Fixture::new(&text).snapshot("Taskfile.yml");
        let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
        for offset in (0..=text.len()).step_by(if is_example { 1 } else { STEP }) {
            if let Some(hover) = at(&snapshot, FilePosition { file, offset }) {
                let range = hover.place.range;
                assert!(snapshot.analysis.text(file).get(range.clone()).is_some(), "{path} {range:?}");
                assert!(range.start <= offset && offset <= range.end, "{path} {offset} {range:?}");
                assert!(!hover.markdown.is_empty(), "{path}");
            }
        }
    }
}
