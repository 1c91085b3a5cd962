use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::process::{Stream, end_leftovers};
use crate::signal::Stop;

/// A project directory with some programs.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        place.file("plain", "x", 0o644);
        place.file("script", "echo \"script:$*\"; exit 4", 0o755);
        place.file("binary", "\0\u{1}\n", 0o755);
        place.file("bad", "#!/no/such/interpreter\n", 0o755);
        std::fs::create_dir(place.directory.path().join("bin")).unwrap();
        place.file("bin/tool", "#!/bin/sh\necho tool \"$@\"", 0o755);
        place
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Exit code and both streams of a script, or the error; the directory shows as `DIR`.
    fn run_with(&self, text: &str, set: &[&str], shopt: &[&str], more: &[(&str, &str)]) -> String {
        self.run_in(Kind::Bash, text, set, shopt, more).0
    }

    /// As [`Self::run_with`], in a kind of shell; and the constructs of bash that were told.
    fn run_in(
        &self,
        kind: Kind,
        text: &str,
        set: &[&str],
        shopt: &[&str],
        more: &[(&str, &str)],
    ) -> (String, Vec<String>) {
        let here = self.directory.path().to_str().unwrap();
        let path = format!("{here}/bin:/usr/bin:/bin");
        let given = [("PATH", path.as_str()), ("A", "one two"), ("B", "b")];
        let environment: Environment = given.into_iter().chain(more.iter().copied()).collect();
        let options = |names: &[&str]| names.iter().map(SmolStr::new).collect::<Vec<_>>();
        let (set, shopt) = (options(set), options(shopt));
        let told = Rc::new(RefCell::new(Vec::new()));
        let tell = Rc::clone(&told);
        let interpreter = Interpreter::of_kind(kind, &environment);
        let on_bash_only = Box::new(move |what: &str| tell.borrow_mut().push(what.to_owned()));
        let shell =
            Shell::with_interpreter(Rc::new(Processes::default()), Box::new(|| interpreter), on_bash_only);
        let script = Script {
            text,
            directory: self.directory.path(),
            environment: &Arc::new(environment),
            set: &set,
            shopt: &shopt,
            input: false,
            routes: Routes::SPLIT,
            group: Group::Own,
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut sink = |stream: Stream, bytes: &[u8]| match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let control = Control::new(Stop::new());
        let result = runtime.block_on(async {
            let result = shell.run(&script, &mut sink, &control).await;
            if let Ok(Finished { group: Some(group), .. }) = result {
                end_leftovers(group, std::time::Duration::from_mins(1)).await;
            }
            result
        });
        let text = match result {
            Ok(finished) => {
                let streams = [stdout, stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned());
                format!("{} {:?} {:?}", finished.ending.code(), streams[0], streams[1])
            }
            Err(error) => format!("error {error}"),
        };
        (text.replace(here, "DIR"), told.take())
    }

    fn run(&self, text: &str) -> String {
        self.run_with(text, &[], &[], &[])
    }
}

#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(Place::new().run(script), expected, "{script}");
}

#[test]
fn simple_commands_need_no_shell() {
    check("echo hi", r#"0 "hi\n" """#);
    check("echo \"$A\" $B $UNSET '' c", r#"0 "one two b  c\n" """#);
    check("true", r#"0 "" """#);
    check(":", r#"0 "" """#);
    check("false", r#"1 "" """#);
    check("", r#"0 "" """#);
    check("# nothing", r#"0 "" """#);
    check("exit 3; echo no", r#"3 "" """#);
    check("exit 256", r#"0 "" """#);
    check("exit x", r#"2 "" "invalid exit status code: \"x\"\n""#);
    check("tool a 'b c'", r#"0 "tool a b c\n" """#);
    check("X=1 Y=\"$A\" env -u PATH -u A -u B -u PWD", r#"0 "X=1\nY=one two\n" """#);
}

#[test]
fn lists_stop_at_the_first_failure() {
    check("echo a; false; echo b", r#"1 "a\n" """#);
    check("false && echo b; echo c", r#"0 "c\n" """#);
    check("true && false && echo b; exit", r#"1 "" """#);
    check("true && false; echo c", r#"1 "" """#);
    check("echo a && echo b\necho c", r#"0 "a\nb\nc\n" """#);
}

#[test]
fn redirects_of_simple_commands() {
    check("echo a > f; echo b >> f; cat < f", r#"0 "a\nb\n" """#);
    check("echo a >&2", r#"0 "" "a\n""#);
    check("ls /no/such 2>/dev/null || echo no", r#"0 "no\n" """#);
    check("tool a > f 2>&1 && cat f", r#"0 "tool a\n" """#);
    check("echo x > no/such", r#"1 "" "open DIR/no/such: no such file or directory\n""#);
    check("cat < absent", r#"1 "" "open DIR/absent: no such file or directory\n""#);
    check("mkdir -p d/e d/f; ls d > l && cat l", r#"0 "e\nf\n" """#);
}

#[test]
fn programs_that_cannot_be_started() {
    check("nope a", r#"127 "" "\"nope\": executable file not found in $PATH\n""#);
    check("./nope", r#"127 "" "stat DIR/nope: no such file or directory\n""#);
    check("./plain", r#"127 "" "permission denied\n""#);
    check("./bin", r#"127 "" "is a directory\n""#);
    check("./script a b", r#"4 "script:a b\n" """#);
    check("./binary", r#"126 "" "./binary: cannot execute binary file\n""#);
    check("./bad", "error fork/exec DIR/bad: no such file or directory");
    check("nope || echo $?", r#"0 "127\n" "\"nope\": executable file not found in $PATH\n""#);
}

#[test]
fn everything_else_runs_in_a_shell() {
    check("for i in 1 2; do echo $i; done", r#"0 "1\n2\n" """#);
    check("echo $0", r#"0 "gosh\n" """#);
    check(
        "for v in HOSTNAME HOSTTYPE MACHTYPE OSTYPE SHELL TERM; do echo \"${!v}\"; done | uniq",
        r#"0 "\n" """#,
    );
    check("test \"$GID\" = \"$(id -g)\"", r#"0 "" """#);
    check("x=$(false; echo y); echo z", r#"1 "" """#);
    check("echo a | read v; echo $v", r#"0 "a\n" """#);
    check("false || true; echo \"$LINENO\"", r#"0 "1\n" """#);
    check("case ab in a@(b|c)) echo yes;; esac", r#"0 "yes\n" """#);
    check("{ echo -ne 'a\\n'; }", r#"0 "-ne a\\n\n" """#);
    check("mkfifo pipe; cat pipe & echo done", r#"0 "done\n" """#);
    check("cat < <(echo a)", r#"0 "a\n" """#);
}

#[test]
fn a_syntax_error_runs_nothing() {
    check("echo a\nif true; then", "error 2:10: `then` must be followed by a statement list");
    check("echo a; )", "error 1:9: `)` can only be used to close a subshell");
}

#[test]
fn options_are_checked_and_used() {
    let run = |text: &str, set: &[&str], shopt: &[&str]| Place::new().run_with(text, set, shopt, &[]);
    assert_eq!(run("false | true", &["pipefail"], &[]), r#"1 "" """#);
    assert_eq!(run("echo a", &["x"], &[]), r#"0 "a\n" "+ echo a\n""#);
    assert_eq!(run("echo a", &["noexec"], &[]), r#"0 "" """#);
    assert_eq!(run("echo *", &["f"], &[]), r#"0 "*\n" """#);
    assert_eq!(run("V=1; env | grep ^V", &["allexport"], &[]), r#"0 "V=1\n" """#);
    assert_eq!(run("echo **/tool", &[], &["globstar"]), r#"0 "bin/tool\n" """#);
    assert_eq!(run("echo no*such", &[], &["nullglob"]), r#"0 "\n" """#);
    assert_eq!(run("echo a", &["zz"], &[]), r#"error invalid option: "zz""#);
    assert_eq!(run("echo a", &["z"], &[]), r#"error invalid option: "-z""#);
    assert_eq!(run("echo a", &[], &["zz"]), r#"error invalid option name: "zz""#);
    assert_eq!(run("echo a", &[], &["autocd"]), r#"error unsupported option: "autocd""#);
    assert_eq!(
        run("echo a && echo $NOPE; echo b", &["nounset"], &[]),
        r#"1 "a\n" "NOPE: unbound variable\n""#
    );
    assert!(run("if true; then echo $NOPE; fi", &["nounset"], &[]).starts_with("1 \"\" "));
}

#[test]
fn start_files_of_bash_are_not_read_but_passed_on() {
    let place = Place::new();
    place.file("start", "echo started", 0o644);
    let start = format!("{}/start", place.directory.path().display());
    let said = place.run_with("if true; then env | grep ^BASH_ENV; fi", &[], &[], &[("BASH_ENV", &start)]);
    assert_eq!(said, r#"0 "BASH_ENV=DIR/start\n" """#);
}

#[test]
fn a_missing_directory_matters_to_programs_alone() {
    let environment = Arc::new(Environment::of_this_process());
    let shell = Shell::new(Rc::new(Processes::default()), &environment, Box::new(|_| ()));
    let run = |text| {
        let script = Script {
            text,
            directory: Path::new("/no/such"),
            environment: &environment,
            set: &[],
            shopt: &[],
            input: false,
            routes: Routes::NULL,
            group: Group::Own,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let control = Control::new(Stop::new());
        let result = runtime.block_on(async { shell.run(&script, &mut |_, _| {}, &control).await });
        result.map_or_else(|error| error.to_string(), |finished| finished.ending.code().to_string())
    };
    assert_eq!(run("test -f x"), "1");
    assert_eq!(run("echo x"), "0");
    assert_eq!(run("cat /dev/null"), "chdir /no/such: no such file or directory");
}

#[test]
fn sh_runs_what_it_can() {
    let place = Place::new();
    let check = |script: &str, expected: &str| {
        let outcome = place.run_in(Kind::Sh, script, &["nounset"], &[], &[]);
        assert_eq!(outcome, (expected.to_owned(), Vec::new()), "{script}");
    };
    check("echo hi", r#"0 "hi\n" """#);
    check("for x in a b; do echo $x; done", r#"0 "a\nb\n" """#);
    check("echo $((1 + 2)) | cat", r#"0 "3\n" """#);
    check("if tool x; then echo yes; fi", r#"0 "tool x\nyes\n" """#);
    check("test -d bin | cat; false; echo no", r#"1 "" """#);
    check("cat <<END\n$A\nEND", r#"0 "one two\n" """#);
    check("trap 'echo end' EXIT; exit 3", r#"3 "end\n" """#);
    // A script that is not the shell's language runs none of its lines.
    check("echo a\nif", "error 2:1: `if` must be followed by a statement list");
}

#[test]
fn what_sh_may_not_understand_is_told_once() {
    let place = Place::new();
    let told = |script: &str, set: &[&str], shopt: &[&str]| {
        place.run_in(Kind::Sh, script, set, shopt, &[]).1.join(" and ")
    };
    assert_eq!(told("if [[ a = a ]]; then [[ b = b ]]; fi || :", &[], &[]), "`[[ … ]]`");
    assert_eq!(told("a=(1 2) || :; cat <(echo x)", &[], &[]), "an array and a process substitution");
    assert_eq!(told("echo \"$A\" && tool", &["pipefail"], &[]), "");
    assert_eq!(told("tool | cat", &["pipefail"], &["globstar"]), "`set -o pipefail` and `shopt -s globstar`");
    assert_eq!(place.run_in(Kind::Bash, "[[ a = a ]]", &["pipefail"], &[], &[]).1, Vec::<String>::new());
}
