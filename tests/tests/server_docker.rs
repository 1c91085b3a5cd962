//! The server in a container: what Docker is told, by a stand-in for it, and what it is told it with.

#![cfg(target_os = "linux")]

use std::env;

use ez_tests::Project;
use ez_tests::program;
use serde_json::{Value, json};

/// Writes down what it was told.
const STAND_IN: &str = "#!/bin/sh\nif [ \"$*\" = 'compose version' ]; then test ! -e lacks-compose; exit; fi\nprintf '%s\\n' \"$@\" > told\nenv | grep '^EZ_' | sort > environment\ncat > file\ncat exit 2>/dev/null | grep -q 1 && exit 1\nexit 0\n";

fn project() -> Project {
    let project =
        Project::new().executable("bin/docker", STAND_IN).env("EZ_SERVER_TOKEN", "a-long-token-of-a-test");
    let path = format!("{}:{}", project.path("bin").display(), env::var("PATH").unwrap_or_default());
    project.env("PATH", &path)
}

fn told(project: &Project) -> String {
    let told = project.read("told").expect("it was called").replace('\n', " ");
    told.replace(&*project.root().to_string_lossy(), "{{DIR}}")
}

fn repository(path: &str) -> String {
    std::fs::read_to_string(program::repository().join(path)).expect("it is there")
}

#[test]
fn docker_is_told_what_to_do() {
    let project = project();
    let name = project.root().file_name().expect("a name").to_string_lossy().to_lowercase();
    let kept: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let head = format!(
        "compose --file - --project-name ez-{} --project-directory {{{{DIR}}}}",
        kept.trim_matches('-')
    );
    for (args, expected) in [
        (vec!["up"], "up --detach --no-build "),
        (vec!["down"], "down "),
        (vec!["logs"], "logs "),
        (vec!["logs", "-f"], "logs --follow "),
    ] {
        project.run(["server", "docker"].into_iter().chain(args)).success();
        assert_eq!(told(&project), format!("{head} {expected}"));
        assert_eq!(project.read("file"), Some(repository("server/docker-compose.yml")));
        let environment = project.read("environment").expect("it was called");
        assert!(environment.contains("EZ_PROJECT={{DIR}}\n"), "{environment}");
        assert!(environment.contains("EZ_SERVER_TOKEN=a-long-token-of-a-test\n"), "{environment}");
    }
    let source = program::repository().display().to_string();
    project.run(["server", "docker", "up", "--source", &source]).success();
    assert!(told(&project).ends_with("up --detach --build "), "{}", told(&project));
    assert!(project.read("environment").expect("it was called").contains(&format!("EZ_SOURCE={source}\n")));
}

#[test]
fn what_docker_cannot_do_is_said() {
    let project = project();
    project.write("exit", "1");
    project
        .run(["server", "docker", "up"])
        .exit(1)
        .stderr_has("docker has failed")
        .stderr_has("--source DIR");
    project.run(["server", "docker", "down"]).exit(1).stderr_has("docker has failed").lacks("--source");
    project
        .run(["server", "docker", "up", "--source", "bin"])
        .exit(2)
        .stderr_has("there is no server/Dockerfile");
    project.write("lacks-compose", "");
    project.run(["server", "docker", "down"]).exit(1).stderr_has("this docker knows no `docker compose`");
    let nothing = Project::new().env("PATH", "/nowhere").env("EZ_SERVER_TOKEN", "own-token-of-a-test");
    nothing.run(["server", "docker", "up"]).exit(1).stderr_has("there is no `docker` on this machine");
    let open = Project::new();
    open.run(["server", "docker", "up"]).exit(2).stderr_has("set EZ_SERVER_TOKEN");
}

#[test]
fn the_file_for_compose_is_safe() {
    let file: Value = serde_yaml::from_str(&repository("server/docker-compose.yml")).expect("YAML");
    let server = &file["services"]["server"];
    assert_eq!(file["volumes"], json!({"data": {}}));
    let volumes: Vec<_> =
        server["volumes"].as_array().expect("volumes").iter().filter_map(Value::as_str).collect();
    assert_eq!(volumes, ["data:/data", "${EZ_PROJECT:-.}:/project"]);
    // Other machines reach it only where somebody says so, and never without a token.
    assert_eq!(server["ports"], json!(["${EZ_HTTP_ADDRESS:-127.0.0.1}:${EZ_HTTP_PORT:-8080}:8080"]));
    assert!(
        server["environment"]["EZ_SERVER_TOKEN"]
            .as_str()
            .expect("a token")
            .starts_with("${EZ_SERVER_TOKEN:?")
    );
    assert_eq!(server["cap_drop"], json!(["ALL"]));
    assert_eq!(server["security_opt"], json!(["no-new-privileges:true"]));
    assert_eq!(server["init"], json!(true));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        assert!(server["build"]["args"][name].is_string(), "{name}");
    }
    let keys: Vec<_> = server.as_object().expect("a service").keys().map(String::as_str).collect();
    assert!(!keys.contains(&"privileged") && !keys.contains(&"network_mode"), "{keys:?}");
}

#[test]
fn the_image_is_safe() {
    let text = repository("server/Dockerfile");
    let lines: Vec<&str> = text.lines().collect();
    let stages: Vec<_> = lines.iter().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(stages.len(), 2, "{stages:?}");
    let last = text.rsplit("\nFROM ").next().expect("a stage");
    // By its number, so that no user of the host's name is meant.
    assert!(last.contains("\nUSER 10001:10001\n") && !last.contains("USER root"));
    assert!(
        last.contains("COPY --from=build /ez ")
            && last.contains("\nHEALTHCHECK ")
            && last.contains("\nVOLUME /data\n")
    );
    let stop: Vec<_> =
        lines.iter().filter(|line| line.starts_with("CMD ") && line.contains("--stop-wait")).collect();
    assert_eq!(stop.len(), 1);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        assert_eq!(text.matches(&format!("\nARG {name}\n")).count(), 2, "{name}");
    }
    // Every flag that it names is one.
    let help = Project::new().run(["server", "start", "--help"]).success().stdout.clone();
    for flag in ["--host", "--stop-wait"] {
        assert!(text.contains(&format!("\"{flag}\"")) && help.contains(flag), "{flag}");
    }
    let ignored = repository("server/Dockerfile.dockerignore");
    assert!(ignored.lines().any(|line| line == "**/.ez-server"), "{ignored}");
}
