//! Shell scripts with Go templates in them, before the templates are rendered.
//!
//! Such a script is not shell text. It is judged through several *masks*: texts of the same length in which every
//! action is replaced by something that it may print: a word, nothing, a command. Only what is wrong under all of them is
//! taken for wrong. That a value prints half a construct, as a parenthesis alone, is not thought of.

use super::ast::{Script, TextRange};
use super::error::SyntaxError;
use super::parse::parse;

/// What an action of a template does for the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Prints a value.
    Value,
    /// Prints nothing.
    Silent,
    /// `if`, `range`, `with`, `define`, `block`
    Open,
    /// `else`
    Else,
    /// `end`
    End,
}

#[derive(Clone, Copy, Debug)]
struct Action {
    range: TextRange,
    role: Role,
    trims_left: bool,
    trims_right: bool,
}

/// What stands in for the values of templates, and which branches stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Values are words; all branches stay.
    Words,
    /// Values are empty; all branches stay.
    Nothing,
    /// Values where a command begins are whole commands, with `;`; others are words.
    Commands,
    /// Values are words; of each `if`, `with` and `range` only the first branch stays.
    FirstBranches,
    /// Values are words; only the last branch stays.
    LastBranches,
    /// Values are words; no branch stays.
    NoBranches,
}

const MASKS: [Mask; 6] =
    [Mask::Words, Mask::Nothing, Mask::Commands, Mask::FirstBranches, Mask::LastBranches, Mask::NoBranches];

/// A script in which the actions of templates were replaced, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The text, as long as the original.
    pub text: String,
    /// Where the actions were, in the order of the text.
    pub actions: Vec<TextRange>,
}

impl Masked {
    /// Whether a range touches what a template prints.
    pub fn touches(&self, range: TextRange) -> bool {
        let end = range.end.max(range.start + 1);
        let first = self.actions.partition_point(|action| action.end <= range.start);
        self.actions.get(first).is_some_and(|action| action.start < end)
    }
}

/// Replaces the actions of templates. `None` where an action has no end: then it is no template.
pub fn mask_templates(text: &str, mask: Mask) -> Option<Masked> {
    let actions = actions(text)?;
    Some(masked(text, &actions, mask))
}

/// The syntax error of a script, if it has one whatever its templates print.
///
/// Line and column are those in `text` as it stands, unrendered.
pub fn syntax_error(text: &str) -> Option<SyntaxError> {
    if !text.contains("{{") {
        return parse(text).err();
    }
    let actions = actions(text)?;
    let mut found: Option<SyntaxError> = None;
    for mask in MASKS {
        let masked = masked(text, &actions, mask);
        let error = parse(&masked.text).err()?;
        if masked.touches(error.range) {
            return None;
        }
        match &found {
            None => found = Some(error),
            Some(first) if first.range == error.range && first.message == error.message => {}
            Some(_) => return None,
        }
    }
    found.map(|error| at_place_in(text, error))
}

/// Parses a script whose templates are taken for words. `None` where that has a syntax error.
pub fn parse_masked(text: &str) -> Option<(Script, Masked)> {
    if !text.contains("{{") {
        let masked = Masked { text: text.to_owned(), actions: Vec::new() };
        return parse(text).ok().map(|script| (script, masked));
    }
    let masked = mask_templates(text, Mask::Words)?;
    parse(&masked.text).ok().map(|script| (script, masked))
}

fn at_place_in(text: &str, error: SyntaxError) -> SyntaxError {
    let before = text.get(..error.range.start as usize).unwrap_or_default();
    let line = before.matches('\n').count() as u32 + 1;
    let column = (before.len() - before.rfind('\n').map_or(0, |newline| newline + 1)) as u32 + 1;
    SyntaxError { line, column, ..error }
}

fn actions(text: &str) -> Option<Vec<Action>> {
    let mut actions = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("{{") {
        let start = from + found;
        let end = action_end(text, start)?;
        actions.push(action(text, start, end)?);
        from = end;
    }
    Some(actions)
}

/// The offset behind the `}}` of the action at `start`.
fn action_end(text: &str, start: usize) -> Option<usize> {
    let inner = text.get(start + 2..)?;
    let comment = inner.strip_prefix("- ").unwrap_or(inner).trim_start();
    if comment.starts_with("/*") {
        let from = text.len() - comment.len();
        let close = from + comment.find("*/")?;
        return Some(close + text.get(close..)?.find("}}")? + 2);
    }
    let bytes = text.as_bytes();
    let mut at = start + 2;
    loop {
        match *bytes.get(at)? {
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at + 2),
            b'`' => at += 1 + text.get(at + 1..)?.find('`')?,
            quote @ (b'"' | b'\'') => {
                at += 1;
                while *bytes.get(at)? != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn action(text: &str, start: usize, end: usize) -> Option<Action> {
    let inner = text.get(start + 2..end - 2)?;
    let trims_left = inner.starts_with('-') && inner[1..].starts_with(char::is_whitespace);
    let trims_right = inner.ends_with('-') && inner[..inner.len() - 1].ends_with(char::is_whitespace);
    let body =
        inner.get(usize::from(trims_left)..inner.len() - usize::from(trims_right)).unwrap_or_default().trim();
    let word = body.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let role = match word {
        "if" | "range" | "with" | "define" | "block" => Role::Open,
        "else" => Role::Else,
        "end" => Role::End,
        "break" | "continue" => Role::Silent,
        _ if body.starts_with("/*") || is_assignment(body) => Role::Silent,
        _ => Role::Value,
    };
    Some(Action { range: TextRange { start: start as u32, end: end as u32 }, role, trims_left, trims_right })
}

fn is_assignment(body: &str) -> bool {
    let Some(rest) = body.strip_prefix('$') else { return false };
    let rest = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
    rest.starts_with(":=") || (rest.starts_with('=') && !rest.starts_with("=="))
}

fn masked(text: &str, actions: &[Action], mask: Mask) -> Masked {
    let mut bytes = text.as_bytes().to_vec();
    // An action trims what stands between it and its neighbours.
    let mut last_end = 0;
    for action in actions {
        let (filler, rest): (&[u8], u8) = match (action.role, mask) {
            (Role::Value, Mask::Commands) if stands_for_command(text, &bytes, action.range) => (b"x;", b' '),
            (Role::Value, Mask::Nothing) => (b"", b' '),
            (Role::Value, _) => (b"", b'x'),
            _ => (b"", b' '),
        };
        for (index, byte) in bytes[action.range.range()].iter_mut().enumerate() {
            *byte = filler.get(index).copied().unwrap_or(rest);
        }
        if action.trims_left {
            let between = &mut bytes[last_end..action.range.start as usize];
            for byte in between.iter_mut().rev().take_while(|b| b.is_ascii_whitespace()) {
                *byte = b' ';
            }
        }
        last_end = action.range.end as usize;
        if action.trims_right {
            for byte in bytes[action.range.end as usize..].iter_mut().take_while(|b| b.is_ascii_whitespace())
            {
                *byte = b' ';
            }
        }
    }
    let mut removed = removed_branches(actions, mask);
    removed.sort_by_key(|range| range.start);
    let mut done = 0;
    for TextRange { start, end } in removed {
        // Branches in branches are gone already.
        if end > done {
            bytes[start.max(done) as usize..end as usize].fill(b' ');
            done = end;
        }
    }
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Masked { text, actions: actions.iter().map(|action| action.range).collect() }
}

/// Words behind which a command begins.
const COMMAND_FOLLOWS: [&[u8]; 8] = [b"do", b"then", b"else", b"elif", b"if", b"while", b"until", b"!"];
const LONGEST_KEYWORD: usize = 5;

/// Whether a command may begin at an action, and end with it. `before` is masked up to the action.
fn stands_for_command(text: &str, before: &[u8], action: TextRange) -> bool {
    let before = before.get(..action.start as usize).unwrap_or_default();
    let blanks = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let before = &before[..before.len() - blanks];
    let last_word = before.iter().rev().take_while(|byte| !(byte.is_ascii_whitespace() || **byte == b';'));
    // A longer word is none of those that count.
    let length = last_word.take(LONGEST_KEYWORD + 1).count();
    let begins = matches!(before.last(), None | Some(b'\n' | b';' | b'&' | b'|' | b'(' | b'{' | b'}'))
        || COMMAND_FOLLOWS.contains(&&before[before.len() - length..]);
    let behind = text.get(action.end as usize..).unwrap_or_default().trim_start_matches([' ', '\t']);
    begins && !behind.starts_with(['&', '|', ';'])
}

/// The branches that a mask takes out.
fn removed_branches(actions: &[Action], mask: Mask) -> Vec<TextRange> {
    if !matches!(mask, Mask::FirstBranches | Mask::LastBranches | Mask::NoBranches) {
        return Vec::new();
    }
    let mut removed = Vec::new();
    // For each open block the branches that ended, and where the present one began.
    let mut open: Vec<(Vec<TextRange>, u32)> = Vec::new();
    for action in actions {
        match action.role {
            Role::Open => open.push((Vec::new(), action.range.end)),
            Role::Else => {
                if let Some((branches, start)) = open.last_mut() {
                    branches.push(TextRange { start: *start, end: action.range.start });
                    *start = action.range.end;
                }
            }
            Role::End => {
                let Some((mut branches, start)) = open.pop() else { continue };
                branches.push(TextRange { start, end: action.range.start });
                match mask {
                    Mask::FirstBranches => removed.extend(branches.drain(1..)),
                    Mask::LastBranches => removed.extend(branches.drain(..branches.len() - 1)),
                    _ => removed.append(&mut branches),
                }
            }
            Role::Value | Role::Silent => {}
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_the_length() {
        let text = "a {{.X}} {{- if eq \"}}\" `}}`}} b {{else}} c {{end -}}\n d {{/* }} */}} {{$x := 1}}";
        for (mask, expected) in [
            (Mask::Words, "a xxxxxx b c d"),
            (Mask::Nothing, "a b c d"),
            (Mask::Commands, "a xxxxxx b c d"),
            (Mask::FirstBranches, "a xxxxxx b d"),
            (Mask::LastBranches, "a xxxxxx c d"),
            (Mask::NoBranches, "a xxxxxx d"),
        ] {
            let masked = mask_templates(text, mask).unwrap();
            assert_eq!(masked.text.len(), text.len());
            let words: Vec<&str> = masked.text.split_whitespace().collect();
            assert_eq!(words.join(" "), expected, "{mask:?}");
            assert!(!masked.text.contains('\n'), "the newline is trimmed: {mask:?}");
        }
        let commands = mask_templates("{{.X}} a; do {{.Y}} b {{.Z}}\n{{.V}} && c", Mask::Commands).unwrap();
        assert_eq!(commands.text, "x;     a; do x;     b xxxxxx\nxxxxxx && c");
        let words = mask_templates("xdo {{.A}}\nbuilding {{.A}}\nwhile {{.A}}", Mask::Commands).unwrap();
        assert_eq!(words.text, "xdo xxxxxx\nbuilding xxxxxx\nwhile x;    ");
        let nested = "a{{if 1}}b{{if 2}}c{{end}}d{{end}}e{{if 3}}f{{end}}g";
        let without = mask_templates(nested, Mask::NoBranches).unwrap().text;
        assert_eq!(without.split_whitespace().collect::<String>(), "aeg");
        assert_eq!(mask_templates("a {{ b", Mask::Words), None);
        assert_eq!(mask_templates("a {{\"x}}", Mask::Words), None);
    }

    #[test]
    fn only_errors_that_no_template_can_mend_are_reported() {
        for (script, expected) in [
            ("echo (", Some("1:1: `foo(` must be followed by `)`")),
            ("echo \"{{.X}}", Some("1:6: reached EOF without closing quote `\"`")),
            ("echo {{.X}}\nif a; then {{.Y}} b; done", Some("2:22: `done` can only be used to end a loop")),
            ("é {{.X}} && (a", Some("1:14: reached EOF without matching `(` with `)`")),
            ("echo {{.X}}", None),
            ("{{if .X}}if a; then b; fi{{end}}", None),
            ("{{if .X}}if a; then{{else}}if b; then{{end}} c; fi", None),
            ("for i in a; do {{.BODY}} done", None),
            ("for i in {{.L}}; do {{.BODY}} done", None),
            ("{{.CMD}} a )", Some("1:12: a command can only contain words and redirects; encountered `)`")),
            ("{{.PREFIX}} if a; then b; fi", None),
            ("{{range .L}}a {{.}} && {{end}}true", None),
            ("{{range .L}}a {{.}}; {{end}}", None),
            ("a \\\n  {{- if .X}}\n  --b \\\n  {{- end}}\n  c", None),
            ("echo '{{.X | replace \"'\" \"\"}}'", None),
            ("x=$(({{.X}} + 1)); y=${x:-{{.Y}}}", None),
            ("cat <<{{.E}}\n{{.B}}\n{{.E}}", None),
            ("{{.CMD}}", None),
            ("{{ unclosed (", None),
        ] {
            assert_eq!(syntax_error(script).map(|error| error.to_string()).as_deref(), expected, "{script}");
        }
    }

    #[test]
    fn many_actions_are_no_more_work_than_few() {
        for (action, behind) in
            [("\"{{.A}}", ""), ("{{- $x := 1}}", ""), ("{{.A}} ", ""), ("{{if .A}}", "{{end}}")]
        {
            let text = format!("{}{}", action.repeat(10_000), behind.repeat(10_000));
            for mask in MASKS {
                let masked = mask_templates(&text, mask).unwrap();
                let count = 10_000 * (1 + behind.matches("{{").count());
                let touched = (0..text.len() as u32)
                    .step_by(16)
                    .filter(|&start| masked.touches(TextRange { start, end: start }));
                assert!(touched.count() > 0);
                assert_eq!(masked.actions.len(), count);
            }
        }
    }

    #[test]
    fn scripts_with_templates_can_be_parsed() {
        let (script, masked) = parse_masked("echo {{.X}} $Y").unwrap();
        assert_eq!(script.statements.len(), 1);
        assert!(masked.touches(TextRange { start: 5, end: 6 }));
        assert!(!masked.touches(TextRange { start: 12, end: 14 }));
        assert!(parse_masked("echo {{.X}} (").is_none());
    }
}
