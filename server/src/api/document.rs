//! The `OpenAPI` document: what the routes say of themselves, and what is true of all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

/// The answers that every route may give.
const OF_ALL: [(&str, &str); 4] = [
    ("401", "The token is missing or wrong"),
    ("403", "The token is not enough, or another site asks"),
    ("429", "Too many wrong tokens came from this address"),
    ("503", "The database does not answer"),
];

/// Those of routes with something to get wrong.
const OF_PARAMETERS: [(&str, &str); 1] = [("400", "A parameter is wrong")];
const OF_BODIES: [(&str, &str); 5] = [
    ("400", "The request is wrong"),
    ("408", "The body came too slowly"),
    ("413", "The body is too long"),
    ("415", "The body is of another type"),
    ("422", "What the body says cannot be"),
];

/// Completes the document.
pub fn complete(document: &mut OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, mut item)| {
            let path = path.replace("{*", "{");
            for (method, operation) in operations_mut(&mut item) {
                operation.operation_id = Some(operation_id(method, &path));
                complete_operation(operation);
            }
            (path, item)
        })
        .collect();
}

fn operations_mut(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let all = [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("delete", item.delete.as_mut()),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation?))).collect()
}

/// A name of its own, as in `get_jobs_id_logs`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path).replace(['{', '}'], "");
    format!("{method}{}", path.replace(['/', '-', '.'], "_"))
}

fn complete_operation(operation: &mut Operation) {
    let has_parameters = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    let mut answers: Vec<(&str, &str)> = OF_ALL.to_vec();
    if has_parameters {
        answers.extend(OF_PARAMETERS);
    }
    if operation.request_body.is_some() {
        answers.extend(OF_BODIES);
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in answers {
        if !responses.contains_key(status) {
            let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("ErrorBody"))));
            let mut response = Response::new(description);
            response.content.insert("application/json".into(), RefOr::T(content));
            responses.insert(status.into(), RefOr::T(response));
        }
    }
    // What a status means is said where nothing else is.
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            meaning(status).clone_into(&mut response.description);
        }
    }
}

fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "As it is now",
        "201" => "It was made",
        "202" => "It is accepted",
        "204" => "It is done",
        "400" => "The request is wrong",
        "404" => "There is no such thing",
        "409" => "It cannot be done as things stand",
        "412" => "Somebody else changed it",
        "413" => "It is too long",
        "422" => "It cannot be done",
        "428" => "If-Match is missing",
        "503" => "The server cannot do it now",
        _ => "See `error`",
    }
}

/// A table of all routes in Markdown.
pub fn table(document: &OpenApi) -> String {
    let mut rows: BTreeMap<(String, usize), String> = BTreeMap::new();
    for (path, item) in &document.paths.paths {
        let methods =
            [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
        for (order, (method, operation)) in methods.into_iter().enumerate() {
            let Some(operation) = operation else { continue };
            let about = operation.summary.as_deref().unwrap_or_default().replace('\n', " ");
            let about = about.trim();
            let about = about.split_once(". ").map_or(about, |(first, _)| first).trim_end_matches('.');
            let statuses: Vec<&str> = operation.responses.responses.keys().map(String::as_str).collect();
            let row = format!("| `{method} {path}` | {about} | {} |", statuses.join(" "));
            rows.insert((path.clone(), order), row);
        }
    }
    let mut table = String::from("| route | what | answers |\n|---|---|---|\n");
    for row in rows.values() {
        let _ = writeln!(table, "{row}");
    }
    table
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::table;

    /// Where the table is in its page.
    const BEGIN: &str = "<!-- routes -->\n";
    const END: &str = "<!-- end of routes -->";

    /// Compares a file with what it should be; `EZ_UPDATE_DOCS=1` writes it.
    fn compare(path: &str, expected: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(path);
        if std::env::var_os("EZ_UPDATE_DOCS").is_some() {
            fs::write(&path, expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{} is old: EZ_UPDATE_DOCS=1 cargo test -p ez-server document",
            path.display()
        );
    }

    #[test]
    fn the_committed_document_is_that_of_the_routes() {
        let document = crate::api::routes().1;
        compare("openapi.json", &format!("{}\n", document.to_pretty_json().unwrap()));
    }

    #[test]
    fn the_page_has_all_routes() {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md")).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let routes = table(&crate::api::routes().1);
        compare("api.md", &format!("{before}{BEGIN}{routes}{END}{after}"));
    }

    /// The names of the fields of a schema, with those of the schemas that it is made of.
    fn fields(schemas: &Value, schema: &Value) -> Vec<String> {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return fields(schemas, &schemas[name]);
        }
        let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        let parts = schema["allOf"].as_array().into_iter().flatten();
        own.chain(parts.flat_map(|part| fields(schemas, part))).collect()
    }

    #[test]
    fn no_answer_has_two_fields_of_one_name() {
        let document = serde_json::to_value(crate::api::routes().1).unwrap();
        let schemas = &document["components"]["schemas"];
        for (name, schema) in schemas.as_object().unwrap() {
            let mut names = fields(schemas, schema);
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{name} has a field twice: {names:?}");
        }
    }
}
