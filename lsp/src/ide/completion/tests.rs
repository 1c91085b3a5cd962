//! Candidates in marked texts: each case is a text with a cursor; its snapshot shows what is offered there, and the text
//! after the first of the candidates was taken.

use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::ide::cursor::format_of;
use crate::ide::fixture::Fixture;

/// How many candidates a snapshot shows.
const SHOWN: usize = 7;

/// A project around the text of a case, which stands for the mark.
const MARK: &str = "@@\n";

const PROJECT: &str = "version: '3'
includes:
  docs: ./docs
dotenv: [.env]
vars:
  VERSION: 1.2.3
  REVISION: {sh: git rev-parse HEAD}
  ARCHIVES: {map: {linux: tar.gz, windows: zip}}
env:
  CGO_ENABLED: '0'
tasks:
  build:
    desc: Build the program
    aliases: [b]
    requires: {vars: [{name: STAGE, enum: [dev, prod]}]}
    ez-params:
      - {name: arch, options: [x86_64, arm64], default: x86_64, help: The processor}
      - {name: build-type, type: bool}
    vars: {JOBS: '{{.JOBS | default 4}}'}
    cmds: ['make -j{{.JOBS}}']
  bench: go test -bench .
  bundle-*: {internal: true, cmds: ['echo {{index .MATCH 0}}']}
@@
#- docs/Taskfile.yml
version: '3'
tasks:
  build: {desc: Build the docs, cmds: [mkdocs build]}
  inner:
    deps: [build]
#- .env
TOKEN=secret
#- tools/Taskfile.yml
version: '3'
#- tools/run.sh
#!/bin/sh
#- plugins/report.yml
desc: Tells of failures
type: hook
trigger: on_error
script: echo failed
#- plugins/boards.yml
type: param
command: ls boards
";

const PLAN: &str = "version: '3'
tasks:
  build:
    desc: Build the program
    ez-params: [{name: arch, options: [x86_64, arm64], required: true}]
    cmds: [make]
  test: go test
  publish: ./publish.sh
#- tasks/firmware/Taskfile.yml
version: '3'
tasks:
  default: make
  flash: {desc: Flash it, cmds: [make flash]}
#- tasks/firmware/task.yml
desc: The firmware
params: [{name: board, options: [uno, mega]}]
artifacts: [{name: hex, path: out.hex}]
#- plans/release.yml
params: [{name: stage, options: [dev, prod]}]
vars: {title: Release}
steps:
  - task: build
    matrix: {arch: [x86_64, arm64]}
    artifacts: [{name: app, path: bin/app}]
    outputs: [size]
  - name: check
    task: test
    needs: [build]
    outputs: [passed]
  - task: firmware
@@
";

fn with_case(project: &str, case: &str) -> String {
    project.replacen(MARK, case, 1)
}

fn completions(marked: &str, options: Options) -> (Completions, String, usize) {
    let fixture = Fixture::new(marked);
    let place = fixture.place_of_file().unwrap_or_else(|| panic!("of no project: {marked}"));
    let text = place.snapshot.analysis.text(place.position.file).to_owned();
    (complete(&place.snapshot, place.position, options), text, place.position.offset)
}

fn line_at(text: &str, offset: usize) -> Range<usize> {
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    start..text[offset..].find('\n').map_or(text.len(), |at| offset + at)
}

fn applied(text: &str, item: &Item) -> String {
    let mut after = text.to_owned();
    after.replace_range(item.range.clone(), &item.insert);
    let line = line_at(text, item.range.start);
    let end = line.end + after.len() - text.len();
    after[line.start..end].replace('\r', "␍")
}

fn shown(marked: &str, options: Options) -> String {
    let (found, text, offset) = completions(marked, options);
    let line = line_at(&text, offset);
    let mut shown = format!("{}¦{}\n", &text[line.start..offset], &text[offset..line.end]).replace('\r', "␍");
    for item in found.items.iter().take(SHOWN) {
        let detail = item.detail.as_ref().map_or(String::new(), |detail| format!(" · {detail}"));
        let origin = item.origin.as_ref().map_or(String::new(), |origin| format!(" ({origin})"));
        let old = if item.is_deprecated { " deprecated" } else { "" };
        let _ = writeln!(shown, "    {:?} {}{origin}{detail}{old}", item.kind, item.label);
    }
    if found.items.len() > SHOWN {
        let _ = writeln!(shown, "    and {} more", found.items.len() - SHOWN);
    }
    match found.items.first() {
        Some(item) => {
            let snippet = if item.is_snippet { " (snippet)" } else { "" };
            let _ = writeln!(shown, "  {} becomes{snippet}\n{}", item.label, applied(&text, item));
        }
        None => shown.push_str("    nothing\n"),
    }
    shown
}

fn check(name: &str, project: &str, cases: &[&str]) {
    check_with(name, project, cases, Options { has_snippets: true, trigger: None });
}

fn check_with(name: &str, project: &str, cases: &[&str], options: Options) {
    let all: Vec<String> = cases.iter().map(|case| shown(&with_case(project, case), options)).collect();
    insta::with_settings!({
        snapshot_path => "../../../../snapshots/lsp/completion",
        prepend_module_to_snapshot => false,
        omit_expression => true
    }, {
        insta::assert_snapshot!(name, all.join("\n"));
    });
}

#[test]
fn keys_of_mappings() {
    check(
        "keys",
        PROJECT,
        &[
            "  own:\n    $0\n",
            "  own:\n    de$0\n",
            "  own:\n    desc: x\n    de$0\n    cmds: []\n",
            "  own:\n    de$0ps: [build]\n",
            "  own:\n    <<: *common\n    de$0\n",
            "  own:\n    desc: x\n   si$0\n",
            "  own:\n    desc: x\n      si$0\n",
            "  own:\n    sil$0\n",
            "  own:\n    cm$0\n",
            "  own:\n    run$0: once\n",
            "  own:\n    me$0 # how\n",
            "  own: {de$0}\n",
            "  own: {desc: x, de$0, cmds: []}\n",
            "  own:\n    cmds:\n      - ta$0\n",
            "  own:\n    cmds:\n      - task: build\n        $0\n",
            "  own:\n    cmds:\n      $0\n",
            "  own:\n    deps:\n      $0\n",
            "  own:\n    deps: [{ta$0}]\n",
            "  own:\n    vars:\n      A: {$0}\n",
            "  own:\n    vars:\n      A:\n        s$0\n",
            "  own:\n    ez-params:\n      - name: x\n        $0\n",
            "  own:\n    ez-hooks:\n      $0\n",
            "  own:\n    preconditions:\n      - $0\n",
            "  own:\r\n    de$0\r\n",
            "  own:\n    desc: ü😀\n    ez-r$0\n",
        ],
    );
}

#[test]
fn beside_a_key_stands_no_value() {
    for marked in [
        "version: '3'\ntasks:\n  a: echo\n  b:\n    cmds:\n      - task: a\n        $0\n",
        "version: '3'\ntasks:\n  a: echo\n  b:\n    deps:\n      - task: a\n        $0\n      - a\n",
        "version: '3'\nincludes:\n  x:\n    taskfile: x\n    $0\ntasks: {}\n",
        "version: '3'\ntasks: {a: echo}\n#- plans/p.yml\nsteps:\n  - task: a\n    $0\n",
    ] {
        let (found, ..) = completions(marked, Options::default());
        let others: Vec<_> = found.items.iter().filter(|item| item.kind != Kind::Key).collect();
        assert!(others.is_empty() && found.items.len() > 3, "{marked}: {others:?}");
    }
}

#[test]
fn keys_without_snippets() {
    let options = Options::default();
    check_with(
        "keys-without-snippets",
        PROJECT,
        &["  own:\n    cm$0\n", "  own:\n    des$0\n", "  own:\n    met$0 x\n"],
        options,
    );
}

#[test]
fn keys_at_the_root_and_in_other_formats() {
    check(
        "keys-of-formats",
        "@@\n",
        &[
            "$0",
            "version: '3'\n$0\ntasks: {}\n",
            "version: '3'\nincludes:\n  docs:\n    taskfile: ./docs\n    $0\n",
            "version: '3'\n#- plans/a.yml\n$0\n",
            "version: '3'\n#- plans/a.yml\nsteps:\n  - task: x\n    $0\n",
            "version: '3'\n#- plans/a.yml\nsteps:\n  - task: x\n    inputs: [{$0}]\n",
            "version: '3'\n#- tasks/a/Taskfile.yml\nversion: '3'\ntasks: {default: echo}\n#- tasks/a/task.yml\n$0\n",
            "version: '3'\n#- templates/a.yml\nversion: '1'\n$0\ntask: |\n  cmds: [x]\n",
            "version: '3'\n#- templates/a.yml\nversion: '1'\nparams: [{name: health-path, default: /}]\ntask: |\n  cmds: ['curl <% .$0 %> {{.X}}']\n",
            "version: '3'\n#- templates/a.yml\nversion: '1'\nparams: [{name: health-path, default: /}]\ntask: |\n  cmds: ['curl <% .task | upp$0']\n",
        ],
    );
}

#[test]
fn files_of_templates_and_plugins() {
    check(
        "files-of-templates-and-plugins",
        "version: '3'\n#- templates/a.yml\n@@\n",
        &[
            "$0",
            "\n# A service\n$0\n",
            "ver$0",
            "params:\n  - name: port\n    $0\n",
            "params: [{name: health-path, type: path, help: Where to ask}, {name: port, type: number}]\ntask: |\n  desc: <% .$0\n",
            "params: [{name: health-path, help: Where to ask}]\ntask: |\n  desc: <% $0 %>\n",
            "params: [{name: port}]\ntaskfile: |\n  <% if .$0\n",
            "params: [{name: port}]\nfiles:\n  Taskfile.yml: |\n    # <% $.$0 %>\n",
            "params: [{name: port}]\nfiles:\n  run.sh:\n    content: |\n      <% with .port %><% $.$0 %><% end %>\n",
            "version: '1'\nparams: [{name: port}]\nfiles: {run.sh: {content: 'a <% .p$0ort %>'}}\n",
            "version: '1'\nparams: [{name: port}]\ndesc: It is <% .$0 %>\ntask: |\n  cmds: [x]\n",
            "version: '1'\nparams: [{name: port}]\ntask: |\n  cmds: ['{{.$0}}']\n",
            "version: '1'\nparams: [{name: port}]\ntask: \"desc: <% .$0\n",
            "\n#- plugins/new.yml\n$0",
            "\n#- plugins/new.yml\ntype: $0\n",
            "\n#- plugins/new.yml\ntype: hook\ntrigger: on$0\n",
            "#\n#- Taskfile.yml\nversion: '3'\nincludes: {more: ./plugins/more.yml}\n#- plugins/more.yml\nversion: '3'\ntasks:\n  a:\n    de$0\n",
        ],
    );
}

#[test]
fn plugins_where_scripts_may_stand() {
    check(
        "plugins",
        PROJECT,
        &[
            "  own:\n    ez-hooks:\n      on_error: '@plugin:$0'\n",
            "  own:\n    ez-hooks:\n      on_error: \"@$0\"\n",
            "  own:\n    ez-hooks:\n      on_error: ['@plugin:$0']\n",
            "  own:\n    ez-hooks:\n      on_error:\n        - '@plugin:re$0'\n",
            "  own:\n    ez-hooks:\n      on_error:\n        - name: tell\n          script: '@plugin:$0'\n",
            "  own:\n    ez-hooks:\n      on_error: {script: '@plugin:$0'}\n",
            "  own:\n    ez-hooks:\n      always: '@plugin:$0'\n",
            "  own:\n    ez-params: [{name: x, query: '@plugin:$0'}]\n",
            "  own:\n    ez-params:\n      - name: x\n        query: '@pl$0'\n",
            "  own: make\n#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks:\n  default:\n    ez-hooks:\n      on_error: '@plugin:$0'\n",
            "  own: make\n#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks: {default: make}\n#- tasks/fw/task.yml\nparams: [{name: board, query: '@plugin:$0'}]\n",
        ],
    );
}

#[test]
fn scripts_of_plugins_and_hooks() {
    const OF_PLUGIN: &str = "version: '3'
tasks:
  a:
    vars: {LOWER: low}
    env: {LEVEL: info}
    ez-params: [{name: zone, options: [eu, us], default: eu}]
    ez-hooks: {pre_run: '@plugin:u', on_error: '@plugin:v'}
    cmds: [ls]
  b: {ez-extends: a, vars: {LOUD: yes}}
  c: {vars: {LONELY: x}, cmds: [ls]}
@@
";
    let plugin = |name: &str, trigger: &str, script: &str| {
        format!("#- plugins/{name}.yml\ntype: hook\ntrigger: {trigger}\nscript: {script}\n")
    };
    let cases = [
        plugin("u", "pre_run", "echo {{.LO$0"),
        plugin("u", "pre_run", "'echo {{.LO$0"),
        plugin("u", "pre_run", "echo {{.EXIT_C$0"),
        plugin("u", "pre_run", "echo $EZ_$0"),
        plugin("u", "pre_run", "echo $LEV$0"),
        plugin("v", "on_error", "echo {{.EXIT_C$0"),
        plugin("v", "on_error", "echo $EZ_$0"),
        plugin("w", "on_error", "echo {{.LO$0 $LO"),
        "#- plugins/x.yml\nname: u\ntrigger: pre_run\ntype: hook\nscript: echo {{.LO$0\n".to_owned(),
        "  own: {ez-hooks: {pre_run: 'echo {{.EXIT_C$0'}}\n".to_owned(),
        "  own: {ez-hooks: {pre_run: 'echo $EZ_TASK_$0'}}\n".to_owned(),
        "  own: {ez-hooks: {always: 'echo {{.EXIT_C$0'}}\n".to_owned(),
    ];
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    check("scripts-of-plugins", OF_PLUGIN, &cases);
}

#[test]
fn names_of_tasks() {
    check(
        "tasks",
        PROJECT,
        &[
            "  own:\n    deps: [$0]\n",
            "  own:\n    deps: [build, bu$0\n",
            "  own:\n    deps:\n      - $0\n",
            "  own:\n    deps:\n      - docs:$0\n",
            "  own:\n    deps: [docs:$0]\n",
            "  own:\n    cmds:\n      - task: docs:$0\n",
            "  own:\n    deps:\n      - 'bu$0'\n",
            "  own:\n    deps: [\"be$0\"]\n",
            "  own:\n    cmds:\n      - task: $0\n",
            "  own:\n    cmds:\n      - task:$0\n",
            "  own:\n    cmds: [{task: b$0uild, vars: {}}]\n",
            "  own:\n    cmds:\n      - task: bundle$0\n",
            "  own:\n    cmds:\n      - defer: {task: in$0}\n",
            "  own:\n    ez-extends: $0\n    vars: {}\n",
            "  own:\n    ez-compose: [$0]\n",
            "  own:\n    ez-compose:\n      - {task: BE$0}\n",
            "  own:\n    deps:\n    - bnch$0\n",
            "  own:\n    deps: [x y$0]\n",
        ],
    );
    check(
        "tasks-of-included-files",
        "version: '3'\nincludes: {docs: docs}\ntasks:\n  build: {desc: All, cmds: [make]}\n#- docs/Taskfile.yml\nversion: '3'\ntasks:\n  build: mkdocs\n@@\n",
        &["  own:\n    deps: [$0]\n", "  own:\n    deps: [':$0']\n", "  own:\n    cmds: ['task docs:$0']\n"],
    );
    check(
        "excluded-tasks",
        "version: '3'\nincludes:\n  docs: {taskfile: docs, excludes: [$0]}\ntasks:\n  build: make\n#- docs/Taskfile.yml\nversion: '3'\nincludes: {deep: ./deep}\ntasks: {build: mkdocs}\n#- docs/deep/Taskfile.yml\nversion: '3'\ntasks: {x: echo}\n",
        &[""],
    );
}

#[test]
fn variables_of_calls() {
    check(
        "calls",
        PROJECT,
        &[
            "  own:\n    cmds:\n      - task: build\n        vars:\n          $0\n",
            "  own:\n    cmds:\n      - task: build\n        vars: {STAGE: dev, $0}\n",
            "  own:\n    cmds:\n      - task: build\n        vars: {STAGE: $0}\n",
            "  own:\n    cmds:\n      - task: build\n        vars:\n          EZ_ARCH: a$0\n",
            "  own:\n    cmds:\n      - task: build\n        vars:\n          EZ_BUILD_TYPE: $0\n",
            "  own:\n    deps:\n      - vars: {EZ$0: x}\n        task: build\n",
            "  own:\n    ez-extends: build\n    ez-defaults: {$0}\n",
            "  own:\n    ez-compose:\n      - task: build\n        defaults: {arch: $0}\n",
            "  own:\n    deps: [{task: build, vars: {EZ_ARCH: '$0'}}]\n",
        ],
    );
}

#[test]
fn aliases() {
    let anchors = "  own:\n    vars: &values {A: x}\n    env: &env-of-own\n      B: y\n    desc: &text Some\n    cmds: [&one 'ls & x', {cmd: 'a &b'}] # &c\n";
    let cases = [
        "  other: *$0\n",
        "  other:\n    env: *en$0\n",
        "  other:\n    env: {<<: *$0}\n",
        "  other:\n    <<: *$0\n    desc: x\n",
        "  other:\n    <<: [*values, *e$0]\n",
        "  other:\n    cmds:\n      - *o$0\n",
        "  other:\n    cmds: [*$0]\n",
        "  other:\n    cmds: ['*$0']\n",
        "  other:\n    cmds:\n      - |\n        *$0\n",
        "  other:\n    cmds:\n      - ls *$0\n",
    ];
    let cases = cases.map(|case| format!("{anchors}{case}"));
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    check_with("aliases", PROJECT, &cases, Options { has_snippets: true, trigger: Some('*') });
}

#[test]
fn defaults_of_params() {
    check(
        "param-defaults",
        PROJECT,
        &[
            "  own:\n    ez-params:\n      - name: arch\n        options: [x86_64, '10']\n        default: $0\n",
            "  own:\n    ez-params:\n      - name: other\n        options: [a]\n      - default: ar$0\n        name: arch\n        options:\n          - x86_64\n          - arm64\n",
            "  own:\n    ez-params: [{name: a, options: [b]}, {name: c, options: [d, e], default: $0}]\n",
            "  own:\n    ez-params: [{name: all, type: bool, default: $0}]\n",
            "  own:\n    ez-params:\n      - name: parts\n        type: multi\n        options: [a, b]\n        default: [a, $0]\n",
            "  own:\n    ez-params:\n      - name: free\n        default: $0\n",
            "#- plans/p.yml\nparams:\n  - name: stage\n    options: [dev, prod]\n    default: $0\nsteps: [{task: build}]\n",
            "#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks: {default: make}\n#- tasks/fw/task.yml\nparams:\n  - name: board\n    options: [uno, mega]\n    default: '$0'\n",
        ],
    );
}

#[test]
fn variables_and_functions_of_templates() {
    check(
        "templates",
        PROJECT,
        &[
            "  own:\n    cmds: ['echo {{$0}}']\n",
            "  own:\n    cmds: ['echo {{.$0}}']\n",
            "  own:\n    cmds:\n      - echo {{.VER$0\n",
            "  own:\n    cmds:\n      - |\n        echo {{.REV$0}} x\n        echo y\n",
            "  own:\n    cmds:\n      - >-\n        {{.VE$0RSION}}\n",
            "  own:\n    cmds: [\"echo {{.VERSION | up$0}}\"]\n",
            "  own:\n    cmds: [\"echo {{.VERSION | $0}}\"]\n",
            "  own:\n    cmds: [\"echo {{.ARCHIVES | $0}}\"]\n",
            "  own:\n    cmds: [\"echo {{.ARCHIVES.$0}}\"]\n",
            "  own:\n    cmds: [\"echo {{index .ARCHIVES \\\"$0\\\"}}\"]\n",
            "  own:\n    vars: {A: 1, B: '{{.A}}'}\n    cmds: ['echo {{$x := 1}}{{$$0}}']\n",
            "  own:\n    vars: {A: 1}\n    cmds: ['{{if .A}}{{$0']\n",
            "  own:\n    cmds: ['{{range .A}}{{.$0']\n",
            "  own:\n    cmds: ['{{range .A}}{{$.VER$0']\n",
            "  own:\n    cmds: ['{{range .A}}{{br$0}}']\n",
            "  own:\n    cmds:\n      - for: [a, b]\n        cmd: echo {{.IT$0}}\n",
            "  own:\n    cmds:\n      - cmd: echo {{.$0}}\n        for: {var: FILES, as: FILE}\n",
            "  own:\n    cmds:\n      - for: {matrix: {OS: [linux], CPU: [arm]}}\n        cmd: echo {{.ITEM.$0}}\n",
            "  own:\n    cmds: ['{{/* $0 */}}']\n",
            "  own:\n    vars: {L: {ref: .VER$0}}\n",
            "  own:\n    desc: 'ü {{.VER$0}} 😀'\n",
            "  own-*:\n    cmds: ['{{.MAT$0']\n",
            "  own:\n    cmds: ['{{.HOM$0']\n",
            "  own:\n    cmds: ['{{.TO$0']\n",
            "  own:\n    cmds: ['{{printf \"%s\" $0}}']\n",
            "  own:\n    cmds: [{task: build, vars: {STAGE: '{{.STA$0}}'}}]\n",
        ],
    );
}

#[test]
fn words_of_scripts() {
    check(
        "scripts",
        PROJECT,
        &[
            "  own:\n    env: {LOCAL: x}\n    cmds:\n      - echo $$0\n",
            "  own:\n    cmds:\n      - 'echo \"${CGO$0'\n",
            "  own:\n    cmds:\n      - |\n        MINE=1\n        echo $MI$0\n",
            "  own:\n    cmds:\n      - task b$0\n",
            "  own:\n    cmds:\n      - cd x && ez run $0\n",
            "  own:\n    cmds:\n      - ez check $0\n",
            "  own:\n    cmds:\n      - echo b$0\n",
            "  own:\n    cmds:\n      - \"echo '$$0'\"\n",
            "  own: task bui$0ld && echo\n",
        ],
    );
}

#[test]
fn variables_of_the_environment() {
    check(
        "environment",
        &format!("{PROJECT}#- $environment\nHOME=/home/me\nDEPLOY_KEY=k\nCGO_ENABLED=1\n"),
        &[
            "  own:\n    cmds:\n      - echo $HO$0\n",
            "  own:\n    cmds:\n      - 'ls \"${DEP$0}\"'\n",
            "  own:\n    cmds:\n      - echo {{.HO$0}}\n",
            "  own:\n    cmds:\n      - echo $CG$0\n",
            "  own:\n    cmds:\n      - '{{env \"HO$0\"}}'\n",
        ],
    );
}

#[test]
fn paths_of_files() {
    check(
        "paths",
        PROJECT,
        &[
            "  own:\n    dir: $0\n",
            "  own:\n    sources: ['tools/$0']\n",
            "  own:\n    dotenv: [$0]\n",
            "  own:\n    sources:\n      - too$0\n",
        ],
    );
    check(
        "included-files",
        "version: '3'\nincludes:\n@@\n#- docs/Taskfile.yml\nversion: '3'\n#- tools/x.sh\n#\n#- Taskfile.lib.yml\nversion: '3'\n#- other.yml\na: b\n",
        &[
            "  docs: $0\n",
            "  docs: ./$0\n",
            "  docs: {taskfile: ./do$0}\n",
            "  docs:\n    taskfile: ./docs/$0\n    optional: true\n",
        ],
    );
}

#[test]
fn words_of_which_only_some_are_allowed() {
    check(
        "words",
        PROJECT,
        &[
            "  own:\n    method: $0\n",
            "  own:\n    run: wh$0\n",
            "  own:\n    silent: $0\n",
            "  own:\n    set: [$0]\n",
            "  own:\n    shopt:\n      - g$0\n",
            "  own:\n    platforms: [li$0]\n",
            "  own:\n    platforms: [linux/$0]\n",
            "  own:\n    ez-hooks: {on_error: '@$0'}\n",
            "  own:\n    ez-hooks:\n      on_error: @plugin:$0\n",
            "  own:\n    ez-params: [{name: x, query: {plugin: $0}}]\n",
            "  own:\n    ez-shell: $0\n",
            "  own:\n    cmds:\n      - for: {var: $0}\n",
            "  own:\n    cmds:\n      - for: $0\n",
        ],
    );
}

#[test]
fn steps_of_plans() {
    check(
        "plans",
        PLAN,
        &[
            "  - task: $0\n",
            "  - $0\n",
            "  - task: firmware:$0\n",
            "  - task: publish\n    needs: [$0]\n",
            "  - task: publish\n    needs: [check, 'build[$0']\n",
            "  - task: publish\n    needs:\n      - ch$0\n",
            "  - task: publish\n    inputs: [{from: $0}]\n",
            "  - task: publish\n    inputs: [{from: build, artifact: $0}]\n",
            "  - task: publish\n    inputs:\n      - from: firmware\n        artifact: $0\n",
            "  - task: publish\n    inputs:\n      - artifact: $0\n",
            "  - task: publish\n    when: '{{.$0}}'\n",
            "  - task: publish\n    when: '{{.steps.$0}}'\n",
            "  - task: publish\n    when: '{{.steps.check.outputs.$0}}'\n",
            "  - task: publish\n    when: '{{(index .steps \"build[arm64]\").outputs.$0}}'\n",
            "  - task: publish\n    when: '{{index .steps \"$0\"}}'\n",
            "  - task: build\n    name: again\n    vars: {$0}\n",
            "  - task: build\n    name: again\n    vars: {arch: $0}\n",
            "  - task: firmware\n    name: again\n    vars: {board: $0}\n",
            "  - task: build\n    name: again\n    vars:\n      EZ_ARCH: $0\n",
            "  - task: build\n    name: again\n    vars: {EZ_ARCH: arm64, $0}\n",
            "  - task: firmware\n    name: again\n    vars: {EZ_BOARD: '$0'}\n",
            "  - task: build\n    name: again\n    matrix: {arch: [a, b], exclude: [{$0}]}\n",
            "  - task: build\n    name: again\n    matrix: {cpu: [a, b]}\n    vars: {arch: '{{.$0}}'}\n",
        ],
    );
}

#[test]
fn nothing_where_nothing_can_be_written() {
    check(
        "nothing",
        PROJECT,
        &[
            "  own:\n    desc: Some $0\n",
            "  own:\n    # de$0\n",
            "  own:\n    cmds: [a] $0\n",
            "  own:\n    summary: |\n      A $0 text\n",
            "  own:\n   $0 desc: x\n",
            "  ow$0\n",
            "  own:\n    method: 'none'$0\n",
            "  own:\n    -$0\n",
        ],
    );
    for (case, trigger) in [("  own:\n    $0\n", ' '), ("  own:\n    deps:\n      -$0\n", '-')] {
        let options = Options { has_snippets: true, trigger: Some(trigger) };
        assert!(completions(&with_case(PROJECT, case), options).0.items.is_empty(), "{case}");
    }
}

#[test]
fn broken_texts() {
    check(
        "broken",
        PROJECT,
        &[
            "  own:\n    deps: [build, $0\n  next:\n    cmds: [x]\n",
            "  own:\n    deps: [{task: $0\n  next:\n    cmds: [x]\n",
            "  own:\n    cmds: ['echo {{.$0\n  next:\n    cmds: [x]\n",
            "  own:\n    cmds:\n      - task: \"b$0\n",
            "  own:\n    desc: 'x\n    cmds: []\n  last:\n    deps: [$0]\n",
            "  own:\n    vars: {A: {sh: x, $0\n",
            "  own:\n    cmds:\n      - task: build\n      vars: $0\n",
            "  own: {{{{ $0\n",
            "\town:\n\t  deps: [b$0\n",
        ],
    );
}

#[test]
fn many_tasks_are_cut() {
    use std::fmt::Write as _;
    let mut text = "version: '3'\ntasks:\n".to_owned();
    for number in 0..1_000 {
        let _ = writeln!(text, "  unit-{number:04}: echo {number}");
    }
    let at =
        |typed: &str| completions(&format!("{text}  own:\n    deps: [{typed}$0]\n"), Options::default()).0;
    let all = at("");
    assert_eq!((all.items.len(), all.is_incomplete), (rank::MAX_ITEMS, true));
    let some = at("unit-012");
    assert_eq!((some.items.len(), some.is_incomplete), (28, false));
    let labels: Vec<&str> = some.items.iter().take(11).map(|item| item.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "unit-0120",
            "unit-0121",
            "unit-0122",
            "unit-0123",
            "unit-0124",
            "unit-0125",
            "unit-0126",
            "unit-0127",
            "unit-0128",
            "unit-0129",
            "unit-0012"
        ]
    );
    assert_eq!(at("0999").items.first().map(|item| item.label.as_str()), Some("unit-0999"));
}

#[test]
fn what_is_told_later() {
    let fixture = Fixture::new(&with_case(PROJECT, "  own:\n    deps: [b$0]\n"));
    let place = fixture.place();
    let told = |subject: Subject| documentation(&place.snapshot, &subject).unwrap_or_default();
    let found = complete(&place.snapshot, place.position, Options::default());
    let build = found.items.into_iter().find(|item| item.label == "build").and_then(|item| item.subject);
    assert_eq!(
        told(build.unwrap()),
        "Build the program\n\n- `arch`: The processor: one of `x86_64`, `arm64`, `x86_64` without one\n- `build-type`: bool\n\nRequires `STAGE`."
    );
    let path = ["tasks", "own", "method"].map(|key| Some(key.to_owned())).to_vec();
    let field = Subject::Field { format: ez_compiler::schema::Format::Taskfile, path };
    let text = serde_json::to_string(&field).unwrap();
    assert_eq!(serde_json::from_str::<Subject>(&text).unwrap(), field);
    assert!(told(field).contains("Default: `checksum`."));
    let function = told(Subject::Function { name: "trimPrefix".into(), is_made: false });
    assert_eq!(function, "```\ntrimPrefix prefix:string text:string → string\n```\n\nRemoves a prefix.");
    assert_eq!(documentation(&place.snapshot, &Subject::Task { name: "none".into() }), None);
}

/// The texts of a directory's Taskfiles and their kin.
fn texts_below(directory: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            texts_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
}

/// At every byte: no panic, and every edit stays on the cursor's line and around the cursor.
#[test]
fn every_place_has_an_answer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    texts_below(&root.join("examples"), &mut texts);
    texts_below(&root.join("tests/conformance"), &mut texts);
    assert!(texts.len() > 20, "{}", texts.len());
    // A part of the files each time would be chance; small ones are all of the usual kinds.
    texts.retain(|(_, text)| text.len() < 1_500);
    texts.truncate(80);
    for (path, text) in &texts {
        check_every_place(path, text);
    }
    for broken in [
        "tasks: {a: [{{",
        "a:\n - \"\\",
        "{{.é|",
        "\t- '{{\"",
        "tasks:\r\n  a:\r\n    cmds: [{for: {var: X, as: ",
    ] {
        check_every_place("broken", broken);
    }
}

fn check_every_place(path: &str, text: &str) {
    let text = text.replace("$0", "$1");
    let fixture = Fixture::new(&format!("{text}$0"));
    let Some(place) = fixture.place_of_file() else { return };
    let file = place.position.file;
    for offset in 0..=text.len() {
        let position = FilePosition { file, offset };
        let found = complete(&place.snapshot, position, Options { has_snippets: true, trigger: None });
        let _ = crate::ide::signature_help::at(&place.snapshot, position);
        let mut at = offset;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let line = line_at(&text, at);
        for item in &found.items {
            let range = &item.range;
            let fits =
                line.start <= range.start && range.start <= at && at <= range.end && range.end <= line.end;
            let is_whole = text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
            assert!(fits && is_whole, "{path} at {offset}: {item:?} in {line:?}");
        }
    }
}

#[test]
fn formats_are_known_by_their_paths() {
    use ez_compiler::schema::Format;
    for (path, expected) in [
        ("/p/Taskfile.yml", Format::Taskfile),
        ("/p/plans/a.yml", Format::Plan),
        ("/p/plans/Taskfile.yml", Format::Taskfile),
        ("/p/tasks/a/task.yml", Format::Metadata),
        ("/p/tasks/task.yml", Format::Taskfile),
        ("/p/plugins/a.yaml", Format::Plugin),
        ("/p/templates/a.yml", Format::Template),
        ("/p/.taskrc.yml", Format::Taskrc),
        ("/p/build.yml", Format::Taskfile),
    ] {
        assert_eq!(format_of(path.into()), expected, "{path}");
    }
}
