//! An example of each function.

use super::find;

/// A call of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// What stands between the braces.
    pub expression: &'static str,
    /// What it gives; `None` where that depends on the machine or the moment.
    pub result: Option<&'static str>,
}

/// The example of a function; of further names that of the first.
pub fn example(name: &str) -> Option<Example> {
    let row = |name: &str| EXAMPLES.iter().find(|(known, ..)| *known == name);
    let first = first_name(name);
    let (_, expression, result) = row(name).or_else(|| row(first?)).or_else(|| row(first_name(first?)?))?;
    Some(Example { expression, result: (!result.is_empty()).then_some(*result) })
}

/// The function that another only repeats.
fn first_name(name: &str) -> Option<&'static str> {
    let documentation = find(name)?.documentation;
    let rest = ["Old name of ", "Short name of ", "As "]
        .iter()
        .find_map(|start| documentation.strip_prefix(start))?;
    rest.split(['.', ',', ';']).next()
}

/// Names, expressions and what they give; nothing where that depends on the machine or the moment.
#[rustfmt::skip]
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("and", r#"and true """#, ""),
    ("or", r#"or "" "fallback""#, "fallback"),
    ("not", r#"not """#, "true"),
    ("index", r#"index (list "a" "b") 1"#, "b"),
    ("slice", "slice (list 1 2 3) 1 3", "[2 3]"),
    ("len", r#"len "héllo""#, "6"),
    ("print", r#"print "a" 1 2"#, "a1 2"),
    ("printf", r#"printf "%s-%03d" "v" 7"#, "v-007"),
    ("println", r#"println "a" "b""#, "a b\n"),
    ("html", r#"html "<a>""#, "&lt;a&gt;"),
    ("js", r#"js "it's""#, r"it\'s"),
    ("urlquery", r#"urlquery "a b&c""#, "a+b%26c"),
    ("eq", r#"eq "linux" "linux""#, "true"),
    ("ne", "ne 1 2", "true"),
    ("lt", "lt 1 2", "true"),
    ("le", "le 2 2", "true"),
    ("gt", "gt 1 2", "false"),
    ("ge", "ge 2 1", "true"),
    ("sha1sum", r#"sha1sum "a""#, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    ("sha256sum", r#"sha256sum "a""#, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("adler32sum", r#"adler32sum "a""#, "6422626"),
    ("now", "now", ""),
    ("date", r#"date "2006-01-02" 0"#, ""),
    ("dateInZone", r#"dateInZone "2006-01-02 15:04" 0 "UTC""#, ""),
    ("htmlDate", "htmlDate 0", ""),
    ("htmlDateInZone", r#"htmlDateInZone 0 "UTC""#, ""),
    ("dateModify", r#"now | dateModify "-24h" | htmlDate"#, ""),
    ("toDate", r#"toDate "2006-01-02" "2026-11-21" | unixEpoch"#, ""),
    ("unixEpoch", "now | unixEpoch", ""),
    ("ago", "ago now", ""),
    ("duration", r#"duration "3661""#, ""),
    ("durationRound", r#"durationRound "26h5m""#, ""),
    ("default", r#"default "dev" """#, "dev"),
    ("empty", "empty (list)", "true"),
    ("coalesce", r#"coalesce "" 0 "c""#, "c"),
    ("all", r#"all "a" 0"#, "false"),
    ("any", r#"any "" 1"#, "true"),
    ("ternary", r#"ternary "yes" "no" (eq 1 1)"#, "yes"),
    ("fail", r#"fail "VERSION is missing""#, ""),
    ("dict", r#"dict "a" 1 "b" 2"#, "map[a:1 b:2]"),
    ("get", r#"get (dict "a" 1) "a""#, "1"),
    ("set", r#"set (dict "a" 1) "b" 2"#, "map[a:1 b:2]"),
    ("unset", r#"unset (dict "a" 1 "b" 2) "a""#, "map[b:2]"),
    ("hasKey", r#"hasKey (dict "a" 1) "b""#, "false"),
    ("pluck", r#"pluck "a" (dict "a" 1) (dict "a" 2)"#, "[1 2]"),
    ("keys", r#"keys (dict "a" 1 "b" 2)"#, "[a b]"),
    ("values", r#"values (dict "a" 1 "b" 2)"#, "[1 2]"),
    ("pick", r#"pick (dict "a" 1 "b" 2) "a""#, "map[a:1]"),
    ("omit", r#"omit (dict "a" 1 "b" 2) "a""#, "map[b:2]"),
    ("dig", r#"dig "a" "b" "none" (dict "a" (dict "b" 1))"#, "1"),
    ("merge", r#"merge (dict "a" 1) (dict "a" 2 "b" 3)"#, "map[a:2 b:3]"),
    ("b64enc", r#"b64enc "hello""#, "aGVsbG8="),
    ("b64dec", r#"b64dec "aGVsbG8=""#, "hello"),
    ("b32enc", r#"b32enc "hello""#, "NBSWY3DP"),
    ("b32dec", r#"b32dec "NBSWY3DP""#, "hello"),
    ("fromJson", r#"(fromJson "{\"a\": [1, 2]}").a"#, "[1 2]"),
    ("toJson", r#"toJson (dict "a" (list 1 2))"#, r#"{"a":[1,2]}"#),
    ("toPrettyJson", r#"toPrettyJson (dict "a" 1)"#, "{\n  \"a\": 1\n}"),
    ("toRawJson", r#"toRawJson "a < b""#, r#""a < b""#),
    ("list", r#"list 1 "b" true"#, "[1 b true]"),
    ("first", "first (list 1 2 3)", "1"),
    ("last", "last (list 1 2 3)", "3"),
    ("rest", "rest (list 1 2 3)", "[2 3]"),
    ("initial", "initial (list 1 2 3)", "[1 2]"),
    ("append", "append (list 1 2) 3", "[1 2 3]"),
    ("prepend", "prepend (list 1 2) 0", "[0 1 2]"),
    ("concat", "concat (list 1) (list 2 3)", "[1 2 3]"),
    ("reverse", "reverse (list 1 2 3)", "[3 2 1]"),
    ("uniq", "uniq (list 1 2 1)", "[1 2]"),
    ("without", "without (list 1 2 3) 2", "[1 3]"),
    ("compact", r#"compact (list "a" "" "b")"#, "[a b]"),
    ("has", "has 2 (list 1 2)", "true"),
    ("chunk", "chunk 2 (list 1 2 3)", "[[1 2] [3]]"),
    ("add", "add 1 2 3", "6"),
    ("add1", "add1 1", "2"),
    ("sub", "sub 5 2", "3"),
    ("mul", "mul 2 3", "6"),
    ("div", "div 7 2", "3"),
    ("mod", "mod 7 2", "1"),
    ("max", "max 1 5 3", "5"),
    ("min", "min 4 2 3", "2"),
    ("maxf", "maxf 1.5 2", "2"),
    ("minf", "minf 1.5 2", "1.5"),
    ("floor", "floor 1.7", "1"),
    ("ceil", "ceil 1.2", "2"),
    ("round", "round 3.14159 2", "3.14"),
    ("atoi", r#"atoi "42""#, "42"),
    ("int", r#"int "42""#, "42"),
    ("int64", r#"int64 "42""#, "42"),
    ("float64", r#"float64 "1.5""#, "1.5"),
    ("toDecimal", r#"toDecimal "0755""#, "493"),
    ("until", "until 3", "[0 1 2]"),
    ("untilStep", "untilStep 0 10 3", "[0 3 6 9]"),
    ("seq", "seq 1 3", "1 2 3"),
    ("base", r#"base "src/main.go""#, "main.go"),
    ("dir", r#"dir "src/main.go""#, "src"),
    ("clean", r#"clean "a//b/../c""#, "a/c"),
    ("ext", r#"ext "main.go""#, ".go"),
    ("isAbs", r#"isAbs "/bin""#, "true"),
    ("osBase", r#"osBase "src/main.go""#, "main.go"),
    ("osDir", r#"osDir "src/main.go""#, "src"),
    ("osClean", r#"osClean "a//b/../c""#, "a/c"),
    ("osExt", r#"osExt "main.go""#, ".go"),
    ("osIsAbs", r#"osIsAbs "/bin""#, "true"),
    ("joinPath", r#"joinPath "a" "../b" "c""#, "b/c"),
    ("relPath", r#"relPath "/a/b" "/a/c""#, "../c"),
    ("absPath", r#"absPath "bin""#, ""),
    ("joinEnv", r#"joinEnv "/bin" "/usr/bin""#, ""),
    ("fromSlash", r#"fromSlash "a/b""#, ""),
    ("toSlash", r#"toSlash "a/b""#, ""),
    ("typeOf", "typeOf (list 1)", "[]interface {}"),
    ("typeIs", r#"typeIs "string" "a""#, "true"),
    ("typeIsLike", r#"typeIsLike "int" 1"#, "true"),
    ("kindOf", "kindOf (list 1)", "slice"),
    ("kindIs", r#"kindIs "slice" (list 1)"#, "true"),
    ("deepEqual", "deepEqual (list 1) (list 1)", "true"),
    ("regexMatch", r#"regexMatch "^v[0-9]+" "v12""#, "true"),
    ("regexFind", r#"regexFind "[0-9]+" "a12b3""#, "12"),
    ("regexFindAll", r#"regexFindAll "[0-9]" "a1b2" -1"#, "[1 2]"),
    ("regexReplaceAll", r#"regexReplaceAll "a(.)" "abac" "$1""#, "bc"),
    ("regexReplaceAllLiteral", r#"regexReplaceAllLiteral "a." "abac" "x""#, "xx"),
    ("regexSplit", r#"regexSplit ", *" "a, b,c" -1"#, "[a b c]"),
    ("regexQuoteMeta", r#"regexQuoteMeta "1.5""#, r"1\.5"),
    ("shellQuote", r#"shellQuote "it's here""#, r#""it's here""#),
    ("splitArgs", r#"splitArgs "a 'b c' d""#, ""),
    ("trim", r#"trim "  a ""#, "a"),
    ("trimAll", r#"trimAll "-" "--a-""#, "a"),
    ("trimPrefix", r#"trimPrefix "v" "v1.2""#, "1.2"),
    ("trimSuffix", r#"trimSuffix ".go" "main.go""#, "main"),
    ("upper", r#"upper "abc""#, "ABC"),
    ("lower", r#"lower "ABC""#, "abc"),
    ("title", r#"title "hello world""#, "Hello World"),
    ("trunc", r#"trunc 3 "abcdef""#, "abc"),
    ("substr", r#"substr 1 3 "abcdef""#, "bc"),
    ("repeat", r#"repeat 3 "ab""#, "ababab"),
    ("contains", r#"contains "ell" "hello""#, "true"),
    ("hasPrefix", r#"hasPrefix "v" "v1.2""#, "true"),
    ("hasSuffix", r#"hasSuffix ".go" "main.go""#, "true"),
    ("quote", r#"quote "a" "b""#, r#""a" "b""#),
    ("squote", r#"squote "a" "b""#, "'a' 'b'"),
    ("cat", r#"cat "a" 1 "b""#, "a 1 b"),
    ("indent", r#"indent 2 "a""#, "  a"),
    ("nindent", r#"nindent 2 "a""#, "\n  a"),
    ("replace", r#"replace "-" "_" "a-b-c""#, "a_b_c"),
    ("plural", r#"plural "file" "files" 2"#, "files"),
    ("toString", "toString 1.5", "1.5"),
    ("toStrings", "toStrings (list 1 2)", "[1 2]"),
    ("join", r#"join ", " (list "a" "b")"#, "a, b"),
    ("split", r#"(split "." "1.2.3")._1"#, "2"),
    ("splitn", r#"(splitn "." 2 "1.2.3")._1"#, "2.3"),
    ("splitList", r#"splitList "," "a,b""#, "[a b]"),
    ("sortAlpha", r#"sortAlpha (list "b" "a")"#, "[a b]"),
    ("catLines", r#"catLines "a\nb""#, "a b"),
    ("splitLines", r#"splitLines "a\nb""#, "[a b]"),
    ("hello", "hello", "Hello!"),
    ("OS", "OS", ""),
    ("ARCH", "ARCH", ""),
    ("numCPU", "numCPU", ""),
    ("exeExt", r#"print "ez" exeExt"#, ""),
    ("IsSH", "IsSH", ""),
    ("env", r#"env "HOME""#, ""),
    ("expandenv", r#"expandenv "$HOME/bin""#, ""),
    ("uuid", "uuid", ""),
    ("randInt", "randInt 1 7", ""),
    ("randIntN", "randIntN 6", ""),
    ("getHostByName", r#"getHostByName "localhost""#, ""),
    ("urlParse", r#"(urlParse "https://a.org/b").host"#, "a.org"),
    ("urlJoin", r#"urlJoin (dict "scheme" "https" "host" "a.org" "path" "/b")"#, "https://a.org/b"),
    ("joinUrl", r#"joinUrl "https://a.org" "b" "c""#, "https://a.org/b/c"),
    ("fromYaml", r#"(fromYaml "a: [1, 2]").a"#, "[1 2]"),
    ("toYaml", r#"toYaml (dict "a" (list 1))"#, "a:\n    - 1\n"),
    ("spew", r#"spew "a""#, "(string) (len=1) \"a\"\n"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use smol_str::SmolStr;

    use super::*;
    use crate::template::functions::all;
    use crate::template::{PureHost, Value, render};

    /// Ends the evaluation.
    const FAILS: &str = "fail";
    /// Takes functions as values, which nothing in a Taskfile gives.
    const WITHOUT: &[&str] = &["call"];

    #[test]
    fn every_function_has_an_example() {
        let missing: Vec<&str> = all()
            .map(|function| function.name)
            .filter(|name| !WITHOUT.contains(name) && example(name).is_none())
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn examples_are_true() {
        let mut wrong = Vec::new();
        for (name, expression, expected) in EXAMPLES {
            let function = find(name).unwrap_or_else(|| panic!("{name}"));
            assert!(expression.contains(name), "{name}");
            let scope: BTreeMap<SmolStr, Value> = BTreeMap::new();
            let result = render(&format!("{{{{{expression}}}}}"), &scope, &PureHost);
            let is_constant = function.pure && *name != FAILS;
            let result =
                if is_constant { result.map_err(|error| error.message) } else { Ok(SmolStr::default()) };
            if result.as_deref() != Ok(*expected) {
                wrong.push(format!("{name}|{}", result.unwrap_or_else(SmolStr::from)));
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\u{1}"));
    }
}
