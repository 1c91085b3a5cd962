//! Small projects in which one name is looked up.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Role, Spelling, SymbolIndex};
use crate::file_system::MemoryFileSystem;
use crate::source::FileId;
use crate::template::PureHost;
use crate::{Dialect, Options, Purpose, compile};

/// A project of files that each begin with a line `-- path`; without one, of one Taskfile. `$0` is the place that is looked
/// up.
fn open(text: &str) -> (SymbolIndex, FileId, usize) {
    let text = if text.starts_with("-- ") { text.to_owned() } else { format!("-- Taskfile.yml\n{text}") };
    let mut files = MemoryFileSystem::new();
    let mut cursor = (Utf8PathBuf::new(), 0);
    for part in text.split("-- ").skip(1) {
        let (path, body) = part.split_once('\n').unwrap();
        let path = Utf8PathBuf::from(format!("/p/{path}"));
        if let Some(at) = body.find("$0") {
            cursor = (path.clone(), at);
        }
        files = files.with(path, body.replace("$0", ""));
    }
    let options = Options {
        root_dir: Utf8PathBuf::from("/p"),
        host: &PureHost,
        purpose: Purpose::Check,
        dialect: Dialect::Ez,
        folder: None,
    };
    let compilation = compile(&files, Utf8Path::new("/p/Taskfile.yml"), &options, None);
    let index = compilation.symbols(&files);
    let file = index.file(&cursor.0).unwrap();
    (index, file, cursor.1)
}

/// What stands at `$0`, then its places: the file if it is not the Taskfile, line and column, role and what is written.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let (index, file, offset) = open(text);
    let mut found = Vec::new();
    for place in index.at(file, offset) {
        let symbol = index.symbol(place.symbol).unwrap();
        let refused = if symbol.obstacle.is_some() { " (fixed)" } else { "" };
        found.push(format!("{:?} {}{refused}", symbol.kind, symbol.name));
        for other in index.occurrences_with_aliases(place.symbol) {
            let source = index.sources().file(other.file);
            let position = source.lines.position(&source.text, other.range().start);
            let role = match other.role {
                Role::Definition => "=",
                Role::Declaration => "needs",
                Role::Write => "gives",
                Role::Call => "calls",
                Role::Read => "reads",
            };
            let implied = if other.spelling == Spelling::Implied { " implied" } else { "" };
            let path = source.path.strip_prefix("/p").unwrap_or(&source.path);
            let path = if path == "Taskfile.yml" { String::new() } else { format!("{path}:") };
            let written = source.text.get(other.range()).unwrap();
            found.push(format!("{path}{}:{} {role} {written}{implied}", position.line, position.column));
        }
    }
    assert_eq!(found, expected, "{text}");
}

#[test]
fn tasks_are_called_in_every_way() {
    check(
        "version: '3'\ntasks:\n  bui$0ld:\n    aliases: [b]\n    cmds: [echo]\n  all:\n    deps: [build, task: 'build']\n    \
         cmds:\n      - task: b\n      - defer: {task: build}\n      - echo; task build && task other\n      - for: [build, all2]\n        \
         task: '{{.ITEM}}'\n  all2: {cmds: [echo]}\n",
        &[
            "Task build",
            "3:3 = build",
            "4:15 = b",
            "7:12 calls build",
            "7:26 calls build",
            "9:15 calls b",
            "10:23 calls build",
            "11:20 calls build",
            "12:15 calls build",
            "13:16 calls {{.ITEM}} implied",
        ],
    );
}

#[test]
fn names_of_tasks_have_namespaces() {
    let project = "-- Taskfile.yml\nversion: '3'\nincludes:\n  docs: {taskfile: ./d.yml, aliases: [d], excludes: [old]}\n\
         tasks:\n  all:\n    deps: ['docs:serve', d:serve, docs]\n-- d.yml\nversion: '3'\ntasks:\n  default: [echo]\n  old: [echo]\n  serve:\n    \
         deps: [page, ':all']\n  page: [echo]\n";
    check(
        &project.replace("  serve:", "  ser$0ve:"),
        &["Task serve", "6:18 calls serve", "6:28 calls serve", "d.yml:5:3 = serve"],
    );
    check(
        &project.replace("'docs:serve'", "'do$0cs:serve'"),
        &["Namespace docs", "3:3 = docs", "3:39 = d", "6:13 reads docs", "6:26 reads d", "6:35 reads docs"],
    );
    check(&project.replace("':all'", "':al$0l'"), &["Task all", "5:3 = all", "d.yml:6:20 calls all"]);
    check(&project.replace("[old]", "[ol$0d]"), &["Task old", "3:54 reads old", "d.yml:4:3 = old"]);
}

#[test]
fn a_task_with_a_star_or_a_made_name_is_fixed() {
    check(
        "version: '3'\ntasks:\n  'st$0art-*': [echo]\n  a: {deps: [start-x]}\n",
        &["Task start-* (fixed)", "3:4 = start-*", "4:14 calls start-x implied"],
    );
    check(
        "version: '3'\ntasks:\n  star$0t-x: [echo]\n  a: {deps: ['start-{{.X}}']}\n",
        &["Task start-x (fixed)", "3:3 = start-x", "4:15 calls start-{{.X}} implied"],
    );
}

#[test]
fn variables_of_tasks_hide_globals() {
    let project = "version: '3'\nvars:\n  X: global\ntasks:\n  a:\n    vars: {X: own}\n    cmds: ['echo {{.X}}']\n  b:\n    cmds: ['echo {{.X}}']\n";
    check(&project.replace("X: own", "$0X: own"), &["Variable X", "6:12 = X", "7:21 reads X"]);
    check(&project.replace("X: global", "$0X: global"), &["Variable X", "3:3 = X", "9:21 reads X"]);
}

#[test]
fn what_flows_into_each_other_is_one_variable() {
    check(
        "version: '3'\nvars:\n  $0X: global\ntasks:\n  a:\n    vars: {X: '{{.X | default \"own\"}}'}\n    cmds: ['echo {{.X}}']\n  b:\n    \
         cmds: [{task: a, vars: {X: passed}}]\n",
        &["Variable X", "3:3 = X", "6:12 = X", "6:19 reads X", "7:21 reads X", "9:29 gives X"],
    );
    check(
        "version: '3'\ntasks:\n  a:\n    requires: {vars: [TA$0G]}\n    cmds: ['echo {{.TAG}}']\n  b:\n    cmds: [{task: a, vars: {TAG: '1'}}]\n  c: ['echo {{.TAG}}']\n",
        &["Variable TAG", "4:23 needs TAG", "5:21 reads TAG", "7:29 gives TAG", "8:16 reads TAG"],
    );
    check(
        "version: '3'\ntasks:\n  a:\n    vars: {A: '{{.$0X}}', X: own}\n    cmds: ['echo {{.X}}']\n",
        &["Variable X (fixed)", "4:19 reads X"],
    );
}

#[test]
fn the_environment_is_seen_by_scripts() {
    let project = "version: '3'\nenv: {MODE: a}\ntasks:\n  a:\n    env: {OWN: '{{.MODE}}'}\n    cmds: ['echo $OWN ${MODE} $HOME; l=1; echo $l']\n";
    check(
        &project.replace("{MODE: a}", "{$0MODE: a}"),
        &["Variable MODE", "2:7 = MODE", "5:20 reads MODE", "6:25 reads MODE"],
    );
    check(&project.replace("OWN: ", "O$0WN: "), &["Variable OWN", "5:11 = OWN", "6:19 reads OWN"]);
    check(&project.replace("$HOME", "$HO$0ME"), &["Variable HOME (fixed)", "6:32 reads HOME"]);
    check(&project.replace("$l'", "$l$0'"), &["ShellVariable l (fixed)", "6:38 gives l", "6:49 reads l"]);
    check(
        "-- Taskfile.yml\nversion: '3'\ndotenv: [.env]\ntasks:\n  a: ['echo $KEY_A {{.KEY_$0A}}']\n-- .env\n# a\nKEY_A=1\n",
        &["Variable KEY_A", "4:14 reads KEY_A", "4:23 reads KEY_A", ".env:2:1 = KEY_A"],
    );
}

#[test]
fn loops_define_their_items() {
    check(
        "version: '3'\nvars: {LIST: a b}\ntasks:\n  a:\n    cmds:\n      - for: {var: LIST, as: FI$0LE}\n        cmd: echo {{.FILE}}\n      - for: [x]\n        cmd: echo {{.ITEM}} {{.FILE}}\n",
        &["Variable FILE", "6:30 = FILE", "7:22 reads FILE"],
    );
    check(
        "version: '3'\ntasks:\n  a:\n    cmds:\n      - for: {matrix: {O$0S: [a], ARCH: [b]}}\n        cmd: echo {{.ITEM.OS}} {{.ITEM.ARCH}}\n",
        &["MatrixKey OS", "5:24 = OS", "6:27 reads OS"],
    );
    check(
        "version: '3'\ntasks:\n  a:\n    cmds:\n      - for: {matrix: {O$0S: [a]}}\n        cmd: echo {{index .ITEM \"OS\"}}\n",
        &["MatrixKey OS", "5:24 = OS", "6:34 reads OS"],
    );
    check(
        "version: '3'\nvars: {LI$0ST: a b}\ntasks:\n  a:\n    cmds: [{for: {var: LIST}, cmd: echo}]\n",
        &["Variable LIST", "2:8 = LIST", "5:24 reads LIST"],
    );
}

#[test]
fn templates_have_variables_of_their_own() {
    check(
        "version: '3'\ntasks:\n  a:\n    - echo {{range $i, $x := .L}}{{$i}}{{$$0x}}{{end}}{{$x := 1}}{{$x = 2}}{{$x}}\n",
        &["TemplateVariable $x", "4:24 = $x", "4:42 reads $x"],
    );
    check(
        "version: '3'\nvars: {X: 1}\ntasks:\n  a: ['{{index . \"X\"}} {{$.$0X}}']\n  b: {vars: {R: {ref: .X}}}\n",
        &["Variable X", "2:8 = X", "4:19 reads X", "4:28 reads X", "5:24 reads X"],
    );
}

#[test]
fn all_variables_have_other_names_in_templates() {
    // `<X>` is a place that reads the variable.
    let reads = |template: &str| {
        let line = format!("  a: [cmd: '{{{{{template}}}}}']\n");
        let places = line.match_indices('<').enumerate();
        let read = places.map(|(before, (at, _))| format!("4:{} reads X", at - 2 * before + 1));
        let expected: Vec<String> =
            ["Variable X".to_owned(), "2:8 = X".to_owned()].into_iter().chain(read).collect();
        let text = format!("version: '3'\nvars: {{X$0: 1}}\ntasks:\n{}", line.replace(['<', '>'], ""));
        check(&text, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    reads("$all := .}}{{range .L}}{{$all.<X>}}{{.X}}{{end");
    reads("with $}}{{.<X>}}{{else}}{{.<X>}}{{end");
    reads("with .L}}{{.X}}{{index . \"X\"}}{{index $ \"<X>\"}}{{end");
    reads("define \"t\"}}{{.<X>}}{{$.<X>}}{{end}}{{template \"t\" .");
    reads("define \"t\"}}{{.X}}{{end}}{{template \"t\" .L");
    reads("define \"t\"}}{{template \"u\" .}}{{end}}{{define \"u\"}}{{.<X>}}{{end}}{{template \"t\" .");
    reads("pick . \"L\" \"<X>\" | toJson");
    reads("dig \"<X>\" \"\" .");
    reads("$x := .}}{{if .L}}{{$x := .L}}{{$x.X}}{{end}}{{$x.<X>");
}

#[test]
fn a_variable_that_a_made_name_may_mean_is_fixed() {
    for template in
        ["index . .N", "get $ .N", "$all := .}}{{index $all .N", ".N | index .", "pick . \"Y\" .N"]
    {
        let text = format!("version: '3'\nvars: {{X$0: 1}}\ntasks:\n  a: [cmd: '{{{{{template}}}}}']\n");
        check(&text, &["Variable X (fixed)", "2:8 = X"]);
    }
    let own = "version: '3'\ntasks:\n  a: {vars: {X$0: 1}, cmds: ['{{index . .N}}']}\n  b: {vars: {X: 1}}\n";
    check(own, &["Variable X (fixed)", "3:14 = X"]);
    let other =
        "version: '3'\ntasks:\n  a: {vars: {X: 1}, cmds: ['{{index . .N}}']}\n  b: {vars: {$0X: 1}}\n";
    check(other, &["Variable X", "4:14 = X"]);
    let list = "version: '3'\nvars: {$0X: [a]}\ntasks:\n  a: ['{{index .X .N}} {{index . \"X\" .N}}']\n";
    check(list, &["Variable X", "2:8 = X", "4:17 reads X", "4:35 reads X"]);
    let plan = "-- Taskfile.yml\nversion: '3'\ntasks: {a: echo}\n-- plans/p.yml\nvars: {$0x: 1}\nsteps: [{name: s, task: a, vars: {Y: '{{index . .n}}'}}]\n";
    check(plan, &["PlanVariable x (fixed)", "plans/p.yml:1:8 = x"]);
}

#[test]
fn params_have_two_spellings() {
    check(
        "version: '3'\ntasks:\n  a:\n    ez-params: [{name: bu$0ild-type}]\n    cmds: ['echo {{.EZ_BUILD_TYPE}} $EZ_BUILD_TYPE']\n  b:\n    \
         ez-compose: [{task: a, defaults: {build-type: x}}]\n  c:\n    cmds: [{task: a, vars: {EZ_BUILD_TYPE: y}}]\n  d:\n    ez-extends: a\n    \
         ez-defaults: {build-type: z}\n",
        &[
            "Param build-type",
            "4:24 = build-type",
            "5:21 reads EZ_BUILD_TYPE",
            "5:38 reads EZ_BUILD_TYPE",
            "7:39 gives build-type",
            "9:29 gives EZ_BUILD_TYPE",
            "12:19 gives build-type",
        ],
    );
}

#[test]
fn plans_name_steps_and_what_they_hand_on() {
    let project = "-- Taskfile.yml\nversion: '3'\ntasks:\n  make: {ez-params: [mode], cmds: [echo]}\n-- plans/p.yml\nvars: {v: '1'}\nparams: [{name: p-x}]\nsteps:\n  - name: build\n    \
         task: make\n    matrix: {arch: [a, b]}\n    vars: {mode: '{{.arch}}{{.v}}{{.EZ_P_X}}'}\n    artifacts: [{name: app, path: x}]\n    outputs: [o]\n  \
         - task: make\n    needs: ['build[arch=a]']\n    inputs: [{from: build, artifact: app, to: y}]\n  - name: last\n    task: make\n    needs: [make]\n    when: '{{(index .steps \"build\").outputs.o}}'\n";
    check(
        &project.replace("name: build", "name: bui$0ld"),
        &[
            "Step build",
            "plans/p.yml:4:11 = build",
            "plans/p.yml:11:14 reads build",
            "plans/p.yml:12:21 reads build",
            "plans/p.yml:16:29 reads build",
        ],
    );
    check(
        &project.replace("{arch: [", "{a$0rch: ["),
        &[
            "MatrixKey arch",
            "plans/p.yml:6:14 = arch",
            "plans/p.yml:7:22 reads arch",
            "plans/p.yml:11:20 reads arch",
        ],
    );
    check(
        &project.replace("name: app", "name: $0app"),
        &["Artifact app", "plans/p.yml:8:24 = app", "plans/p.yml:12:38 reads app"],
    );
    check(
        &project.replace("[o]", "[$0o]"),
        &["Output o (fixed)", "plans/p.yml:9:15 = o", "plans/p.yml:16:45 reads o"],
    );
    check(
        &project.replace("vars: {v:", "vars: {$0v:"),
        &["PlanVariable v", "plans/p.yml:1:8 = v", "plans/p.yml:7:31 reads v"],
    );
    check(
        &project.replace("p-x", "p$0-x"),
        &["PlanParam p-x", "plans/p.yml:2:17 = p-x", "plans/p.yml:7:37 reads EZ_P_X"],
    );
    check(
        &project.replace("[mode]", "[mo$0de]"),
        &["Param mode", "3:22 = mode", "plans/p.yml:7:12 gives mode"],
    );
    check(
        &project.replace("  make: {", "  ma$0ke: {"),
        &[
            "Task make",
            "3:3 = make",
            "plans/p.yml:5:11 calls make",
            "plans/p.yml:10:11 calls make",
            "plans/p.yml:14:11 calls make",
            "plans/p.yml:15:13 reads make",
        ],
    );
}

#[test]
fn anchors_have_aliases() {
    check(
        "version: '3'\ntasks:\n  a:\n    vars: &comm$0on {X: 1}\n    cmds: ['{{.X}}']\n  b:\n    vars: *common\n    cmds: ['{{.X}}']\n",
        &["Anchor common", "4:12 = common", "7:12 reads common"],
    );
    check(
        "version: '3'\ntasks:\n  a:\n    vars: &common {$0X: 1}\n    cmds: ['{{.X}}']\n  b:\n    vars: *common\n    cmds: ['{{.X}}']\n",
        &["Variable X", "4:20 = X", "5:16 reads X", "8:16 reads X"],
    );
}

#[test]
fn what_is_asked_where_nothing_is() {
    check("version: '3'\n$0tasks: {}\n", &[]);
    check("$0", &[]);
    check("tasks: {a: [x$0, {task: nothing}]}\n", &[]);
}

#[test]
fn a_call_means_the_variable_by_which_it_is_hidden() {
    check(
        "version: '3'\ntasks:\n  a: [{task: b, vars: {X$0: 1}}]\n  b: {vars: {X: 2}, cmds: ['echo {{.X}}']}\n",
        &["Variable X", "3:24 gives X", "4:14 = X", "4:37 reads X"],
    );
}

#[test]
fn lines_around_output_read_what_tasks_have() {
    check(
        "version: '3'\noutput: {group: {begin: '[{{.X}} {{.Y}}]'}}\ntasks:\n  a: [{task: b, vars: {X$0: 1}}]\n  \
         b: {vars: {Y: 2}, cmds: [echo]}\n",
        &["Variable X", "2:30 reads X", "4:24 gives X"],
    );
}

#[test]
fn a_dotenv_path_with_a_template_may_mean_several_files() {
    check(
        "-- Taskfile.yml\nversion: '3'\ndotenv: ['.env.{{.STAGE}}', .env.all]\ntasks:\n  a: ['echo $LEV$0EL']\n-- .env.all\n\
         LEVEL=info\n-- .env.dev\nLEVEL=debug\n",
        &["Variable LEVEL", "4:14 reads LEVEL", ".env.all:1:1 = LEVEL", ".env.dev:1:1 = LEVEL"],
    );
}

#[test]
fn templates_in_dotenv_files_read_variables() {
    check(
        "-- Taskfile.yml\nversion: '3'\ndotenv: [.env]\nvars: {NA$0ME: ez}\ntasks:\n  a: {dotenv: [a.env], cmds: ['echo $KEY']}\n\
         -- .env\nKEY=app-{{.NAME}}\n-- a.env\nOTHER=\"{{.NAME}}\"\n",
        &["Variable NAME", "3:8 = NAME", ".env:1:12 reads NAME", "a.env:1:11 reads NAME"],
    );
}

#[test]
fn scripts_of_plugins_read_what_the_tasks_have_that_name_them() {
    let project = |body: &str| {
        format!(
            "-- Taskfile.yml\nversion: '3'\nvars: {{VV: x}}\ntasks:\n  a:\n    vars: {{LO: low}}\n    env: {{EE: e}}\n    \
             ez-params: [{{name: board, default: q}}, {{name: chip, query: '@plugin:chips'}}]\n    \
             ez-hooks: {{pre_run: '@plugin:u'}}\n  b:\n    ez-extends: a\n    vars: {{LO: other}}\n  \
             c: {{ez-hooks: {{pre_run: '@plugin:u'}}}}\n  d: 'echo {{{{.LO}}}}'\n\
             -- plugins/u.yml\ntype: hook\ntrigger: pre_run\nscript: {body}\n\
             -- plugins/chips.yml\ntype: param\ncommand: ls {{{{.LO}}}}\n"
        )
    };
    let low = [
        "Variable LO",
        "5:12 = LO",
        "11:12 = LO",
        "plugins/chips.yml:2:16 reads LO",
        "plugins/u.yml:3:17 reads LO",
    ];
    check(&project("echo {{.L$0O}}"), &low);
    check(
        &project("echo $EZ_B$0OARD"),
        &["Param board", "7:24 = board", "plugins/u.yml:3:15 reads EZ_BOARD"],
    );
    check(&project("echo $E$0E"), &["Variable EE", "6:11 = EE", "plugins/u.yml:3:15 reads EE"]);
    check(&project("echo {{.V$0V}}"), &["Variable VV", "2:8 = VV", "plugins/u.yml:3:17 reads VV"]);
    check(
        &project("X=1; echo $$0X"),
        &["ShellVariable X (fixed)", "plugins/u.yml:3:9 gives X", "plugins/u.yml:3:20 reads X"],
    );
    check(&project("task $0d"), &["Task d", "13:3 = d", "plugins/u.yml:3:14 calls d"]);
    check(&project("echo {{index . .X$0}}"), &["Variable X (fixed)", "plugins/u.yml:3:25 reads X"]);
    let open = project("echo {{index . .X}}").replace("{LO: low}", "{L$0O: low}");
    check(&open, &["Variable LO (fixed)", "5:12 = LO", "11:12 = LO", "plugins/chips.yml:2:16 reads LO"]);
    let from_task = project("echo {{.LO}}").replace("{LO: other}", "{L$0O: other}");
    check(&from_task, &low);
}
