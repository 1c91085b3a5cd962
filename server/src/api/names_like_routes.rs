//! Tasks and plans whose names are words of the API: `POST /tasks/run` runs a task, but `GET /tasks/run` is about the task `run`.
//!
//! The router takes an address for one thing, whatever the method. So one that can only be about a name is written in another way before it gets there: with its first
//! letter encoded, which is the same name (RFC 3986, 2.3). What is about both, as `GET /plans/runs` is, stays with the route.

use axum::extract::Request;
use axum::http::{Method, Uri};

const PREFIX: &str = "/api/v1/";

/// Has a request go to the task or the plan that it is about.
pub async fn tell_apart(mut request: Request) -> Request {
    if let Some(uri) = about_a_name(request.method(), request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn about_a_name(method: &Method, uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_prefix(PREFIX)?;
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let deletes = *method == Method::DELETE;
    let is_about_a_name = match path {
        "tasks/run" | "plans/run-task" => reads || deletes,
        "tasks/tree" | "plans/runs" => deletes,
        // Runs have numbers.
        "plans/runs/yaml" | "plans/runs/run" => true,
        _ => false,
    };
    let (kind, name) = path.split_once('/').filter(|_| is_about_a_name)?;
    let (first, rest) = (name.bytes().next()?, name.get(1..)?);
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{PREFIX}{kind}/%{first:02X}{rest}{query}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::about_a_name;

    fn written(request: &str) -> Option<String> {
        let (method, uri) = request.split_once(' ').unwrap();
        let found = about_a_name(&method.parse().unwrap(), &format!("/api/v1{uri}").parse().unwrap());
        found.map(|uri| uri.to_string().replacen("/api/v1", "", 1))
    }

    #[test]
    fn what_can_only_be_a_name_is_one() {
        for (request, path) in [
            ("GET /tasks/run", "/tasks/%72un"),
            ("HEAD /tasks/run", "/tasks/%72un"),
            ("DELETE /tasks/run?x=1", "/tasks/%72un?x=1"),
            ("DELETE /tasks/tree", "/tasks/%74ree"),
            ("GET /plans/run-task", "/plans/%72un-task"),
            ("DELETE /plans/runs", "/plans/%72uns"),
            ("PUT /plans/runs/yaml", "/plans/%72uns/yaml"),
            ("POST /plans/runs/run", "/plans/%72uns/run"),
        ] {
            assert_eq!(written(request).as_deref(), Some(path), "{request}");
        }
        for request in [
            "POST /tasks/run",
            "GET /tasks/tree",
            "HEAD /plans/runs",
            "POST /plans/run-task",
            "OPTIONS /tasks/run",
            "OPTIONS /tasks/tree",
            "GET /plans/runs/7",
            "GET /tasks/run/yaml",
            "GET /tasks/runner",
            "GET /jobs",
        ] {
            assert_eq!(written(request), None, "{request}");
        }
    }
}
