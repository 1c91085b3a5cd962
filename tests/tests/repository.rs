//! What must hold of the repository itself: formatting, links, versions, limits, our own Taskfiles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ez_tests::{Project, program, tree};

fn read(path: &str) -> String {
    fs::read_to_string(program::repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages that people read, relative to the repository.
fn pages() -> Vec<PathBuf> {
    let root = program::repository();
    let mut pages: Vec<PathBuf> = fs::read_dir(&root)
        .expect("the repository")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    tree::walk(&root.join("docs"), &mut |path| pages.push(path.to_path_buf()));
    pages.push(root.join("examples/README.md"));
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
}

#[test]
fn the_code_is_formatted() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["fmt", "--all", "--check"])
        .current_dir(program::repository())
        .output()
        .expect("cargo fmt");
    let diff = String::from_utf8_lossy(&output.stdout);
    let start: Vec<&str> = diff.lines().take(40).collect();
    assert!(output.status.success(), "run `cargo fmt --all`\n{}", start.join("\n"));
}

/// A path alone is any version to those who take a crate from a registry, and to `cargo deny`.
#[test]
fn crates_name_each_other_with_their_version() {
    let manifest = read("Cargo.toml");
    let version =
        manifest.split("[workspace.package]\nversion = ").nth(1).and_then(|rest| rest.lines().next());
    let version = version.expect("the version of the workspace");
    let own: Vec<&str> = manifest.lines().filter(|line| line.contains("{ path = ")).collect();
    assert!(own.len() >= 2, "{own:?}");
    for line in own {
        assert!(line.contains(&format!("version = {version} ")), "{line} is not {version}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for link in links(&text) {
            if !leads_somewhere(&page, &link) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// The targets of `[text](target)` outside code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for (number, part) in text.split("```").enumerate() {
        let mut rest = if number % 2 == 0 { part } else { "" };
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let end = rest.find(')').unwrap_or(rest.len());
            links.push(rest[..end].to_owned());
        }
    }
    links
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_path_buf() } else { page.parent().unwrap_or(page).join(file) };
    if anchor.is_empty() {
        return target.exists();
    }
    let text = fs::read_to_string(target).unwrap_or_default();
    text.lines().filter(|line| line.starts_with('#')).any(|heading| anchor_of(heading) == anchor)
}

/// The anchor that a heading gets where Markdown is shown.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn both_readmes_show_the_same() {
    let commands = |page: &str| -> Vec<String> {
        let text = read(page);
        let blocks = text.split("```").skip(1).step_by(2);
        // Remarks are translated, commands and outputs are not.
        let lines =
            blocks.flat_map(str::lines).map(|line| line.split("  ").next().unwrap_or_default().to_owned());
        lines.filter(|line| line.is_ascii()).collect()
    };
    assert_eq!(commands("README.md"), commands("README.zh.md"));
}

#[test]
fn versions_agree() {
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).expect("a version");
    let chores = read("Taskfile.yml");
    let oracle = chores.lines().find_map(|line| line.trim().strip_prefix("GO_TASK: ")).expect("GO_TASK");
    let expected = format!("ez {} (go-task {oracle})", version.trim_matches('"'));
    Project::new().run(["--version"]).success().stdout_has(&expected);
    Project::new().run_oracle(["--version"]).success().stdout_has(oracle);
    Project::new().run_as_task(["--version"]).success().stdout_has(oracle);
}

#[test]
fn every_limit_of_the_page_is_in_the_code() {
    let root = program::repository();
    let mut sources = String::new();
    for directory in ["compiler/src", "runner/src", "lsp/src", "server/src", "cli/src"] {
        tree::walk(&root.join(directory), &mut |path| {
            sources += &fs::read_to_string(path).unwrap_or_default();
        });
    }
    let page = read("docs/limits.md");
    let names: Vec<&str> = page.split('`').filter(|code| code.contains("::MAX_")).collect();
    assert!(!names.is_empty());
    for name in names {
        let constant = name.rsplit("::").next().unwrap_or(name);
        assert!(sources.contains(&format!("const {constant}: ")), "no constant {constant}");
    }
}

#[test]
fn our_own_taskfiles_are_without_findings() {
    for directory in ["", "examples/site", "examples/toolbox", "examples/monorepo", "examples/release"] {
        let directory = program::repository().join(directory);
        let project = Project::new();
        project.run(["check", "-d", &directory.to_string_lossy()]).success().stdout("");
        project.run_oracle(["--list-all", "-d", &directory.to_string_lossy()]).success();
    }
}
