//! `ez server docker`: the server in a container.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use ez_server::docker::COMPOSE_FILE;
use ez_server::settings::check_own_token;

use super::{failure, given, misuse, root};
use crate::args::server::{DockerAction, ServerDocker};
use crate::commands::{Context, Outcome};
use crate::exit_code::Code;
use crate::failure::Failure;

/// Has Docker do what is asked.
pub fn run(context: &Context, request: &ServerDocker) -> Outcome {
    let root = root(context, request.root.as_ref());
    let mut docker = Command::new("docker");
    docker
        .args(["compose", "--file", "-", "--project-name", &name_of(&root), "--project-directory"])
        .arg(&root)
        .env("EZ_PROJECT", &root);
    match &request.action {
        DockerAction::Up(up) => {
            let token = given(context, None, "EZ_SERVER_TOKEN").ok_or_else(|| misuse(
                    "a server in a container can be reached from outside of it: set EZ_SERVER_TOKEN to a long random text, as `openssl rand -hex 32` makes one",
                ))?;
            check_own_token("EZ_SERVER_TOKEN", &token).map_err(misuse)?;
            docker.args(["up", "--detach"]);
            match &up.source {
                Some(source) => {
                    let source = context.environment.absolute(source).into_std_path_buf();
                    if !source.join("server/Dockerfile").is_file() {
                        return Err(misuse(format!(
                            "{} has not the sources of EZ: there is no server/Dockerfile",
                            source.display()
                        )));
                    }
                    docker.arg("--build").env("EZ_SOURCE", source);
                }
                None => {
                    docker.arg("--no-build");
                }
            }
        }
        DockerAction::Down => {
            docker.arg("down");
        }
        DockerAction::Logs(logs) => {
            docker.arg("logs");
            if logs.follow {
                docker.arg("--follow");
            }
        }
    }
    // The file wants a value also where nothing is begun.
    if given(context, None, "EZ_SERVER_TOKEN").is_none() {
        docker.env("EZ_SERVER_TOKEN", "none");
    }
    finish(docker, matches!(&request.action, DockerAction::Up(up) if up.source.is_none()))
}

/// Runs Docker with the file on its standard input, and ends as it does.
fn finish(mut docker: Command, is_without_build: bool) -> Outcome {
    let mut child = docker.stdin(Stdio::piped()).spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            failure("there is no `docker` on this machine: install Docker, or say `ez server start --daemon`")
        }
        _ => failure(format!("docker cannot be started: {error}")),
    })?;
    if let Some(mut input) = child.stdin.take() {
        // Where it does not read, it says why itself.
        let _ = input.write_all(COMPOSE_FILE.as_bytes());
    }
    let status = child.wait().map_err(failure)?;
    if status.success() {
        return Ok(());
    }
    if !has_compose() {
        return Err(failure(
            "this docker knows no `docker compose`: install its plugin (docker-compose-plugin), or say `ez server start --daemon`",
        ));
    }
    let hint = if is_without_build {
        "; where the image is missing, `ez server docker up --source DIR` makes it from the sources of EZ"
    } else {
        ""
    };
    Err(Failure::new(Code::OTHER, format!("ez: docker has failed ({status}){hint}")))
}

/// Whether Docker has the plugin that reads such files.
fn has_compose() -> bool {
    let asked = Command::new("docker")
        .args(["compose", "version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// A name for the containers of a project: what Docker allows of the name of its directory.
fn name_of(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    format!("ez-{}", allowed.collect::<String>().trim_matches('-')).trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::name_of;

    #[test]
    fn names_of_containers() {
        for (path, name) in
            [("/srv/My App", "ez-my-app"), ("/", "ez"), ("/x/.hidden_", "ez-hidden"), ("/é", "ez")]
        {
            assert_eq!(name_of(Path::new(path)), name);
        }
    }
}
