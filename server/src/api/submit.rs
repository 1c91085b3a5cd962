//! Jobs that bring their files.

use std::collections::BTreeMap;
use std::io;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::json_body::JsonBody;
use super::tasks::{Accepted, submit};
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Run};
use crate::job::{JobKind, JobSpec, PlanOrder};
use crate::secrets::Secrets;
use crate::sync::content_store::ContentStore;
use crate::sync::digest::Digest;
use crate::sync::manifest::Manifest;
use crate::sync::patterns::Patterns;
use crate::sync::tree_path::TreePath;

/// The key by which a step of a plan says that it runs on a node of a server.
const REMOTE: &[u8] = b"remote";

/// The longest file of a plan that is looked through, in bytes.
const MAX_PLAN_BYTES: u64 = 4 << 20;

/// A run with files of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFiles {
    /// What is run.
    #[serde(default)]
    kind: JobKind,
    /// The name of the task or plan.
    name: String,
    /// The SHA-256 of the list of files with which it runs; all of them have to be here.
    #[schema(value_type = String)]
    inputs: Digest,
    /// The directory of the tree in which it runs; else the root.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    directory: Option<TreePath>,
    /// Which files are kept when it succeeded, as in `dist/**`.
    #[serde(default)]
    outputs: Vec<String>,
    /// Whether it is a step of a plan that writes values for later ones to the file of `EZ_STEP_OUTPUT`: `.ez/step-output` among what it made, also where it failed.
    #[serde(default)]
    step_output: bool,
    /// Whether its exit code is that of the command that failed; else it is 201 for all of them.
    #[serde(default)]
    pass_exit_code: bool,
    /// Variables and params.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// Variables of its environment.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Variables of its environment that nobody is to see: stored encrypted, masked in its log.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Arguments behind `--`.
    #[serde(default)]
    args: Vec<String>,
    /// The node, by its name or number.
    #[serde(default)]
    node: Option<String>,
    /// Nodes of which one has to run it, by their names, numbers or tags.
    #[serde(default)]
    nodes: Vec<String>,
    /// What the node must have.
    #[serde(default)]
    tags: Vec<String>,
    /// After how many seconds it is ended; 0 is never.
    #[serde(default)]
    timeout: u64,
    /// Those of a higher one start first.
    #[serde(default)]
    priority: i32,
    /// How often it is tried again.
    #[serde(default)]
    retry: u32,
    /// Jobs with the same lock never run at once.
    #[serde(default)]
    lock: Option<String>,
    /// The same key is the same job.
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// Runs a task or plan of files that were sent before. The job is safe when this answers.
#[utoipa::path(post, path = "/jobs", request_body = RunFiles, responses(
    (status = 202, body = Accepted), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn run(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    JsonBody(run): JsonBody<RunFiles>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    check_name(&run.name)?;
    Patterns::new(&run.outputs).map_err(|error| ApiError::bad(error.to_string()))?;
    let (store, inputs) = (server.content.clone(), run.inputs);
    let plan = (run.kind == JobKind::Plan).then(|| run.name.clone());
    let looked = tokio::task::spawn_blocking(move || match store.manifest(&inputs) {
        Ok(manifest) if store.lacks(&inputs).is_some_and(|lacking| lacking.is_empty()) => {
            Ok(Some(plan.is_some_and(|plan| may_have_remote_steps(&store, &manifest, &plan))))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(None),
    });
    let has_remote_steps = match looked.await {
        Ok(Ok(Some(has_remote_steps))) => has_remote_steps,
        Ok(Err(error)) => {
            let why = format!("{inputs} is no list of files that can be used: {error}");
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, why));
        }
        _ => {
            return Err(ApiError::conflict(format!(
                "the tree {inputs} is not wholly here: send what is missing first"
            )));
        }
    };
    let plan = PlanOrder { has_remote_steps, ..PlanOrder::default() };
    let secrets = Secrets(run.secrets);
    let spec = JobSpec {
        kind: run.kind,
        name: run.name,
        vars: run.vars,
        env: run.env,
        args: run.args,
        node: run.node,
        nodes: run.nodes,
        tags: run.tags,
        timeout: run.timeout,
        priority: run.priority,
        retry: run.retry,
        lock: run.lock,
        inputs: Some(run.inputs),
        directory: run.directory,
        outputs: run.outputs,
        pass_exit_code: run.pass_exit_code,
        step_output: run.step_output,
        plan: has_remote_steps.then(|| Box::new(plan)),
        ..JobSpec::default()
    };
    let job = submit(&server, &allowed, spec, secrets, run.idempotency_key).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted::new(job))))
}

/// Whether steps of a plan of a tree may be jobs of their own. A plan that has such steps says the word `remote`; who says it without them gets a token that is of no use
/// to it, and a place beside the slots.
fn may_have_remote_steps(store: &ContentStore, tree: &Manifest, plan: &str) -> bool {
    let mut files = tree.files().filter(|(path, _)| is_file_of_plan(path.as_str(), plan));
    files.any(|(_, file)| {
        let text = store.read_all(&file.digest, MAX_PLAN_BYTES);
        // One that cannot be read here fails on the node.
        text.is_ok_and(|text| text.windows(REMOTE.len()).any(|word| word == REMOTE))
    })
}

/// Whether a file can be meant by a name of a plan: `release` is `plans/release.yml`, and a path is that file.
fn is_file_of_plan(path: &str, plan: &str) -> bool {
    let names = [Some(path), path.strip_suffix(".yml"), path.strip_suffix(".yaml")];
    let ends_with_plan = |name: &str| {
        let before = name.strip_suffix(plan);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    names.into_iter().flatten().any(ends_with_plan)
}

/// A name is given to `ez` on its command line, where it must not be taken for a flag.
fn check_name(name: &str) -> Result<(), ApiError> {
    const MAX_NAME_BYTES: usize = 1000;
    let is_fine = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('-')
        && !name.contains('=')
        && !name.chars().any(char::is_control);
    if is_fine {
        Ok(())
    } else {
        Err(ApiError::bad(format!("`{}` is no name of a task", name.escape_debug())))
    }
}

#[cfg(test)]
mod tests {
    use super::is_file_of_plan;

    #[test]
    fn the_file_of_a_plan_is_found_by_its_name_and_by_its_path() {
        for path in ["plans/release.yml", "plans/release.yaml", "sub/plans/release.yml", "release"] {
            assert!(is_file_of_plan(path, "release"), "{path}");
        }
        assert!(is_file_of_plan("plans/release.yml", "plans/release.yml"));
        for path in ["plans/prerelease.yml", "plans/release.json", "release/x.yml"] {
            assert!(!is_file_of_plan(path, "release"), "{path}");
        }
    }
}
