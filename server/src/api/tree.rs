//! The tasks as a tree, by the namespaces in their names.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read};
use crate::catalog::Kind;

/// The tree of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskTree {
    /// The outermost names, in alphabetical order.
    tasks: Vec<TaskBranch>,
}

/// A name in the tree: a task, a namespace, or both.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskBranch {
    /// The last part of the name.
    name: String,
    /// `inline`, `folder`, or `namespace` where it is no task itself.
    kind: String,
    /// The whole name of the task; `null` where it is only a namespace.
    task: Option<String>,
    /// What it does.
    desc: Option<String>,
    /// What has it as a namespace.
    #[schema(no_recursion)]
    children: Vec<TaskBranch>,
}

/// What stands between a namespace and what is in it.
const SEPARATOR: char = ':';

#[derive(Debug, Default)]
struct Branch<'a> {
    entry: Option<&'a Value>,
    children: BTreeMap<&'a str, Branch<'a>>,
}

impl Branch<'_> {
    fn told(self, name: &str) -> TaskBranch {
        let text = |key: &str| Some(self.entry?[key].as_str()?.to_owned());
        TaskBranch {
            name: name.to_owned(),
            kind: text("kind").unwrap_or_else(|| "namespace".into()),
            task: text("task"),
            desc: text("desc"),
            children: self.children.into_iter().map(|(name, branch)| branch.told(name)).collect(),
        }
    }
}

fn tree(entries: &[Value]) -> Vec<TaskBranch> {
    let mut root = Branch::default();
    for entry in entries {
        let Some(name) = entry["task"].as_str() else { continue };
        let branch =
            name.split(SEPARATOR).fold(&mut root, |branch, part| branch.children.entry(part).or_default());
        branch.entry = Some(entry);
    }
    root.children.into_iter().map(|(name, branch)| branch.told(name)).collect()
}

/// All tasks of the project as a tree of namespaces and folder tasks.
#[utoipa::path(get, path = "/tasks/tree", responses(
    (status = 200, body = TaskTree), (status = 422, body = ErrorBody)))]
pub async fn show(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<TaskTree>, ApiError> {
    let entries = server.catalog.entries(Kind::Tasks).await?;
    Ok(Json(TaskTree { tasks: tree(&entries) }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::tree;

    #[test]
    fn namespaces_hold_their_tasks() {
        let entries =
            ["fw", "fw:sub", "docs:api:build", "docs"].map(|name| json!({"task": name, "kind": "inline"}));
        let told = serde_json::to_value(tree(&entries)).unwrap();
        assert_eq!(told[0]["name"], "docs");
        assert_eq!(told[0]["task"], "docs");
        assert_eq!(told[0]["children"][0]["kind"], "namespace");
        assert_eq!(told[0]["children"][0]["children"][0]["task"], "docs:api:build");
        assert_eq!(told[1]["children"][0]["name"], "sub");
    }
}
