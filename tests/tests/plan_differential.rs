//! Random plans, run by `ez plan run` and, compiled, by the real go-task: the same steps run, they leave the same files, and
//! both succeed or both fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ez_tests::Project;
use ez_tests::process::Exit;

/// How many plans are made, the larger the later.
const PLANS: u64 = 16;
/// Steps of the largest.
const MAX_STEPS: u64 = 60;

const TASKFILE: &str = "version: '3'
tasks:
  work:
    cmds:
      - mkdir -p trace out in/{{.NAME}}
      - echo '{{.NAME}} {{.VALUE}} {{.K}}' >> trace/{{.NAME}}
      - cd in/{{.NAME}} && find . -type f | sort | xargs cat /dev/null > ../../out/{{.NAME}}; echo '{{.NAME}} {{.VALUE}}' >> ../../out/{{.NAME}}
      - echo 'value={{.NAME}}' >> \"${EZ_STEP_OUTPUT:-/dev/null}\"
      - cmd: test '{{.FAIL}}' != yes
";

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What later steps may take from a step.
struct Made {
    has_artifact: bool,
    is_optional: bool,
    has_output: bool,
    is_matrix: bool,
}

fn plan(random: &mut Random, steps: u64) -> String {
    let mut text = String::from("vars: {ON: 'yes', OFF: 'no'}\nsteps:\n");
    let mut made: Vec<Made> = Vec::new();
    for step in 0..steps {
        let is_matrix = random.one_in(5);
        let name = if is_matrix { format!("s{step}-{{{{.k}}}}") } else { format!("s{step}") };
        let mut needs: Vec<u64> = (0..random.below(4))
            .filter(|_| step > 0)
            .map(|_| step - 1 - random.below(step.min(12)))
            .collect();
        needs.sort_unstable();
        needs.dedup();
        let _ = writeln!(text, "  - name: s{step}\n    task: work");
        let _ = writeln!(
            text,
            "    needs: [{}]",
            needs.iter().map(|need| format!("s{need}")).collect::<Vec<_>>().join(", ")
        );
        if is_matrix {
            let keys = ["[a, b]", "[a, b, c]"][random.below(2) as usize];
            let _ = writeln!(text, "    matrix: {{k: {keys}}}");
        }
        let mut vars = format!("NAME: '{name}', K: '{}'", if is_matrix { "{{.k}}" } else { "-" });
        let of = |need: u64| &made[usize::try_from(need).expect("a small number")];
        if let Some(source) = needs.iter().find(|need| of(**need).has_output && !of(**need).is_matrix) {
            let _ = write!(vars, ", VALUE: '{{{{.steps.s{source}.outputs.value}}}}'");
        }
        let fails = random.one_in(9);
        if fails {
            vars.push_str(", FAIL: 'yes'");
        }
        let _ = writeln!(text, "    vars: {{{vars}}}");
        let inputs: Vec<String> = needs
            .iter()
            .filter(|need| of(**need).has_artifact)
            .map(|need| {
                let optional = if of(*need).is_optional { ", optional: true" } else { "" };
                format!("{{from: s{need}, artifact: t, to: 'in/{name}/s{need}/'{optional}}}")
            })
            .collect();
        let _ = writeln!(text, "    inputs: [{}]", inputs.join(", "));
        let has_artifact = random.below(3) > 0;
        if has_artifact {
            let _ = writeln!(text, "    artifacts: [{{name: t, path: 'out/{name}'}}]");
        }
        let has_output = random.one_in(2);
        if has_output {
            text.push_str("    outputs: [value]\n");
        }
        if fails && random.one_in(3) {
            text.push_str("    retry: 1\n");
        }
        if fails && random.one_in(2) {
            text.push_str("    continue_on_error: true\n");
        }
        let has_condition = random.one_in(6);
        if has_condition {
            let condition =
                ["{{.ON}}", "{{.OFF}}", "{{eq .ON \"yes\"}}", "{{ne .ON \"yes\"}}"][random.below(4) as usize];
            let _ = writeln!(text, "    when: '{condition}'");
        }
        made.push(Made { has_artifact, is_optional: random.one_in(2), has_output, is_matrix });
    }
    text
}

/// The files in a directory with their texts.
fn files(project: &Project, directory: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(project.path(directory)).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn compiled_plans_do_what_plans_do() {
    let mut random = Random(4);
    for number in 0..PLANS {
        let plan = plan(&mut random, 3 + number * (MAX_STEPS - 3) / (PLANS - 1));
        let native = Project::new().file("Taskfile.yml", TASKFILE).file("plans/p.yml", &plan);
        let compiled = Project::new().file("Taskfile.yml", TASKFILE).file("plans/p.yml", &plan);
        let outcome = native.run(["plan", "run", "p", "--jobs", "4"]);
        compiled.run(["plan", "build", "p"]).exit(0);
        let oracle = compiled.run_oracle(["-d", ".ez/plans/p/build"]);
        let whole = || {
            format!(
                "plan {number}:\n{plan}\n--- ez\n{}{}\n--- task\n{}{}",
                outcome.stdout, outcome.stderr, oracle.stdout, oracle.stderr
            )
        };
        assert_eq!(files(&native, "trace"), files(&compiled, "trace"), "other steps ran in {}", whole());
        assert_eq!(files(&native, "out"), files(&compiled, "out"), "other files in {}", whole());
        let is_success = |exit: &Exit| *exit == Exit::Code(0);
        assert_eq!(is_success(&outcome.exit), is_success(&oracle.exit), "another end of {}", whole());
    }
}
