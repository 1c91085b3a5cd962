//! Messages that some editors send without what the protocol asks for, where nothing hangs on it.

use serde_json::Value;
use tower_lsp::jsonrpc::Request;

/// A message with what is missing. Neovim leaves out how a completion was asked for, unless its caller says so.
pub fn mend(request: Request) -> Request {
    let has_context = matches!(request.method(), "textDocument/completion" | "textDocument/signatureHelp");
    let is_complete = |context: &Value| {
        context.get("triggerKind").is_some_and(Value::is_number)
            && (request.method() == "textDocument/completion"
                || context.get("isRetrigger").is_some_and(Value::is_boolean))
    };
    let context = request.params().and_then(|params| params.get("context")).filter(|_| has_context);
    if context.is_none_or(is_complete) {
        return request;
    }
    let (method, id, params) = request.into_parts();
    let mut params = params.unwrap_or_default();
    if let Some(params) = params.as_object_mut() {
        params.remove("context");
    }
    let built = Request::build(method).params(params);
    match id {
        Some(id) => built.id(id).finish(),
        None => built.finish(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_context_that_says_nothing_is_left_out() {
        let mended = |method: &'static str, context: Value| {
            let request = Request::build(method).id(1).params(json!({"context": context, "x": 1})).finish();
            mend(request).params().cloned().unwrap_or_default()
        };
        assert_eq!(mended("textDocument/completion", json!({})), json!({"x": 1}));
        let whole = json!({"triggerKind": 1});
        assert_eq!(mended("textDocument/completion", whole.clone()), json!({"context": whole, "x": 1}));
        assert_eq!(mended("textDocument/signatureHelp", whole.clone()), json!({"x": 1}));
        assert_eq!(mended("textDocument/hover", json!({})), json!({"context": {}, "x": 1}));
    }
}
