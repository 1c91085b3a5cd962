use std::fmt::Write;

use super::*;
use crate::ide::fixture::{Fixture, check_cases, recorded_files};

/// The text with what its words are: `⟦echo function⟧`.
fn annotated(snapshot: &Snapshot, name: &str) -> String {
    let path = camino::Utf8Path::new("/project").join(name);
    let file = snapshot.analysis.file_of(&path).expect("the project has the file");
    let text = snapshot.analysis.text(file);
    let (mut shown, mut end) = (String::new(), 0);
    for token in of_range(snapshot, file, &(0..text.len())) {
        let Token { range, kind, modifiers } = token;
        let names = Modifiers::NAMES.iter().enumerate().filter(|(bit, _)| modifiers.0 >> bit & 1 == 1);
        let names: String = names.flat_map(|(_, name)| [".", name]).collect();
        write!(shown, "{}⟦{} {}{names}⟧", &text[end..range.start], &text[range.clone()], kind.name())
            .unwrap();
        end = range.end;
    }
    shown + &text[end..]
}

fn in_cmds(lines: &str) -> String {
    let lines: String = lines.lines().flat_map(|line| ["        ", line, "\n"]).collect();
    format!("version: '3'\ntasks:\n  a:\n    cmds:\n      - |\n{lines}")
}

#[test]
fn tokens_of_template_files() {
    let text = "version: '3'\n#- templates/a.yml\nversion: '1'\nparams: [{name: health-path, type: path}]\ntask: |\n  desc: Serve <% .task %> {{.X}}\n  cmds:\n    - curl <%- if .health_path -%><% .health_path | upper %><% end %>\n";
    let items = "version: '3'\n#- templates/a.yml\nversion: '1'\nparams: [port, {name: l, type: multi, options: [a]}]\ntask: |\n  <%- define \"d\" %><% .port %><% end %><% define \"e\" %><% .port %><% end %>\n  desc: <% range .l %><% .port %><% .task %><% $.port %><% end %><% with .l %><% .port %><% else %><% .port %><% end %>\n  <%- $all := . %><% $all.port %><% template \"d\" .l %><% template \"e\" . %>\n";
    check_cases(
        "tokens-of-template-files",
        &[("a template file", text), ("fields of items", items)],
        |text| annotated(&Fixture::new(text).snapshot("templates/a.yml"), "templates/a.yml"),
    );
}

#[test]
fn tokens_of_words() {
    let if_ = in_cmds(
        "# why\nif [ -n \"$X\" ] && [[ $Y == a* ]]; then\n  exit 1 # now\nelif ! grep -q x <in >>out 2>&1; then :\nelse (cd b; make) | tee c\nfi",
    );
    let loops = in_cmds(
        "for f in a b; do echo $f; done\nwhile read -r l; do ((i++)); done\ncase $1 in a|b) x;; *) y;; esac",
    );
    let here = in_cmds("cat <<EOF >a\none $X {{.Y}}\nEOF\ncat <<'E'\n$X\nE");
    let values = in_cmds(
        "export A=1 B=\"x ${C:-y} $(date +%s)\" ; D='$E'\nf() { local z=$((1 + n)); }\necho `pwd` a\\\n  b <(ls) $'a\\n'",
    );
    let masked = in_cmds("{{if .X}}\n{{.CMD}} -v \"a {{.Y | upper}} b\"\n{{- else}}\nrm '{{.Z}}'\n{{end}}");
    let broken = in_cmds("echo $A\necho \"b");
    let cases: Vec<(&str, &str)> = vec![
        (
            "templates in plain text",
            "version: '3'\nvars:\n  A: 'it''s {{.B.c | default \"x\" | upper}}'\n  D: {sh: 'echo {{.E}}'}\n  F: {ref: index .G 0}\ntasks:\n  a: {desc: '{{/* why */}}{{- if and .X (eq .OS \"linux\") -}} {{$y := 12}}{{$y}} {{end}}', vars: {L: [1, '{{.M}}']}}\n",
        ),
        (
            "special variables and params",
            "version: '3'\ntasks:\n  a:\n    dir: '{{.ROOT_DIR}}/{{.EZ_OUT}}'\n    ez-params: [{name: out}]\n",
        ),
        (
            "names of tasks",
            "version: '3'\nincludes: {docs: ./docs}\ntasks:\n  a:b: {aliases: [c], deps: [docs:all, {task: ':x'}], cmds: [{task: 'docs:{{.N}}'}, {defer: {task: b}}]}\n#- docs/Taskfile.yml\nversion: '3'\n",
        ),
        (
            "words of keys",
            "version: '3'\nmethod: none\ntasks:\n  a: {run: once, platforms: [linux/arm64], set: [e], for: 1, requires: {vars: [A, {name: B, enum: [x]}]}, env: {C: d}}\n",
        ),
        (
            "loops",
            "version: '3'\ntasks:\n  a:\n    cmds:\n      - {for: {var: LIST, as: FILE}, cmd: 'cat {{.FILE}}'}\n      - {for: {matrix: {OS: [linux]}}, cmd: 'echo {{.ITEM.OS}}'}\n",
        ),
        ("if and tests of the shell", &if_),
        ("loops of the shell", &loops),
        ("here-documents", &here),
        ("values of the shell", &values),
        ("templates in the shell", &masked),
        ("a script that is not finished", &broken),
        ("a template that is not finished", "version: '3'\ntasks:\n  a: 'echo {{.X | '\n  b: echo {{if .Y\n"),
        (
            "a folded script",
            "version: '3'\ntasks:\n  a:\n    cmds:\n      - >\n        echo \"a\n        b {{.X}}\"\n        && ls\n",
        ),
        (
            "a quoted script with escapes",
            "version: '3'\ntasks:\n  a: \"echo \\\"é {{.X}}\\\" \\u0026\\u0026 ls \\\n    -l\"\n",
        ),
        ("a plain script of several lines", "version: '3'\ntasks:\n  a: echo \"one\n    two\" three\n"),
        ("bytes that are several", "version: '3'\ntasks:\n  a: 'écho \"😀 {{.Ü}}\" | wc'\n"),
        (
            "line ends of Windows",
            "version: '3'\r\ntasks:\r\n  a: |\r\n    echo \"a\r\n    b\" # c\r\n    ls\r\n",
        ),
        (
            "aliases of YAML",
            "version: '3'\ntasks:\n  a: &a {cmds: [ls]}\n  b: *a\n  c: {<<: *a, deps: [a]}\n",
        ),
        (
            "hooks and composition",
            "version: '3'\ntasks:\n  a:\n    ez-extends: b\n    ez-hooks: {after: 'echo $EZ_TASK_NAME'}\n    ez-defaults: {out: x}\n    ez-compose: [b]\n  b: {ez-params: [{name: out, type: select, options: [x, y]}]}\n",
        ),
        ("an empty file", "#- Taskfile.yml\n\n"),
    ];
    check_cases("tokens", &cases, |marked| {
        annotated(&Fixture::new(marked).snapshot("Taskfile.yml"), "Taskfile.yml")
    });
}

#[test]
fn tokens_of_plans_and_metadata() {
    const PROJECT: &str = "version: '3'\ntasks: {a: echo}\n#- plans/p.yml\nvars: {V: '1'}\nparams: [{name: out, type: select, options: [x]}]\nsteps:\n  - {name: one, task: a, artifacts: [{name: bin, path: 'out/{{.V}}'}], outputs: [version]}\n  - task: a\n    name: two\n    needs: [one]\n    matrix: {arch: [x, y]}\n    inputs: [{from: one, artifact: bin, to: in/}]\n    when: '{{.steps.one.outputs.version}}'\n#- tasks/f/Taskfile.yml\nversion: '3'\ntasks: {default: 'ls {{.EZ_MODE}}'}\n#- tasks/f/task.yml\ndesc: x\nparams:\n  - {name: mode, type: select, options: [a], default: a}\nartifacts: [{name: bin, path: '{{.EZ_MODE}}'}]\n";
    let cases = [("plans/p.yml", PROJECT), ("tasks/f/task.yml", PROJECT), ("tasks/f/Taskfile.yml", PROJECT)];
    let names = std::cell::RefCell::new(cases.iter().map(|(name, _)| *name));
    check_cases("tokens-of-plans", &cases, |marked| {
        let name = names.borrow_mut().next().unwrap();
        annotated(&Fixture::new(marked).snapshot(name), name)
    });
}

#[test]
fn a_part_of_a_file_has_the_tokens_of_the_whole() {
    let text = in_cmds("echo \"a\nb\" # c\nls") + "  b: {deps: [a]}\n  c: 'ls {{.X}}'\n";
    let fixture = Fixture::new(&text);
    let snapshot = fixture.snapshot("Taskfile.yml");
    let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
    let all = of_range(&snapshot, file, &(0..text.len()));
    for start in 0..text.len() {
        for end in [start, start + 1, start + 20, text.len()] {
            let expected: Vec<Token> = all
                .iter()
                .filter(|token| token.range.start < end && token.range.end > start)
                .cloned()
                .collect();
            assert_eq!(of_range(&snapshot, file, &(start..end)), expected, "{start}..{end}");
        }
    }
}

#[test]
fn tokens_of_all_recorded_files_are_in_order_and_apart() {
    for (path, text) in recorded_files() {
        let (name, before) = match path.file_name() {
            Some("task.yml") => ("tasks/x/task.yml", "version: '3'\n#- tasks/x/Taskfile.yml\nversion: '3'\n"),
            _ => ("Taskfile.yml", ""),
        };
        if text.trim().is_empty() {
            continue;
        }
        let marked = format!("{before}#- {name}\n{text}\n");
        let snapshot = Fixture::new(&marked.replace("$0", "$1")).snapshot(name);
        let file = snapshot.analysis.file_of(&camino::Utf8Path::new("/project").join(name)).unwrap();
        let text = snapshot.analysis.text(file);
        let mut end = 0;
        for token in of_range(&snapshot, file, &(0..text.len())) {
            assert!(end <= token.range.start && token.range.start < token.range.end, "{path} {token:?}");
            let written = text.get(token.range.clone()).unwrap_or_else(|| panic!("{path} {token:?}"));
            assert!(!written.contains('\n'), "{path} {written:?}");
            end = token.range.end;
        }
    }
}
