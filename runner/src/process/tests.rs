use std::path::Path;

use super::*;

/// A program that runs `script` in `sh`, in its own group.
fn sh(script: &str, routes: Routes) -> Program {
    Program {
        file: "/bin/sh".into(),
        arguments: ["sh", "-c", script].map(Into::into).into(),
        directory: "/".into(),
        environment: Arc::new([("PATH", "/usr/bin:/bin"), ("GIVEN", "yes")].into_iter().collect()),
        input: false,
        routes,
        redirected: Redirected::default(),
        group: Group::Own,
        linger: LINGER,
        reserved: None,
    }
}

/// Runs to the end and returns what was read of both streams.
async fn outcome(program: Program) -> (Finished, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut sink = |stream: Stream, bytes: &[u8]| match stream {
        Stream::Stdout => stdout.extend_from_slice(bytes),
        Stream::Stderr => stderr.extend_from_slice(bytes),
    };
    let finished = Processes::default().run(program, &mut sink, &Control::new(Stop::new())).await.unwrap();
    (finished, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs until the first output, calls `then`, and returns how it ended.
fn after_first_output(script: &str, mut control: Control, then: impl Fn(&Stop)) -> Finished {
    control.grace = Duration::from_mins(1);
    let stop = control.stop.clone();
    block_on(async {
        let mut sink = |_: Stream, _: &[u8]| then(&stop);
        Processes::default().run(sh(script, Routes::READ_STDOUT), &mut sink, &control).await.unwrap()
    })
}

#[test]
fn endings_are_those_of_a_shell() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)] {
        let (finished, _, _) = block_on(outcome(sh(script, Routes::NULL)));
        assert_eq!(finished.ending.code(), code, "{script}");
        assert_eq!(finished.interruption, None);
    }
}

#[test]
fn streams_are_read_apart_or_in_order() {
    let script = "echo a; echo b >&2; echo c";
    let read = |routes| {
        let (_, stdout, stderr) = block_on(outcome(sh(script, routes)));
        (stdout, stderr)
    };
    assert_eq!(read(Routes::SPLIT), ("a\nc\n".into(), "b\n".into()));
    assert_eq!(read(Routes::JOINED), ("a\nb\nc\n".into(), String::new()));
    assert_eq!(read(Routes { stderr: Route::Null, ..Routes::READ_STDOUT }), ("a\nc\n".into(), String::new()));
}

#[test]
fn more_than_a_pipe_holds_is_read() {
    let (finished, stdout, _) = block_on(outcome(sh("head -c 3000000 /dev/zero", Routes::READ_STDOUT)));
    assert_eq!((finished.ending, stdout.len()), (Ending::Exited(0), 3_000_000));
}

#[test]
fn a_big_write_beside_a_silent_stream_is_read_to_its_end() {
    let write = "dd if=/dev/zero bs=1000000 count=1 2> /dev/null";
    for script in [write.to_owned(), format!("({write}) >&2"), format!("({write}) & ({write}) >&2; wait")] {
        let (finished, stdout, stderr) = block_on(outcome(sh(&script, Routes::SPLIT)));
        assert_eq!(finished.ending, Ending::Exited(0));
        let wanted = if script.contains('&') && script.contains("wait") { 2_000_000 } else { 1_000_000 };
        assert_eq!(stdout.len() + stderr.len(), wanted, "{script}");
    }
}

#[test]
fn nothing_of_our_environment_is_inherited() {
    let (_, stdout, _) = block_on(outcome(sh("echo $GIVEN $HOME; pwd; cat", Routes::READ_STDOUT)));
    assert_eq!(stdout, "yes\n/\n");
}

#[test]
fn redirects_lead_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out");
    let mut program = sh("echo a; echo b >&2", Routes::READ_STDOUT);
    program.redirected.stdout = Target::File(Arc::new(File::create(&file).unwrap()));
    program.redirected.stderr = Target::Stream(Stream::Stdout);
    let (_, stdout, _) = block_on(outcome(program));
    assert_eq!((stdout.as_str(), std::fs::read_to_string(file).unwrap().as_str()), ("b\n", "a\n"));
}

#[test]
fn a_background_process_that_holds_the_pipe_does_not_hold_us() {
    let directory = tempfile::tempdir().unwrap();
    // Opening a pipe that nobody writes to never ends.
    let script = format!("mkfifo {0}; cat {0} & echo $!", directory.path().join("pipe").display());
    let mut program = sh(&script, Routes::READ_STDOUT);
    program.linger = Duration::ZERO;
    let (finished, stdout, _) = block_on(outcome(program));
    assert_eq!(finished.ending, Ending::Exited(0));
    let group = finished.group.unwrap();
    assert!(leftovers(group));
    block_on(end_leftovers(group, Duration::from_mins(1)));
    assert!(!leftovers(group));
    assert!(stdout.trim().parse::<u32>().is_ok());
}

#[test]
fn a_stop_interrupts_the_whole_group() {
    let control = Control::new(Stop::new());
    let finished = after_first_output("tail -f /dev/null & echo ready; wait", control, Stop::cancel);
    assert_eq!(finished.interruption, Some(Interruption::Stopped));
    assert_eq!(finished.ending.code(), 130);
    assert!(!leftovers(finished.group.unwrap()));
}

#[test]
fn a_stop_passes_on_the_signal_that_asked_for_it() {
    let script = "trap 'exit 9' TERM; echo ready; while :; do read x < /dev/null; done";
    let finished = after_first_output(script, Control::new(Stop::new()), |stop| stop.stop(Signal::TERM));
    assert_eq!(finished.ending, Ending::Exited(9));
}

#[test]
fn what_ignores_a_stop_is_killed_on_demand() {
    let script = "trap '' INT TERM; echo ready; while :; do read x < /dev/null; done";
    let finished = after_first_output(script, Control::new(Stop::new()), Stop::kill);
    assert_eq!(finished.ending, Ending::Signalled(9));
}

#[test]
fn what_exceeds_its_time_is_ended() {
    let control = Control { deadline: Some(Instant::now()), ..Control::new(Stop::new()) };
    let program = sh("exec tail -f /dev/null", Routes::NULL);
    let finished =
        block_on(async { Processes::default().run(program, &mut |_, _| {}, &control).await.unwrap() });
    assert_eq!(finished.interruption, Some(Interruption::TimedOut));
}

#[test]
fn nothing_starts_after_a_stop() {
    let stop = Stop::new();
    stop.cancel();
    let program = sh("exit 0", Routes::NULL);
    let control = Control::new(stop);
    let finished =
        block_on(async { Processes::default().run(program, &mut |_, _| {}, &control).await.unwrap() });
    assert_eq!((finished.ending, finished.group), (Ending::NotStarted, None));
}

#[test]
fn a_dropped_run_kills_its_process() {
    let directory = tempfile::tempdir().unwrap();
    let pid_file = directory.path().join("pid");
    let script =
        format!("echo $$ > {0}.new; mv {0}.new {0}; echo ready; exec tail -f /dev/null", pid_file.display());
    let ready = tokio_util::sync::CancellationToken::new();
    block_on(async {
        let mut sink = |_: Stream, _: &[u8]| ready.cancel();
        let (processes, control) = (Processes::default(), Control::new(Stop::new()));
        tokio::select! {
            _ = processes.run(sh(&script, Routes::READ_STDOUT), &mut sink, &control) => {}
            () = ready.cancelled() => {}
        }
    });
    let pid = std::fs::read_to_string(pid_file).unwrap().trim().parse().ok().and_then(Pid::from_raw).unwrap();
    assert!(!leftovers(pid));
}

#[test]
fn many_children_share_few_descriptors() {
    let processes = Processes::new(Descriptors::new(0));
    let control = Control::new(Stop::new());
    block_on(async {
        let run = |index: u32| {
            let (processes, control) = (&processes, &control);
            async move {
                let mut text = Vec::new();
                let mut sink = |_: Stream, bytes: &[u8]| text.extend_from_slice(bytes);
                let program = sh(&format!("echo {index}"), Routes::JOINED);
                processes.run(program, &mut sink, control).await.unwrap();
                String::from_utf8(text).unwrap()
            }
        };
        let (a, b, c) = tokio::join!(run(1), run(2), run(3));
        assert_eq!([a, b, c], ["1\n", "2\n", "3\n"]);
    });
}

#[test]
fn failures_to_start_are_told_as_go_task_does() {
    let start = |file: &Path, directory: &Path| {
        let program = Program { file: file.into(), directory: directory.into(), ..sh("", Routes::NULL) };
        let control = Control::new(Stop::new());
        let run = async { Processes::default().run(program, &mut |_, _| {}, &control).await };
        block_on(run).unwrap_err()
    };
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "echo").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let absent = start(Path::new("/no/such"), Path::new("/"));
    assert_eq!(absent.to_string(), "fork/exec /no/such: no such file or directory");
    assert!(absent.is_missing());
    assert!(start(&script, Path::new("/")).is_unknown_format());
    let nowhere = start(Path::new("/bin/sh"), Path::new("/no/such"));
    assert_eq!(nowhere.to_string(), "chdir /no/such: no such file or directory");
}
