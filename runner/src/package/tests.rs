//! Packages there and back, within small limits, and imports that are killed.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getpid, kill_process};

use super::export::Packing;
use super::import::{Import, Moment};
use super::manifest::{Manifest, Mode};
use super::{Contents, Fault, Limits, PackageError};

const TASKFILE: &str = "version: '3'\ntasks:\n  default: echo\n";

/// A project with a folder task.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("tasks/build"), files);
    root
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn pack(folder: &Path, limits: &Limits) -> Result<Vec<u8>, PackageError> {
    let mut package = Vec::new();
    Packing::of(folder, "build", "0.0.0", limits)?.write(&mut package)?;
    Ok(package)
}

fn unheard(_: Moment) {}

fn import(root: &Path, package: &[u8], limits: &Limits, replace: bool) -> Result<(), PackageError> {
    let import = Import::begin(root, &unheard)?;
    let unpacked = import.unpack(package, limits)?;
    import.install(unpacked.staged, "build", replace).map(drop)
}

/// Paths with contents or targets, sorted.
fn listing(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut directories = vec![folder.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if kind.is_dir() {
                directories.push(path);
            } else if kind.is_symlink() {
                found.push((name, format!("-> {}", fs::read_link(path).unwrap().display())));
            } else {
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let files =
        [("Taskfile.yml", TASKFILE), ("bin/run.sh", "#!/bin/sh\n"), ("a/b/c.txt", "c"), ("empty", "")];
    let from = project(&files);
    let folder = from.path().join("tasks/build");
    fs::set_permissions(folder.join("bin/run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("../a/b", folder.join("bin/letters")).unwrap();
    let before = listing(&folder);
    write(&folder, &[(".git/HEAD", "x"), ("a/.task/x", "x"), (".ez/x", "x")]);

    let package = pack(&folder, &Limits::default()).unwrap();
    let to = tempfile::tempdir().unwrap();
    import(to.path(), &package, &Limits::default(), false).unwrap();
    let arrived = to.path().join("tasks/build");
    assert_eq!(listing(&arrived), before);
    let mode = |name: &str| fs::metadata(arrived.join(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("bin/run.sh") & 0o100, mode("empty")), (0o100, 0));
    assert_eq!(listing(&to.path().join(".ez/import")), [("lock".to_owned(), String::new())]);
    // The copy is packed to the same bytes, though every time in it differs.
    assert_eq!(pack(&arrived, &Limits::default()).unwrap(), package);
}

#[test]
fn what_cannot_be_packed_is_named() {
    let check = |change: &dyn Fn(&Path), expected: &str| {
        let root = project(&[("Taskfile.yml", TASKFILE), ("a", "a"), ("d/e", "e")]);
        let folder = root.path().join("tasks/build");
        change(&folder);
        let error = pack(&folder, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        &|folder| symlink("../../secret", folder.join("d/x")).unwrap(),
        "`d/x` links to `../../secret`, which is outside of the folder",
    );
    check(
        &|folder| symlink("/etc/passwd", folder.join("x")).unwrap(),
        "`x` links to `/etc/passwd`, which is outside of the folder",
    );
    check(
        &|folder| fs::write(folder.join("x\ny"), "").unwrap(),
        "`x\\ny` has a control character in its name",
    );
    check(
        &|folder| fs::write(folder.join("A"), "").unwrap(),
        "`a` and `A` differ in nothing but upper and lower case",
    );
    check(&|folder| fs::remove_file(folder.join("Taskfile.yml")).unwrap(), "there is no Taskfile in it");
    check(
        &|folder| drop(std::os::unix::net::UnixListener::bind(folder.join("s")).unwrap()),
        "`s` is a socket; packages hold files and symbolic links",
    );
}

#[test]
fn limits_hold_on_both_sides() {
    let root = project(&[("Taskfile.yml", TASKFILE), ("a", "0123456789")]);
    let folder = root.path().join("tasks/build");
    let package = pack(&folder, &Limits::default()).unwrap();
    let bytes = TASKFILE.len() as u64 + 10;
    let all = Limits { total_bytes: bytes, file_bytes: bytes - 10, entries: 2, ..Limits::default() };
    let check = |limits: Limits, expected: Option<&str>| {
        let unpacked = tempfile::tempdir().unwrap();
        let import = import(unpacked.path(), &package, &limits, false);
        assert_eq!(import.err().map(|error| error.to_string()).as_deref(), expected, "{limits:?}");
        let pack = pack(&folder, &limits);
        assert_eq!(pack.err().map(|error| error.to_string()).as_deref(), expected, "{limits:?}");
    };
    check(all, None);
    check(Limits { total_bytes: bytes - 1, ..all }, Some("its files have more than 45 bytes together"));
    check(Limits { file_bytes: 35, ..all }, Some("`Taskfile.yml` has more than 35 bytes"));
    check(Limits { entries: 1, ..all }, Some("it has more than 1 files"));
    let limits = Limits { manifest_bytes: 99, ..all };
    let error = import(tempfile::tempdir().unwrap().path(), &package, &limits, false).unwrap_err();
    assert_eq!(error.to_string(), "it is no package of EZ: it is larger than a package may be");
}

#[test]
fn damage_is_never_taken() {
    let root = project(&[("Taskfile.yml", TASKFILE), ("a", &"0123456789".repeat(99))]);
    let package = pack(&root.path().join("tasks/build"), &Limits::default()).unwrap();
    let to = tempfile::tempdir().unwrap();
    for end in (0..package.len()).step_by(7) {
        assert!(import(to.path(), &package[..end], &Limits::default(), false).is_err(), "{end}");
    }
    for place in (0..10).chain((10..package.len()).step_by(5)) {
        let mut damaged = package.clone();
        damaged[place] ^= 0x10;
        // Fields of the compressed file that mean nothing to us may differ.
        if import(to.path(), &damaged, &Limits::default(), true).is_ok() {
            assert!(place < 10, "{place}");
            assert_eq!(listing(&to.path().join("tasks/build")), listing(&root.path().join("tasks/build")));
        }
    }
    assert_eq!(listing(&to.path().join(".ez/import")), [("lock".to_owned(), String::new())]);
}

#[test]
fn a_manifest_is_believed_in_nothing() {
    let good = |change: &dyn Fn(&mut Manifest)| {
        let root = project(&[("Taskfile.yml", TASKFILE)]);
        let packing =
            Packing::of(&root.path().join("tasks/build"), "build", "0", &Limits::default()).unwrap();
        let mut manifest = packing.manifest().clone();
        change(&mut manifest);
        manifest.check(&Limits::default()).err().map(|error| error.to_string())
    };
    assert_eq!(good(&|_| {}), None);
    assert_eq!(
        good(&|m| m.name = "..".into()).unwrap().split_once(':').unwrap().0,
        "`..` is no name of a folder task"
    );
    let twice = |m: &mut Manifest| m.files.push(m.files[0].clone());
    assert_eq!(good(&twice).unwrap(), format!("`Taskfile.yml` {}", Fault::Duplicate));
    let huge = |m: &mut Manifest| m.files[0].size = u64::MAX;
    assert_eq!(good(&huge).unwrap(), "`Taskfile.yml` has more than 268435456 bytes");
    let below = |m: &mut Manifest| {
        let mut file = m.files[0].clone();
        file.path = "taskfile.YML/x".into();
        m.files.push(file);
    };
    assert_eq!(good(&below).unwrap(), "`taskfile.YML/x` is below the file `Taskfile.yml`");
    for text in ["", "{}", "[]", "{\"format\": 1}", "{\"format\": \"1\"}"] {
        let error = Manifest::read(text.as_bytes(), &Limits::default()).unwrap_err();
        assert!(matches!(error, PackageError::NoPackage(_)), "{text}: {error}");
    }
    let error = Manifest::read(b"{\"format\": 2, \"more\": []}", &Limits::default()).unwrap_err();
    assert!(matches!(error, PackageError::UnknownFormat(2)));
    assert_eq!((Mode::of_bits(0o100_755), Mode::of_bits(0o4644)), (Mode::Executable, Mode::Plain));
}

#[test]
fn a_name_that_is_taken_stays_unless_it_may_go() {
    let root = project(&[("Taskfile.yml", TASKFILE), ("new", "new")]);
    let package = pack(&root.path().join("tasks/build"), &Limits::default()).unwrap();
    let to = project(&[("Taskfile.yml", TASKFILE), ("old", "old")]);
    let place = to.path().join("tasks/build");
    let error = import(to.path(), &package, &Limits::default(), false).unwrap_err();
    assert!(matches!(error, PackageError::Taken(path) if path == place));
    assert!(place.join("old").exists());
    import(to.path(), &package, &Limits::default(), true).unwrap();
    assert!(place.join("new").exists() && !place.join("old").exists());
    // A link goes, not what it leads to.
    let elsewhere = project(&[("kept", "kept")]);
    fs::remove_dir_all(&place).unwrap();
    symlink(elsewhere.path().join("tasks/build"), &place).unwrap();
    import(to.path(), &package, &Limits::default(), true).unwrap();
    assert!(place.join("new").exists() && elsewhere.path().join("tasks/build/kept").exists());
}

/// `root|package|replace|exchange|moment`: an import that ends itself at a moment.
const KILL: &str = "EZ_TEST_KILLED_IMPORT";

/// One import, as [`KILL`] says, with what is called at each moment.
fn scripted(script: &str, listener: &dyn Fn(Moment)) -> Result<Contents, PackageError> {
    let parts: Vec<&str> = script.split('|').collect();
    let package = fs::read(parts[1]).unwrap();
    let import = Import::begin(Path::new(parts[0]), listener)?;
    let import = if parts[3] == "exchange" { import } else { import.without_exchange() };
    let unpacked = import.unpack(package.as_slice(), &Limits::default())?;
    let contents = unpacked.manifest.contents();
    import.install(unpacked.staged, "build", parts[2] == "replace")?;
    Ok(contents)
}

/// Does nothing unless [`an_import_that_is_killed_leaves_the_old_or_the_new`] starts it in a process of its own.
#[test]
fn an_import_is_killed_here() {
    let Ok(script) = std::env::var(KILL) else { return };
    let last: usize = script.rsplit('|').next().unwrap().parse().unwrap();
    let count = Cell::new(0);
    let listener = |_| {
        if count.get() == last {
            std::io::stdout().flush().unwrap();
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        count.set(count.get() + 1);
    };
    scripted(&script, &listener).unwrap();
}

#[test]
fn an_import_that_is_killed_leaves_the_old_or_the_new() {
    let new = project(&[("Taskfile.yml", TASKFILE), ("new/a", "a"), ("new/b", "b")]);
    symlink("new", new.path().join("tasks/build/link")).unwrap();
    let new_listing = listing(&new.path().join("tasks/build"));
    let package = new.path().join("build.tar.gz");
    fs::write(&package, pack(&new.path().join("tasks/build"), &Limits::default()).unwrap()).unwrap();
    for (replace, exchange) in [("replace", "exchange"), ("replace", "two renames"), ("fresh", "exchange")] {
        let start = || {
            let files: &[(&str, &str)] =
                if replace == "replace" { &[("Taskfile.yml", TASKFILE), ("old", "old")] } else { &[] };
            let root = project(files);
            let script = format!("{}|{}|{replace}|{exchange}", root.path().display(), package.display());
            (root, script)
        };
        let moments = std::cell::RefCell::new(Vec::new());
        let (_root, script) = start();
        scripted(&script, &|moment| moments.borrow_mut().push(moment)).unwrap();
        let moments = moments.into_inner();
        assert_eq!(moments.iter().filter(|moment| **moment == Moment::Unpacked).count(), 4);
        assert_eq!(moments.contains(&Moment::MovedAside), exchange == "two renames");
        for (number, moment) in moments.iter().enumerate() {
            let (root, script) = start();
            let place = root.path().join("tasks/build");
            let old_listing = listing(&place);
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["package::tests::an_import_is_killed_here", "--exact"])
                .env(KILL, format!("{script}|{number}"))
                .status()
                .unwrap();
            assert!(!status.success(), "{moment:?}");
            let is_whole = |left: &[(String, String)]| left == old_listing || left == new_listing;
            let left = listing(&place);
            // Between two renames there is neither, until the next import.
            assert!(
                is_whole(&left) || (left.is_empty() && *moment == Moment::MovedAside),
                "{moment:?} {left:?}"
            );
            drop(Import::begin(root.path(), &unheard).unwrap());
            let recovered = listing(&place);
            assert!(is_whole(&recovered), "{moment:?} {recovered:?}");
            assert!(left.is_empty() || left == recovered, "{moment:?}");
            assert_eq!(listing(&root.path().join(".ez/import")), [("lock".to_owned(), String::new())]);
        }
    }
}
