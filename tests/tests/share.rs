//! `ez export` and `ez import`: folder tasks go from project to project, and nothing else comes along.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::process::Command;

use ez_tests::process::Exit;
use ez_tests::{Project, program, tree};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

const TASKFILE: &str = "version: '3'\ntasks:\n  default: echo imported\n";

/// A project without tasks of its own.
fn empty() -> Project {
    Project::new().file("Taskfile.yml", "version: '3'\n\ntasks:\n  inline: echo\n")
}

fn bytes(project: &Project, path: &str) -> Vec<u8> {
    fs::read(project.path(path)).expect("a package")
}

#[test]
fn a_task_goes_to_another_project_and_back() {
    let from = Project::copy_of("examples/share");
    from.run(["export", "greet"])
        .success()
        .stdout("")
        .stderr("ez: exported `greet` to greet.tar.gz (5 files, 0.2 KiB)\n");
    from.run(["run", "default"]).success().stdout("hello\n");

    let to = empty();
    to.write("greet.tar.gz", bytes(&from, "greet.tar.gz"));
    to.run(["import", "greet.tar.gz"])
        .success()
        .stdout("")
        .stderr("ez: imported `greet` into tasks/greet (5 files, 0.2 KiB)\n");
    assert_eq!(tree::files(&to.path("tasks")), tree::files(&from.path("tasks")));
    assert_eq!(fs::read_link(to.path("tasks/greet/words/default")).unwrap().to_str(), Some("english"));
    to.run(["run", "-d", "tasks/greet", "default", "LANGUAGE=french"]).success().stdout("bonjour\n");
    to.run_oracle(["-d", "tasks/greet"]).success().stdout("hello\n");

    // What runs left behind stays behind.
    to.write("tasks/greet/.task/checksum/default", "x");
    to.run(["export", "greet", "-o", "again.tar.gz"]).success();
    assert_eq!(bytes(&to, "again.tar.gz"), bytes(&from, "greet.tar.gz"));
    let piped =
        Command::new(program::ez()).args(["export", "greet", "-o", "-"]).current_dir(to.root()).output();
    assert_eq!(piped.expect("ez").stdout, bytes(&to, "again.tar.gz"));
}

#[test]
fn the_package_is_what_other_programs_can_read() {
    let from = Project::copy_of("examples/share");
    from.run(["export", "greet", "--json"]).success().stdout(
        "{\n  \"name\": \"greet\",\n  \"file\": \"greet.tar.gz\",\n  \"files\": 5,\n  \"bytes\": 245\n}\n",
    );
    let listed = from.run_program(
        "/bin/tar".as_ref(),
        ["tvzf", "greet.tar.gz", "--utc", "--full-time", "--numeric-owner"],
    );
    listed.success();
    let lines: Vec<String> =
        listed.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines[1..],
        [
            "-rw-r--r-- 0/0 206 1970-01-01 00:00:00 greet/Taskfile.yml",
            "-rwxr-xr-x 0/0 25 1970-01-01 00:00:00 greet/bin/greet",
            "-rw-r--r-- 0/0 6 1970-01-01 00:00:00 greet/words/english",
            "-rw-r--r-- 0/0 8 1970-01-01 00:00:00 greet/words/french",
            "lrw-r--r-- 0/0 0 1970-01-01 00:00:00 greet/words/default -> english",
        ]
    );
    assert!(
        lines[0].starts_with("-rw-r--r-- 0/0 ") && lines[0].ends_with(" 1970-01-01 00:00:00 ez-package.json")
    );
}

#[test]
fn what_cannot_be_exported_is_told() {
    let project = empty()
        .file("tasks/out/Taskfile.yml", TASKFILE)
        .file("tasks/broken/Taskfile.yml", "version: '3'\ntasks:\n  default:\n    cmds: [{task: [x]}]\n")
        .file("tasks/part/Taskfile.yml", "version: '3'\nincludes: {more: ../out}\ntasks: {default: echo}\n")
        .file("tasks/meta/Taskfile.yml", TASKFILE)
        .file("tasks/meta/task.yml", "params: [{name: arch, options: [a], default: b}]\n");
    std::os::unix::fs::symlink("../../Taskfile.yml", project.path("tasks/out/link")).expect("a link");
    let out =
        "ez: cannot export `out`: `link` links to `../../Taskfile.yml`, which is outside of the folder\n";
    project.run(["export", "out"]).exit(1).stderr(out).no_file("out.tar.gz");
    project
        .run(["export", "broken"])
        .exit(1)
        .stderr_has("tasks/broken/Taskfile.yml:4")
        .no_file("broken.tar.gz");
    project.run(["export", "part"]).exit(1).stderr_has("EZ204").no_file("part.tar.gz");
    project.run(["export", "meta"]).exit(1).stderr_has("EZ702").no_file("meta.tar.gz");
    project.run(["export", "none"]).exit(1).stderr("ez: there is no folder task `tasks/none`\n");
    fs::remove_file(project.path("tasks/out/link")).expect("a link");
    project
        .run(["export", "out", "-o", "tasks/out/x.tar.gz"])
        .exit(1)
        .stderr_has("in the folder that it packs");
    project.run(["export", "out", "-o", "nowhere/x.tar.gz"]).exit(1).stderr_has("no such file or directory");
}

#[test]
fn a_name_that_is_taken_needs_force_or_another_name() {
    let from = Project::copy_of("examples/share");
    from.run(["export", "greet"]).success();
    from.write("tasks/greet/more", "more");
    from.run(["import", "greet.tar.gz"])
        .exit(1)
        .stderr_has("`--force` replaces it")
        .file_is("tasks/greet/more", "more");
    from.run(["import", "greet.tar.gz", "--name", "hi"]).success().no_file("tasks/hi/more");
    from.run(["import", "greet.tar.gz", "--force"]).success().no_file("tasks/greet/more");
    from.run(["import", "greet.tar.gz", "--force", "--json"])
        .success()
        .stdout_has("\"folder\": \"tasks/greet\"");
    from.run(["import", "greet.tar.gz", "--name", "default"])
        .exit(1)
        .stderr_has("the Taskfile has a task `default`");
    for name in ["../up", "a:b", "", ".x", "a b"] {
        from.run(["import", "greet.tar.gz", "--name", name])
            .exit(1)
            .stderr_has("is no name of a folder task");
    }
    from.run(["import", "none.tar.gz"])
        .exit(1)
        .stderr("ez: cannot read {{DIR}}/none.tar.gz: no such file or directory\n");
    assert_eq!(tree::files(&from.path(".ez/import")), ["lock"]);
}

/// An entry of an archive that is made by hand.
#[derive(Clone)]
struct Part {
    path: Vec<u8>,
    kind: EntryType,
    mode: u32,
    content: Vec<u8>,
    target: String,
}

fn file(path: &str, content: impl AsRef<[u8]>) -> Part {
    let (path, content) = (path.as_bytes().to_vec(), content.as_ref().to_vec());
    Part { path, kind: EntryType::Regular, mode: 0o644, content, target: String::new() }
}

fn special(path: &str, kind: EntryType, target: &str) -> Part {
    Part { kind, target: target.to_owned(), ..file(path, "") }
}

/// What packages are made of: the manifest, then what follows.
struct Parts {
    manifest: Value,
    entries: Vec<Part>,
}

impl Parts {
    /// The package of a task `evil` that nothing is wrong with.
    fn good() -> Self {
        let mut parts = Self { manifest: Value::Null, entries: Vec::new() };
        parts.manifest = json!({"format": 1, "name": "evil", "ez": "0.1.0", "files": [], "links": []});
        parts.add("Taskfile.yml", TASKFILE);
        parts.add("data", "data");
        parts
    }

    /// Adds a file that the manifest names.
    fn add(&mut self, path: &str, content: impl AsRef<[u8]>) {
        self.announce(path, content.as_ref());
        self.entries.push(file(&format!("evil/{path}"), content));
    }

    fn announce(&mut self, path: &str, content: &[u8]) {
        let sha256: String = Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let file = json!({"path": path, "size": content.len(), "mode": "0644", "sha256": sha256});
        self.manifest["files"].as_array_mut().expect("a list").push(file);
    }

    /// Adds a link that the manifest names.
    fn link(&mut self, path: &str, target: &str) {
        let link = json!({"path": path, "target": target});
        self.manifest["links"].as_array_mut().expect("a list").push(link);
        self.entries.push(special(&format!("evil/{path}"), EntryType::Symlink, target));
    }

    fn archive(&self) -> Vec<u8> {
        let manifest = file("ez-package.json", self.manifest.to_string());
        let mut archive = tar::Builder::new(Vec::new());
        for part in std::iter::once(&manifest).chain(&self.entries) {
            let mut header = Header::new_ustar();
            // Written as it is: the crate would refuse most of these names.
            let name = &mut header.as_old_mut().name;
            name[..part.path.len()].copy_from_slice(&part.path);
            header.set_entry_type(part.kind);
            header.set_mode(part.mode);
            header.set_size(part.content.len() as u64);
            header.set_link_name_literal(&part.target).expect("a short target");
            header.set_cksum();
            archive.append(&header, part.content.as_slice()).expect("an archive");
        }
        archive.into_inner().expect("an archive")
    }

    fn package(&self) -> Vec<u8> {
        compressed(&self.archive())
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Imports a package that must be refused, for a reason, and leave nothing.
#[track_caller]
fn refused(package: &[u8], reason: &str) {
    let project = empty().file("x.tar.gz", package);
    let outcome = project.run(["import", "x.tar.gz"]);
    outcome.exit(1).stdout("").stderr_has(reason).no_file("tasks").no_file("outside");
    let left: Vec<String> = tree::files(&project.root());
    assert_eq!(left, [".ez/.gitignore", ".ez/import/lock", "Taskfile.yml", "x.tar.gz"], "{reason}");
}

#[track_caller]
fn refused_when(change: impl FnOnce(&mut Parts), reason: &str) {
    let mut parts = Parts::good();
    change(&mut parts);
    refused(&parts.package(), reason);
}

#[test]
fn a_package_made_by_hand_is_taken_when_nothing_is_wrong() {
    let project = empty().file("x.tar.gz", Parts::good().package());
    project.run(["import", "x.tar.gz"]).success().file_is("tasks/evil/data", "data");
}

#[test]
fn paths_that_lead_out_are_refused() {
    for (path, reason) in [
        ("/outside", "`/outside` is an absolute path"),
        ("../outside", "`../outside` is no plain path"),
        ("a/../../../outside", "is no plain path"),
        ("./a", "is no plain path"),
        ("a//b", "is no plain path"),
        ("a\nb", "`a\\nb` has a control character in its name"),
        ("a\u{1b}[2Jb", "has a control character in its name"),
        (".git/hooks/pre-commit", "is in `.git`, which packages leave out"),
        (".EZ/cache/x", "is in `.ez`, which packages leave out"),
    ] {
        refused_when(|parts| parts.add(path, "x"), reason);
        // Without the manifest's word too.
        refused_when(|parts| parts.entries.push(file(path, "x")), "cannot import");
        refused_when(|parts| parts.entries.push(file(&format!("evil/{path}"), "x")), "cannot import");
    }
    refused_when(|parts| parts.entries.push(file("/outside", "x")), "`/outside` is an absolute path");
    refused_when(|parts| parts.entries.push(file("evil/../../outside", "x")), "is no plain path");
    refused_when(|parts| parts.entries.push(file("other/x", "x")), "`other/x` is not in the manifest");
    refused_when(
        |parts| parts.entries.push(Part { path: b"evil/\xff".to_vec(), ..file("", "x") }),
        "has a name that is not UTF-8",
    );
    refused_when(|parts| parts.announce(&["d"; 40].join("/"), b""), "is more than 32 directories deep");
    refused_when(|parts| parts.announce(&"x".repeat(101), b""), "has too long a path");
}

#[test]
fn links_that_lead_out_are_refused() {
    refused_when(|parts| parts.link("l", "/etc/passwd"), "`l` links to `/etc/passwd`, which is outside");
    refused_when(|parts| parts.link("l", ".."), "`l` links to `..`, which is outside");
    refused_when(|parts| parts.link("d/l", "../../x"), "`d/l` links to `../../x`, which is outside");
    refused_when(
        |parts| {
            parts.link("d/up", "..");
            parts.link("l", "d/up/..");
        },
        "`l` links to `d/up/..`, which is outside",
    );
    refused_when(
        |parts| {
            parts.link("a", "b");
            parts.link("b", "a");
        },
        "`a` links to itself",
    );
    refused_when(
        |parts| {
            parts.link("l", "data");
            parts.add("l/x", "x");
        },
        "`l/x` is below the link `l`",
    );
    // The archive says other than the manifest.
    refused_when(
        |parts| {
            parts.link("l", "data");
            parts.entries.last_mut().expect("a link").target = "/etc/passwd".into();
        },
        "`l` is not what the manifest says: its target differs",
    );
    refused_when(
        |parts| {
            parts.add("x", "");
            *parts.entries.last_mut().expect("a file") = special("evil/x", EntryType::Symlink, "/etc");
        },
        "`x` is not what the manifest says: its kind differs",
    );
}

#[test]
fn what_is_no_file_is_refused() {
    for (kind, reason) in [
        (EntryType::Link, "`evil/x` is a hard link"),
        (EntryType::Char, "`evil/x` is a device"),
        (EntryType::Block, "`evil/x` is a device"),
        (EntryType::Fifo, "`evil/x` is a named pipe"),
        (EntryType::Directory, "`evil/x` is a directory of its own"),
        (EntryType::GNULongName, "`evil/x` is an extension of the archive format"),
        (EntryType::XHeader, "`evil/x` is an extension of the archive format"),
        (EntryType::XGlobalHeader, "`evil/x` is an extension of the archive format"),
        (EntryType::GNUSparse, "`evil/x` is an extension of the archive format"),
    ] {
        refused_when(|parts| parts.entries.push(special("evil/x", kind, "data")), reason);
        refused_when(
            |parts| {
                parts.add("x", "");
                *parts.entries.last_mut().expect("a file") = special("evil/x", kind, "data");
            },
            reason,
        );
    }
}

#[test]
fn archive_and_manifest_must_agree() {
    refused_when(|parts| parts.entries.push(parts.entries[1].clone()), "`data` is there twice");
    refused_when(|parts| parts.add("data", "data"), "`data` is there twice");
    refused_when(
        |parts| parts.add("DATA", "data"),
        "`DATA` and `data` differ in nothing but upper and lower case",
    );
    refused_when(
        |parts| {
            parts.add("a/x", "");
            parts.add("A/y", "");
        },
        "`A/y` and `a` differ in nothing but upper and lower case",
    );
    refused_when(|parts| parts.add("data/x", ""), "`data/x` is below the file `data`");
    refused_when(|parts| parts.entries.push(file("evil/more", "x")), "`more` is not in the manifest");
    refused_when(|parts| parts.announce("more", b"x"), "`more` is in the manifest and not in the package");
    refused_when(
        |parts| parts.entries[1].content = b"DATA".to_vec(),
        "`data` is not what the manifest says: its SHA-256 differs",
    );
    refused_when(
        |parts| parts.entries[1].content = b"more data".to_vec(),
        "`data` is not what the manifest says: its size differs",
    );
    refused_when(
        |parts| parts.entries[1].mode = 0o4755,
        "`data` is not what the manifest says: its mode differs",
    );
    refused_when(|parts| parts.manifest["files"][1]["mode"] = json!("4755"), "it is no package of EZ");
    refused_when(
        |parts| parts.manifest["format"] = json!(2),
        "its format is 2, and this version of EZ knows format 1",
    );
    refused_when(|parts| parts.manifest["more"] = json!(1), "it is no package of EZ");
    refused_when(|parts| parts.manifest["name"] = json!("../evil"), "`../evil` is no name of a folder task");
    refused_when(|parts| parts.manifest = json!([]), "it is no package of EZ");
}

#[test]
fn bombs_do_not_go_off() {
    refused_when(
        |parts| parts.manifest["files"][1]["size"] = json!(1_u64 << 60),
        "`data` has more than 268435456 bytes",
    );
    refused_when(
        |parts| {
            for number in 0..5 {
                parts.announce(&format!("zeros{number}"), b"");
                parts.manifest["files"][number + 2]["size"] = json!(256 << 20);
            }
        },
        "its files have more than 1073741824 bytes together",
    );
    refused_when(
        |parts| (0..20_001).for_each(|number| parts.announce(&number.to_string(), b"")),
        "it has more than 20000 files",
    );
    // Much after the end, which compresses to next to nothing.
    let mut archive = Parts::good().archive();
    archive.extend(vec![0; 64 << 20]);
    refused(&compressed(&archive), "something follows the end of the archive");
    let zeros = file("ez-package.json", vec![b' '; 9 << 20]);
    let parts = Parts { manifest: json!(null), entries: vec![zeros] };
    // Without the manifest that comes before it.
    refused(&compressed(&parts.archive()[1024..]), "it is larger than a package may be");
}

#[test]
fn what_is_no_package_is_refused() {
    let good = Parts::good();
    refused(b"", "it is no package of EZ");
    refused(b"not compressed at all", "it is no package of EZ");
    refused(&compressed(b"no archive"), "it is no package of EZ");
    refused(&compressed(&good.archive()[1024..]), "its first entry is not `ez-package.json`");
    let mut followed = good.package();
    followed.push(b'x');
    refused(&followed, "something follows the end of the compressed file");
    let mut more = good.archive();
    more.push(b'x');
    refused(&compressed(&more), "something follows the end of the archive");
    let whole = good.package();
    refused(&whole[..whole.len() - 9], "cannot import");
}

#[test]
fn a_package_that_does_not_compile_is_refused_with_its_lines() {
    let refused_with = |taskfile: &str, reason: &str| {
        let mut parts = Parts { manifest: Parts::good().manifest, entries: Vec::new() };
        parts.manifest["files"] = json!([]);
        parts.add("Taskfile.yml", taskfile);
        refused(&parts.package(), reason);
    };
    refused_with("version: '3'\ntasks:\n  default:\n    cmds: [{task: [x]}]\n", "tasks/evil/Taskfile.yml:4");
    refused_with("version: '3'\ntasks: [\n", "EZ101");
    refused_with("version: '3'\ntasks:\n  default: {ez-extends: none}\n", "EZ703");
    // Nothing of this machine is read for it.
    refused_with("version: '3'\nincludes: {x: /etc/passwd}\n", "EZ204");
    refused_with("version: '3'\nincludes: {x: /dev/zero}\n", "EZ204");
    refused_with("version: '3'\nincludes: {x: ../../Taskfile.yml}\n", "EZ204");
    refused_with("version: '3'\nincludes: {x: 'https://127.0.0.1:1/x.yml'}\n", "EZ213");
    refused_when(
        |parts| parts.manifest["files"][0]["path"] = json!("other.yml"),
        "there is no Taskfile in it",
    );
}

#[test]
fn an_import_that_is_killed_leaves_nothing_half_made() {
    let mut noise = vec![0; 1 << 20];
    fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut noise)).expect("noise");
    let mut parts = Parts::good();
    parts.add("large", &noise);
    let package = parts.package();
    let project = empty().file("tasks/evil/Taskfile.yml", TASKFILE).file("tasks/evil/old", "old");
    assert!(Command::new("mkfifo").arg(project.path("pipe")).status().expect("mkfifo").success());
    let mut session = project.start(&program::ez(), ["import", "pipe", "--force"]);
    let mut pipe = fs::OpenOptions::new().write(true).open(project.path("pipe")).expect("a pipe");
    pipe.write_all(&package[..package.len() - 1000]).expect("a reader");
    let unpacked = || {
        let staged = fs::read_dir(project.path(".ez/import")).into_iter().flatten().flatten();
        staged.map(|entry| entry.path().join("folder/large")).any(|path| path.exists())
    };
    while !unpacked() {
        std::thread::yield_now();
    }
    session.signal(Signal::KILL);
    assert_eq!(session.exit(), Exit::Signal(9));
    assert_eq!(tree::files(&project.path("tasks/evil")), ["Taskfile.yml", "old"]);
    assert!(unpacked());
    // The next import, of whatever, takes away what was left.
    project.write("x.tar.gz", &package);
    project.run(["import", "x.tar.gz"]).exit(1).stderr_has("`--force`");
    assert_eq!(tree::files(&project.path(".ez/import")), ["lock"]);
    project.run(["import", "x.tar.gz", "--force"]).success();
    assert_eq!(tree::files(&project.path("tasks/evil")), ["Taskfile.yml", "data", "large"]);
}

#[test]
fn imports_at_once_wait_for_each_other() {
    let project = empty().file("x.tar.gz", Parts::good().package());
    let mut sessions: Vec<_> =
        (0..4).map(|_| project.start(&program::ez(), ["import", "x.tar.gz", "--force"])).collect();
    for session in &mut sessions {
        assert_eq!(session.exit(), Exit::Code(0));
    }
    assert_eq!(tree::files(&project.path("tasks/evil")), ["Taskfile.yml", "data"]);
    assert_eq!(tree::files(&project.path(".ez/import")), ["lock"]);
}
