//! The `OpenAPI` document as a page for people: one file, without scripts, and nothing of it comes from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::Html;
use serde_json::Value;

/// What the page may load: nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("document_page.css");

/// The methods in the order in which they stand.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The description of these routes as a page. Needs no token.
#[utoipa::path(get, path = "/docs", security(()), responses((status = 200, body = String, content_type = "text/html")))]
pub async fn show() -> ([(HeaderName, &'static str); 2], Html<String>) {
    let document = serde_json::to_value(super::routes().1).unwrap_or_default();
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (CONTENT_TYPE, "text/html; charset=utf-8")];
    (headers, Html(page(&document)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text in which what stands between backticks is code.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (number, part) in escaped(text).split('`').enumerate() {
        let (begin, end) = if number % 2 == 1 { ("<code>", "</code>") } else { ("", "") };
        html.extend([begin, part, end]);
    }
    html
}

fn words<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn page(document: &Value) -> String {
    let mut groups: BTreeMap<&str, String> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let short = path.strip_prefix("/api/v1/").unwrap_or(path);
        let group = short.split(['/', '.']).next().unwrap_or_default();
        for method in METHODS.iter().filter(|method| item[**method].is_object()) {
            *groups.entry(group).or_default() += &operation(document, method, path, &item[*method]);
        }
    }
    let links: String =
        groups.keys().fold(String::new(), |all, group| all + &format!("<a href=\"#{group}\">{group}</a> "));
    let sections = groups.iter().fold(String::new(), |all, (group, rows)| {
        all + &format!("<section id=\"{group}\"><h2>{group}</h2>{rows}</section>")
    });
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>EZ server: API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\
         <header><h1>EZ server: API</h1><p>{}. The same for programs is <a href=\"openapi.json\">openapi.json</a>. \
         A token goes into <code>Authorization: Bearer ez_…</code>; lists are objects with the plural name, errors are \
         <code>{{\"error\": …, \"details\"?: …}}</code>.</p><nav>{links}</nav></header><main>{sections}</main></body></html>",
        prose(words(&document["info"], "description"))
    )
}

fn operation(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let summary = words(operation, "summary");
    let about = format!("{summary} {}", words(operation, "description"));
    let first = summary.split_once(". ").map_or(summary, |(first, _)| first);
    let mut html = format!(
        "<details><summary><b class=\"{method}\">{}</b> <code>{}</code> <span>{}</span></summary><p>{}</p>",
        method.to_uppercase(),
        escaped(path),
        prose(first.trim_end_matches('.')),
        prose(&about)
    );
    let parameters: String =
        operation["parameters"].as_array().into_iter().flatten().fold(String::new(), |all, it| {
            all + &row(
                words(it, "name"),
                words(it, "in"),
                it["required"] == true,
                &it["schema"],
                words(it, "description"),
            )
        });
    html += &table("Parameters", "in", &parameters);
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        html += &table(
            &format!("Body, <code>{}</code>", escaped(kind)),
            "",
            &fields(document, &content["schema"]),
        );
    }
    html += "<h3>Answers</h3><dl>";
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let _ = write!(html, "<dt>{}</dt><dd>{}", escaped(status), prose(words(answer, "description")));
        for (kind, content) in answer["content"].as_object().into_iter().flatten() {
            let name = type_of(&content["schema"]);
            let _ = write!(html, " <code>{}</code> {}", escaped(kind), escaped(&name));
        }
        html += "</dd>";
        if status.starts_with('2') {
            let schema = &answer["content"]["application/json"]["schema"];
            let rows = fields(document, schema);
            if !rows.is_empty() {
                let _ = write!(html, "<dd>{}</dd>", table("", "", &rows));
            }
        }
    }
    html + "</dl></details>"
}

fn table(title: &str, place: &str, rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let title = if title.is_empty() { String::new() } else { format!("<h3>{title}</h3>") };
    format!("{title}<table><tr><th>name</th><th>{place}</th><th>type</th><th>what</th></tr>{rows}</table>")
}

fn row(name: &str, place: &str, is_required: bool, schema: &Value, about: &str) -> String {
    let mark = if is_required { "<b title=\"must be there\">*</b>" } else { "" };
    format!(
        "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escaped(name),
        escaped(place),
        escaped(&type_of(schema)),
        prose(about)
    )
}

/// The fields of an object, and of those that it consists of.
fn fields(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let own =
        schema["properties"].as_object().into_iter().flatten().fold(String::new(), |all, (name, field)| {
            all + &row(name, "", required.contains(&name.as_str()), field, words(field, "description"))
        });
    let parts = schema["allOf"].as_array().into_iter().flatten();
    parts.fold(own, |all, part| all + &fields(document, part))
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

/// What a value is, in a word.
fn type_of(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(all) = schema["enum"].as_array() {
        return all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    if let Some(any) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return any.iter().map(type_of).filter(|name| name != "null").collect::<Vec<_>>().join(" or ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    match kinds.as_slice() {
        ["array"] => format!("list of {}", type_of(&schema["items"])),
        kinds => kinds.join(" or "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{page, type_of};

    #[test]
    fn the_page_has_every_route_and_nothing_that_is_not_escaped() {
        let document = serde_json::to_value(crate::api::routes().1).unwrap();
        let page = page(&document);
        for (path, item) in document["paths"].as_object().unwrap() {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            assert!(!item.as_object().unwrap().is_empty());
        }
        assert!(!page.contains("<script") && !page.contains("http://") && page.ends_with("</html>"));
        let hostile =
            json!({"paths": {"/api/v1/x": {"get": {"summary": "a <script>`b` & \"c\"", "responses": {}}}}});
        let page = super::page(&hostile);
        assert!(page.contains("a &lt;script&gt;<code>b</code> &amp; &quot;c&quot;"), "{page}");
    }

    #[test]
    fn types_are_told_in_words() {
        assert_eq!(type_of(&json!({"type": ["string", "null"]})), "string");
        assert_eq!(
            type_of(&json!({"type": "array", "items": {"$ref": "#/components/schemas/Job"}})),
            "list of Job"
        );
        assert_eq!(type_of(&json!({"oneOf": [{"type": "null"}, {"$ref": "#/x/Y"}]})), "Y");
    }
}
