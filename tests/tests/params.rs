//! Params: where their values come from, how they are checked, asked for, kept secret, shown.

use ez_tests::Project;
use ez_tests::server::Server;

/// A project with one Taskfile, its first line left out.
fn project(tasks: &str) -> Project {
    Project::new().file("Taskfile.yml", format!("version: '3'\nsilent: true\ntasks:\n{tasks}"))
}

const AUTHORITY: &str = r"
  plain:
    ez-params: [{name: arch, default: of-default}]
    cmds: ['echo {{.EZ_ARCH}} $EZ_ARCH']
  stated:
    ez-extends: plain
    ez-defaults: {arch: of-ez-defaults}
  composed:
    ez-compose:
      - {task: stated, defaults: {arch: of-compose}}
  called:
    cmds:
      - task: stated
        vars: {EZ_ARCH: of-call}
  emptied:
    cmds:
      - task: stated
        vars: {EZ_ARCH: ''}
";

#[test]
fn the_strongest_source_of_a_value_wins() {
    let check = |environment: &str, args: &[&str], expected: &str| {
        let project = project(AUTHORITY).env("EZ_ARCH", environment);
        project.run(args).success().stdout(&format!("{expected} {expected}\n"));
    };
    check("", &["plain"], "of-default");
    check("", &["stated"], "of-ez-defaults");
    check("", &["composed"], "of-compose");
    check("of-environment", &["plain"], "of-environment");
    check("of-environment", &["stated"], "of-environment");
    check("of-environment", &["composed"], "of-environment");
    check("of-environment", &["stated", "EZ_ARCH=of-line"], "of-line");
    check("of-environment", &["composed", "EZ_ARCH=of-line"], "of-line");
    check("of-environment", &["called", "EZ_ARCH=of-line"], "of-call");
    // Empty text counts as none.
    check("", &["stated", "EZ_ARCH="], "of-ez-defaults");
    check("", &["emptied"], "of-ez-defaults");
}

const CHECKED: &str = r#"
  build:
    ez-params:
      - {name: arch, options: [x86_64, arm64], help: the processor, required: true}
      - {name: jobs, type: number, min: 1, max: 8, default: '2'}
      - {name: strip, type: bool}
      - {name: parts, type: multi, options: [a, b, c], max: 2}
      - {name: tag, pattern: 'v\d+'}
    cmds: ['echo {{.EZ_ARCH}} $EZ_JOBS $EZ_STRIP $EZ_PARTS $EZ_TAG']
  all:
    cmds:
      - echo first
      - task: build
        vars: {EZ_ARCH: amd64}
  maybe:
    cmds:
      - echo first
      - task: build
        if: '[ -n "$YES" ]'
  looped:
    cmds:
      - echo first
      - {task: echoed}
      - for: [x86_64, sparc]
        task: build
        vars: {EZ_ARCH: '{{.ITEM}}'}
  echoed:
    vars: {NOW: {sh: date}}
    cmds: ['echo {{.NOW}}']
  computed-wrong:
    vars: {WHICH: {sh: echo sparc}, ARCH: '{{.WHICH}}'}
    cmds:
      - echo first
      - task: build
        vars: {EZ_ARCH: '{{.ARCH}}'}
  computed:
    vars: {WHICH: {sh: echo arm64}}
    cmds:
      - task: build
        vars: {EZ_ARCH: '{{.WHICH}}'}
"#;

#[test]
fn values_are_checked_before_anything_runs() {
    let project = project(CHECKED);
    project.run(["build"]).exit(206).stdout("").stderr(
        "ez: the task \"build\" needs a value:\n  \
         arch (the processor): write EZ_ARCH=x86_64, one of x86_64, arm64\n\
         `ez show build` shows what it takes\n",
    );
    let wrong = |value: &str, message: &str| {
        project.run(["build", "EZ_ARCH=arm64", value]).exit(207).stdout("").stderr_has(message);
    };
    wrong("EZ_ARCH=arm46", "`arm46` is no option of `arch`; it takes x86_64, arm64 (did you mean `arm64`?)");
    wrong("EZ_JOBS=9", "`9` is too large for `jobs`: at most 8");
    wrong("EZ_JOBS=many", "`many` is no number, which `jobs` must be");
    wrong("EZ_STRIP=yes", "`yes` is neither `true` nor `false`, which `strip` must be");
    wrong("EZ_PARTS=a,d", "`d` is no option of `parts`");
    wrong("EZ_PARTS=a,b,c", "too large for `parts`: at most 2 of the options");
    wrong("EZ_TAG=v1x", "`v1x` does not match the pattern of `tag`");
    project
        .run(["build", "EZ_ARCH=arm64", "EZ_STRIP=true", "EZ_PARTS=a, c", "EZ_TAG=v12"])
        .success()
        .stdout("arm64 2 true a, c v12\n");
    // Also the values of tasks that are called later; those that may not be called wait for their turn.
    project
        .run(["all"])
        .exit(207)
        .stdout("")
        .stderr_has("`amd64` is no option of `arch`")
        .stderr_has("ez: the task \"build\", which \"all\" calls, does not take what it was given:\n");
    project.run(["looped"]).exit(207).stdout("").stderr_has("`sparc` is no option of `arch`");
    // What a command gives is known when it ran.
    project.run(["computed-wrong"]).exit(207).stdout("first\n").stderr_has("`sparc` is no option of `arch`");
    project.run(["maybe"]).success().stdout("first\n");
    project.run(["maybe", "YES=1"]).success().stdout("first\n");
    project.run(["computed"]).success().stdout("arm64 2\n");
}

#[test]
fn a_task_that_may_not_run_is_checked_at_its_turn() {
    let project = project(CHECKED).env("YES", "1");
    project.run(["maybe"]).exit(206).stdout("first\n").stderr_has("which \"maybe\" calls");
}

const QUERIED: &str = r"
  branch:
    dir: sub
    env: {KIND: branches}
    ez-params: [{name: branch, query: 'echo asked >&2; echo x >> log; cat $KIND.txt'}]
    cmds: ['echo {{.EZ_BRANCH}}']
  twice:
    cmds: [{task: branch}, {task: branch}]
  failing:
    ez-params: [{name: x, query: {command: 'echo no such repository >&2; exit 3'}}]
    cmds: ['echo {{.EZ_X}}']
  none:
    ez-params: [{name: x, query: {command: 'true'}}]
    cmds: ['echo {{.EZ_X}}']
  endless:
    ez-params: [{name: x, query: {command: yes | head -c 5000000}}]
    cmds: ['echo {{.EZ_X}}']
  plain:
    ez-params: [{name: x, query: {command: 'touch asked; echo a'}, default: z}]
    cmds: ['echo {{.EZ_X}}']
";

#[test]
fn options_come_from_a_command() {
    let project = project(QUERIED).file("sub/branches.txt", "main\n dev\n\nmain\n");
    project.run(["branch", "EZ_BRANCH=dev"]).success().stdout("dev\n").stderr("");
    project
        .run(["branch", "EZ_BRANCH=x"])
        .exit(207)
        .stderr_has("`x` is no option of `branch`; it takes main, dev\n");
    project.write("sub/log", "");
    // Asked once in a run.
    project.run(["twice", "EZ_BRANCH=main"]).success().stdout("main\nmain\n").file_is("sub/log", "x\n");
    project.run(["failing", "EZ_X=a"]).exit(1).stdout("").stderr(
        "ez: cannot find the options of `x`: `echo no such repository >&2; exit 3` failed: exit status 3: \
         no such repository\n",
    );
    project.run(["failing"]).success().stdout("\n");
    project
        .run(["none", "EZ_X=a"])
        .exit(1)
        .stderr("ez: cannot find the options of `x`: there are no options\n");
    let too_much = "the options of `x`: there are more than 4 MiB";
    project.run(["endless", "EZ_X=a"]).exit(1).stderr_has(too_much);
    // A default is not doubted, and a dry run asks nobody.
    project.run(["plain"]).success().stdout("z\n").no_file("asked");
    project.run(["plain", "EZ_X=b", "--dry"]).success().no_file("asked");
    project.run(["plain", "EZ_X=b"]).exit(207).file_is("asked", "");
}

#[test]
fn options_come_from_a_url() {
    let server = Server::new();
    server.content(
        "/images.json",
        "application/json",
        r#"{"items": [{"name": "alpine"}, {"name": "debian", "eol": true}]}"#,
    );
    server.content("/words", "text/plain", "no json");
    let image = |url: &str, path: &str| {
        project(&format!(
            "  pull:\n    ez-params: [{{name: image, query: {{url: '{url}', path: '{path}'}}}}]\n    \
             cmds: ['echo {{{{.EZ_IMAGE}}}}']\n"
        ))
    };
    let project = image(&server.url("/images.json"), ".items[].name");
    project.run(["pull", "EZ_IMAGE=debian"]).success().stdout("debian\n");
    project
        .run(["pull", "EZ_IMAGE=debain"])
        .exit(207)
        .stderr_has("it takes alpine, debian (did you mean `debian`?)");
    project.run(["pull", "EZ_IMAGE=debian", "--offline"]).exit(1).stderr_has("--offline is set");
    // Nobody is asked where there is no value to check.
    project.run(["pull"]).success();
    let fails = |url: &str, path: &str, message: &str| {
        image(url, path).run(["pull", "EZ_IMAGE=a"]).exit(1).stdout("").stderr_has(message);
    };
    fails(&server.url("/images.json"), ".items", "the path leads to an object, not to a text");
    fails(&server.url("/images.json"), ".nothing", "there are no options");
    fails(&server.url("/words"), ".", "gave no JSON");
    fails(&server.url("/missing"), ".", "answered 404");
    server.redirect("/moved", "/images.json").redirect("/round", "/round").endless("/endless");
    image(&server.url("/moved"), ".items[].name").run(["pull", "EZ_IMAGE=debian"]).success();
    fails(&server.url("/round"), ".", "too many redirects");
    fails(&server.url("/endless"), ".", "there are more than 4 MiB");
    fails("file:///etc/passwd", ".", "is no address that begins with http:// or https://");
}

const SECRET: &str = r"
  login:
    silent: false
    ez-params:
      - {name: token, type: secret, required: true, min: 4}
    vars: {URL: 'https://{{.EZ_TOKEN}}@example.com'}
    cmds:
      - 'printf %s {{.EZ_TOKEN}} > out'
      - 'echo {{.URL}} >/dev/null'
      - 'echo got $EZ_TOKEN'
      - cmd: 'test {{.EZ_TOKEN}} = other'
";

#[test]
fn a_secret_is_written_nowhere() {
    let project = project(SECRET).env("EZ_TOKEN", "hunter2");
    let outcome = project.run(["--verbose", "--output", "group", "login"]);
    outcome.exit(201).lacks("hunter2").stderr_has("echo https://*****@example.com").file_is("out", "hunter2");
    outcome.stdout_has("got *****\n");
    let events = project.run(["--events", "jsonl", "login"]);
    events.exit(201).lacks("hunter2").stdout_has("got *****");
    project.run(["--dry", "login"]).success().lacks("hunter2");
    project
        .run(["login", "EZ_TOKEN=abc"])
        .exit(207)
        .stderr_has("the value is too small for `token`")
        .lacks("abc");
    project.run(["show", "login"]).success().lacks("hunter2");
    project.run(["show", "--json", "login"]).success().lacks("hunter2");
}

#[test]
fn a_list_and_a_task_tell_their_params() {
    let project = project(
        r"
  build:
    desc: Builds it
    ez-params:
      - {name: build-arch, options: [x86_64, arm64], help: the processor, required: true}
      - {name: jobs, type: number, min: 1, max: 8, default: '2'}
      - {name: tag, pattern: 'v\d+'}
      - {name: token, type: secret, default: hunter2}
      - {name: branch, query: git branch}
    ez-tags: [release, slow]
    ez-examples: [ez build EZ_BUILD_ARCH=arm64]
    cmds: ['echo $EZ_BUILD_ARCH $EZ_JOBS $EZ_TAG $EZ_TOKEN $EZ_BRANCH']
",
    );
    let table = "
params:
  name        variable       type    options          default  required  help
  build-arch  EZ_BUILD_ARCH  select  x86_64, arm64    -        yes       the processor
  jobs        EZ_JOBS        number  1 to 8           2        no        -
  tag         EZ_TAG         input   v\\d+             -        no        -
  token       EZ_TOKEN       secret  -                -        no        -
  branch      EZ_BRANCH      select  from git branch  -        no        -

tags:
  release
  slow

examples:
  ez build EZ_BUILD_ARCH=arm64
";
    project.run(["show", "build"]).success().stdout_has(table).lacks("hunter2");
    for args in [&["show", "--json", "build"][..], &["list", "--json"]] {
        let outcome = project.run(args);
        outcome.success().lacks("hunter2");
        let json: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let task = json.get("tasks").and_then(|tasks| tasks.get(0)).unwrap_or(&json);
        assert_eq!(task["tags"], serde_json::json!(["release", "slow"]));
        assert_eq!(task["examples"], serde_json::json!(["ez build EZ_BUILD_ARCH=arm64"]));
        assert_eq!(
            task["params"][0],
            serde_json::json!({
                "name": "build-arch", "variable": "EZ_BUILD_ARCH", "type": "select",
                "options": ["x86_64", "arm64"], "required": true, "help": "the processor",
            })
        );
        assert_eq!(task["params"][1]["max"], serde_json::json!(8.0));
        assert_eq!(task["params"][1]["default"], "2");
        assert_eq!(task["params"][4]["query"], serde_json::json!({"command": "git branch"}));
    }
    project.run(["list", "slow"]).success().stdout_has("build");
    project.run(["list", "EZ_BUILD_ARCH"]).success().stdout_has("build");
}

#[test]
fn params_and_their_options_are_completed() {
    let project = project(CHECKED);
    let complete = |word: &str, expected: &str| {
        project.run(["__complete", "ez", "run", "build", word]).success().stdout(expected);
    };
    complete("EZ_A", "EZ_ARCH=x86_64\tthe processor\nEZ_ARCH=arm64\tthe processor\n");
    complete("EZ_S", "EZ_STRIP=true\tbool\nEZ_STRIP=false\tbool\n");
    complete("EZ_J", "EZ_JOBS=\tnumber\n");
    complete("EZ_PARTS=b", "EZ_PARTS=b\tmulti\n");
}

#[test]
fn a_compiled_secret_stays_one() {
    let project = project(
        "  login:\n    silent: false\n    ez-params: [{name: token, type: secret}, {name: user, default: me}]\n    \
         cmds: ['test {{.EZ_TOKEN}} = $EZ_TOKEN && echo $EZ_USER']\n",
    )
    .env("EZ_TOKEN", "hunter2");
    project.run(["compile", "-o", "compiled.yml"]).success();
    // What is silent in the file is silent in the task: `--verbose` shows the commands.
    let outcome = project.run_oracle(["-t", "compiled.yml", "--verbose", "login"]);
    outcome.success().stdout("me\n").lacks("hunter2").stderr_has("test ***** = $EZ_TOKEN");
}

#[test]
fn the_params_example_is_configured_alike_natively_and_compiled() {
    let check = |args: &[&str], stdout: &str| {
        let [native, compiled] = [(); 2].map(|()| Project::copy_of("examples/params"));
        native.run(["run"].iter().chain(args)).success().stdout(stdout);
        compiled
            .run(["compile", "-o", "compiled.yml"])
            .success()
            .stderr_has("what values its params have is only checked by ez: ");
        compiled.run_oracle(["-t", "compiled.yml"].iter().chain(args)).success().stdout(stdout);
        [native, compiled]
    };
    let shop = "name = shop\nport = 8080\ntls = true\nfeatures = metrics\nmemory = 4096\ncores = 8\n";
    for project in check(&["configure", "EZ_NAME=shop", "EZ_PROFILE=large", "EZ_TOKEN=hunter2hunter"], shop) {
        assert_eq!(project.read("build/shop.conf").as_deref(), Some(shop));
        assert_eq!(project.read("build/shop.conf.token").as_deref(), Some("hunter2hunter\n"));
    }
    let staging =
        "name = staging\nport = 9000\ntls = false\nfeatures = metrics,tracing\nmemory = 256\ncores = 1\n";
    check(&["staging", "EZ_PORT=9000"], staging);
    let project = Project::copy_of("examples/params");
    project.run(["check"]).success().stdout("").stderr("");
    project
        .run(["configure", "EZ_NAME=x", "EZ_PROFILE=huge"])
        .exit(207)
        .stderr_has("`huge` is no option of `profile`; it takes large, small\n");
}

#[cfg(unix)]
mod on_a_terminal {
    use super::*;
    use ez_tests::process::Exit;
    use ez_tests::{Session, program};

    const ASKED: &str = r"
  build:
    ez-params:
      - {name: arch, options: [x86_64, arm64, riscv64], help: The processor, required: true}
      - {name: mode, options: [debug, release], default: release}
    cmds: ['echo built $EZ_ARCH {{.EZ_MODE}}']
  rest:
    ez-params:
      - {name: jobs, type: number, min: 1, max: 8, default: '2'}
      - {name: parts, type: multi, options: [a, b, c], min: 1}
      - {name: strip, type: bool}
      - {name: file, type: path, required: true}
    cmds: ['echo rest $EZ_JOBS $EZ_PARTS {{.EZ_STRIP}} $EZ_FILE.']
  all: {deps: [build], cmds: [echo all]}
  late:
    cmds: [echo first, {task: build, if: 'true'}]
  login:
    ez-params: [{name: token, type: secret, required: true}]
    cmds: ['echo {{.EZ_TOKEN}} > out; echo done']
    silent: false
";

    fn session(project: &Project, args: &[&str]) -> Session {
        project.start_on_terminal(&program::ez(), args)
    }

    fn asked() -> Project {
        project(ASKED).env("TERM", "xterm")
    }

    #[track_caller]
    fn ends(session: &mut Session, code: i32) {
        let exit = session.exit();
        assert_eq!(exit, Exit::Code(code), "{}", session.written());
        assert!(session.terminal_is_as_before());
    }

    #[test]
    fn run_asks_for_everything_and_a_bare_name_for_what_must_be() {
        let project = asked();
        let mut session_of_run = session(&project, &["run", "build"]);
        session_of_run.wait_for("? arch:").wait_for("The processor").type_keys("arm\r");
        session_of_run.wait_for("? mode:").wait_for("❯ release (default)").type_keys("\u{1b}[A\r");
        session_of_run.wait_for("built arm64 debug");
        ends(&mut session_of_run, 0);
        let mut bare = session(&project, &["build"]);
        bare.wait_for("? arch:").type_keys("\u{1b}[B\u{1b}[B\r").wait_for("built riscv64 release");
        ends(&mut bare, 0);
        let mut given = session(&project, &["run", "build", "EZ_ARCH=arm64", "EZ_MODE=debug"]);
        given.wait_for("built arm64 debug");
        ends(&mut given, 0);
        // With --yes the defaults are good.
        let mut yes = session(&project, &["run", "build", "EZ_ARCH=arm64", "--yes"]);
        yes.wait_for("built arm64 release");
        ends(&mut yes, 0);
    }

    #[test]
    fn dependencies_are_asked_about_first_and_others_at_their_turn() {
        let project = asked();
        let mut all = session(&project, &["run", "all"]);
        all.wait_for("? arch:").type_keys("\r").wait_for("built x86_64 release").wait_for("all");
        ends(&mut all, 0);
        let mut late = session(&project, &["late"]);
        late.wait_for("first").wait_for("? arch:").type_keys("\r").wait_for("built x86_64 release");
        ends(&mut late, 0);
    }

    #[test]
    fn each_type_is_asked_for_in_its_way_and_wrong_answers_again() {
        let project = asked();
        let mut rest = session(&project, &["run", "rest"]);
        rest.wait_for("? jobs:").wait_for("1 to 8").type_keys("99\r");
        rest.wait_for("`99` is too large for `jobs`: at most 8").type_keys("\u{15}7\r");
        rest.wait_for("? parts:").type_keys(" \u{1b}[B\u{1b}[B \r");
        rest.wait_for("? strip:").type_keys("fa\r");
        rest.wait_for("? file:").type_keys("\r").wait_for("`file` needs a value").type_keys("a/b\r");
        rest.wait_for("rest 7 a,c false a/b.");
        ends(&mut rest, 0);
    }

    #[test]
    fn a_cancelled_question_ends_the_run() {
        let project = asked();
        for keys in ["\u{1b}", "\u{3}"] {
            let mut cancelled = session(&project, &["run", "build"]);
            cancelled.wait_for("? arch:").type_keys(keys);
            ends(&mut cancelled, 130);
            assert!(!cancelled.written().contains("built"));
        }
    }

    #[test]
    fn a_secret_is_not_seen_while_it_is_typed() {
        let project = asked();
        let mut login = session(&project, &["login", "--verbose"]);
        login.wait_for("? token:").type_keys("hunter{{2\r").wait_for("echo ***** > out").wait_for("done");
        ends(&mut login, 0);
        assert!(!login.written().contains("hunter{{2"), "{}", login.written());
        assert_eq!(project.read("out").as_deref(), Some("hunter{{2\n"));
    }
}
