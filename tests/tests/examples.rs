//! Every example does under `ez` what its Taskfile says, and exactly what it does under go-task.

use ez_tests::{Outcome, Project};

/// An example, copied once for each of the two programs.
struct Example {
    for_ez: Project,
    for_oracle: Project,
}

impl Example {
    fn new(name: &str) -> Self {
        Self::with(name, |project| project)
    }

    fn with(name: &str, change: impl Fn(Project) -> Project) -> Self {
        let copy = || change(Project::copy_of(&format!("examples/{name}")));
        Self { for_ez: copy(), for_oracle: copy() }
    }

    /// Runs tasks under both programs and expects one exit code and one standard output of both.
    #[track_caller]
    fn run(&self, args: &[&str], exit: i32, stdout: &str) -> Outcome<'_> {
        self.for_oracle.run_oracle(args).exit(exit).stdout(stdout);
        let outcome = self.for_ez.run(["run"].iter().chain(args));
        outcome.exit(exit).stdout(stdout);
        outcome
    }

    /// A file has the same content under both, namely this.
    #[track_caller]
    fn file_is(&self, path: &str, expected: &str) {
        assert_eq!(self.for_oracle.read(path).as_deref(), Some(expected), "{path} of go-task");
        assert_eq!(self.for_ez.read(path).as_deref(), Some(expected), "{path} of ez");
    }

    fn write(&self, path: &str, content: &str) {
        self.for_ez.write(path, content);
        self.for_oracle.write(path, content);
    }
}

const SITE_SIZES: &str = "beans     491 bytes\nherbs     388 bytes\nwater     284 bytes\n";

#[test]
fn the_site_is_built_once_and_only_as_far_as_it_changed() {
    let site = Example::new("site");
    let built = "page beans (beans)\npage herbs (herbs)\npage water (water)\nindex of 3 pages\n";
    site.run(&["default"], 0, &format!("{built}{SITE_SIZES}"));
    site.file_is(
        "build/style.css",
        "body { max-width: 40em; margin: auto; }\nfooter { color: gray; }\nul { list-style: square; }\n",
    );
    site.file_is(
        "build/index.html",
        "<!doctype html>\n<title>A small garden</title>\n<ul>\n<li><a href=\"beans.html\">Beans</a></li>\n\
         <li><a href=\"herbs.html\">Herbs</a></li>\n<li><a href=\"water.html\">Water</a></li>\n</ul>\n",
    );
    site.run(&["default"], 0, SITE_SIZES).stderr_has("\"page:beans\" is up to date");

    site.write("content/water.md", "# Water\n\nBy hand.\n");
    let sizes = SITE_SIZES.replace("284", "264");
    site.run(&["default"], 0, &format!("page water (water)\nindex of 3 pages\n{sizes}"));
    site.run(&["links"], 0, &format!("{sizes}all links are good\n"));
    site.run(&["tidy"], 0, "").no_file("build").no_file(".task");
}

#[test]
fn a_broken_link_of_the_site_is_found() {
    let site = Example::new("site");
    site.write("content/water.md", "# Water\n\n[gone](gone.html)\n");
    let outcome = site.for_ez.run(["run", "links"]);
    outcome.exit(201).stdout_has("broken link: gone.html\n").stderr_has("links");
}

#[test]
fn the_toolbox_is_bundled_and_tested() {
    let toolbox = Example::new("toolbox");
    let syntax = "syntax of log.sh is fine\nsyntax of main.sh is fine\nsyntax of words.sh is fine\n";
    let tests = "ok count\nok longest\nok reverse\nok version\n4 tests passed\n";
    toolbox.run(&["default"], 0, &format!("{syntax}{tests}")).file_has("dist/toolbox", "VERSION=1.4.0\n");
    toolbox.run(&["test", "--", "count", "version"], 0, "ok count\nok version\n2 tests passed\n");
    toolbox.run(&["test", "--", "nope"], 201, "").stderr_has("there is no test nope");
    toolbox.run(&["install", "PREFIX=dist/here"], 0, "").file_has("dist/here/bin/toolbox", "words_count");
    toolbox.run(&["install", "PREFIX=dist/here"], 0, "").stderr_has("\"install\" is up to date");
    toolbox.write("tests/count.out", "4\n");
    toolbox.run(&["test:count"], 202, "");
    toolbox.run(&["test", "--", "count"], 201, "2c2\n".replace("2c2", "1c1\n< 4\n---\n> 3").as_str());
}

#[test]
fn the_monorepo_builds_and_deploys_by_names() {
    let monorepo = Example::new("monorepo");
    let built =
        "api is built from shell (fast)\nweb is built from html (fast)\nworker is built from shell (fast)\n";
    let tested = "api is tested in api\nweb is tested in web\nWORKER HOLDS!\nTEXT IS TESTED!\n";
    monorepo.run(&["default"], 0, &format!("{built}{tested}"));
    monorepo.file_is("services/web/build/web.txt", "<p>I am web</p>\n");
    monorepo.run(&["default"], 0, tested);

    let deployed = "deploy api to dev as registry.example/api with 1 replicas\n";
    monorepo.run(&["deploy:api", "STAGE=dev"], 0, deployed);
    monorepo.run(&["ship:api", "STAGE=dev"], 0, deployed);
    monorepo.run(&["deploy:api"], 206, "").stderr_has("STAGE");
    monorepo.run(&["deploy:api", "STAGE=moon"], 207, "").stderr_has("moon");
    monorepo.run(&["deploy:nope", "STAGE=dev"], 201, "").stderr_has("there is no service nope");
    monorepo.run(&["svc:tidy"], 0, "").no_file("services/api/build");
    let too_early = "build web before you deploy it to prod";
    monorepo.run(&["deploy:web", "STAGE=prod"], 201, "").stderr_has(too_early);
    monorepo.run(&["what", "region", "svc:w:lines"], 0, "what is which\nregion far 1\n1\n");
    monorepo.for_ez.run(["run", "secret-dance"]).exit(200).stderr_has("secret-dance");
}

#[test]
fn the_stage_of_the_monorepo_chooses_the_dotenv_file() {
    let monorepo = Example::with("monorepo", |project| project.env("STAGE", "prod"));
    monorepo.run(&["svc:web:build"], 0, "web is built from html (careful)\n");
    monorepo.run(&["deploy:web"], 0, "deploy web to prod as registry.example/web with 3 replicas\n");
}

#[test]
fn a_release_is_packed_and_published() {
    let release = Example::new("release");
    let pack = |target: &str| format!("--- archive\npacked garden-2.1.0-{target}.tar\n");
    let packed: String = ["linux-x86_64", "linux-arm64", "macos-x86_64", "macos-arm64"].map(pack).concat();
    let notes = "--- notes\n  * beans may climb\n  * water is counted\n";
    release.run(&["default"], 0, &format!("{notes}{packed}--- checksums\n4 checksums\n"));
    release.file_is("dist/NOTES", "- beans may climb\n- water is counted\n");
    release.run(&["pack"], 0, "").no_file("dist/garden-2.1.0-linux-arm64.tmp");

    release.run(&["publish"], 205, "").no_file("published").stderr_has("--yes");
    let asked = "Publish garden 2.1.0? [assuming yes]\n";
    let published = "--- publish\npublished 5 files\n--- unlock\nunlocked\n";
    release.run(&["publish", "--yes"], 0, &format!("{asked}{published}")).no_file("published/.lock");
    release.run(&["tidy"], 0, "").no_file("dist");
}

#[test]
fn what_fails_in_a_release_is_tidied_up() {
    let release = Example::with("release", |project| project.env("BREAK", "1"));
    release.write("dist/SUMS", "none\n");
    release.write("dist/garden.tar", "none\n");
    let output =
        "Publish garden 2.1.0? [assuming yes]\n--- publish\npublished 2 files\n--- unlock\nunlocked\n";
    release.run(&["publish", "--yes"], 201, output).no_file("published/.lock");
    release.write("VERSION", "9.9.9\n");
    release.run(&["notes"], 201, "--- notes\nCHANGES says nothing about 9.9.9\n");
    release.run(&["slow"], 208, "--- slow\nthis takes long\n--- slow\nended with code 124\n");
}

#[test]
fn the_firmware_of_the_folder_tasks_is_assembled_for_its_boards() {
    let project = Project::copy_of("examples/folder-tasks");
    project.run(["check"]).success().stdout("");
    project.run(["run", "about"]).success().stdout("blinker 1.4.0\n");
    project.run(["firmware:boards"]).success().stdout("large\ntiny\n");
    let image = "; tiny, 512 bytes, level 2\n1007\n200c\nff00\n";
    let tiny = project.run(["firmware", "EZ_BOARD=tiny", "EZ_LEVEL=2"]);
    tiny.success().stdout("tiny is built\n");
    tiny.file_is(".ez/tasks/firmware/artifacts/image/tiny.hex", image);
    tiny.file_is(".ez/tasks/firmware/artifacts/sizes/tiny.hex.size", "42\n").no_file("tasks/firmware/build");
    project.run(["firmware", "EZ_BOARD=tiny", "EZ_LEVEL=2"]).success().stdout("");
    project.run(["firmware", "EZ_BOARD=huge"]).exit(207).stderr_has("it takes tiny, large");
    let all = project.run(["matrix", "firmware", "--vary", "board=tiny,large", "--vary", "level=1,2"]);
    all.success().file_is(".ez/workspace/firmware-tiny-2/.ez/artifacts/image/tiny.hex", image);
    project.run(["rerun", "firmware-tiny-2", "EZ_LEVEL=4"]).exit(207);
    project.run(["clean", "--all"]).success().stdout("removed .ez/tasks\nremoved .ez/workspace\n");
    // What go-task does with the compiled task, in its folder.
    project.run(["compile", "firmware", "-o", "tasks/firmware/compiled.yml"]).success();
    let compiled = project.run_oracle(["-t", "tasks/firmware/compiled.yml", "EZ_BOARD=tiny", "EZ_LEVEL=2"]);
    compiled.success().stdout("tiny is built\n").file_is("tasks/firmware/build/tiny.hex", image);
}
