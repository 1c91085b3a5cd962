//! go-task's own words on standard output and standard error.

use std::cell::RefCell;
use std::io::Write;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::event::{Color, CommandStyle, Event, EventKind, EventSink, Stream};
use crate::go_text::quote;

/// Escape sequences of colours: the numbers between `ESC [` and `m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Of [`Color::Default`].
    pub default: SmolStr,
    /// Of [`Color::Green`].
    pub green: SmolStr,
    /// Of [`Color::Yellow`].
    pub yellow: SmolStr,
    /// Of [`Color::Magenta`].
    pub magenta: SmolStr,
    /// Of [`Color::Red`].
    pub red: SmolStr,
    /// Of prefixes, in turn.
    pub prefixes: Vec<SmolStr>,
}

impl Default for Palette {
    fn default() -> Self {
        Self {
            default: "0".into(),
            green: "32".into(),
            yellow: "33".into(),
            magenta: "35".into(),
            red: "31".into(),
            prefixes: ["33", "34", "35", "36", "32", "31", "93", "94", "95", "96", "92", "91"]
                .map(Into::into)
                .into(),
        }
    }
}

impl Palette {
    fn numbers(&self, color: Color) -> &str {
        match color {
            Color::Default => &self.default,
            Color::Green => &self.green,
            Color::Yellow => &self.yellow,
            Color::Magenta => &self.magenta,
            Color::Red => &self.red,
        }
    }
}

/// Writes go-task's words.
pub struct Plain<O: Write, E: Write> {
    palette: Option<Palette>,
    state: RefCell<State<O, E>>,
}

struct State<O, E> {
    stdout: O,
    stderr: E,
    /// Commands whose output is not passed on as it comes, by call and index.
    pending: FxHashMap<(u64, usize), Pending>,
    /// Prefixes in the order in which they first wrote.
    seen: Vec<SmolStr>,
}

struct Pending {
    style: CommandStyle,
    buffer: Vec<u8>,
}

impl<O: Write, E: Write> Plain<O, E> {
    /// Writes to two streams, in colour where a palette is given.
    pub fn new(stdout: O, stderr: E, palette: Option<Palette>) -> Self {
        let state = State { stdout, stderr, pending: FxHashMap::default(), seen: Vec::new() };
        Self { palette, state: RefCell::new(state) }
    }

    fn colored(&self, numbers: impl FnOnce(&Palette) -> String, text: &str) -> String {
        match &self.palette {
            Some(palette) => format!("\u{1b}[{}m{text}\u{1b}[0m", numbers(palette)),
            None => text.to_owned(),
        }
    }

    fn say(&self, stream: Stream, color: Color, text: &str) {
        let text = self.colored(|palette| palette.numbers(color).to_owned(), text);
        self.state.borrow_mut().write(stream, text.as_bytes());
    }

    fn begin(&self, key: (u64, usize), style: &CommandStyle) {
        let pending = Pending { style: style.clone(), buffer: Vec::new() };
        self.state.borrow_mut().pending.insert(key, pending);
    }

    fn output(&self, key: (u64, usize), stream: Stream, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        let ready = match state.pending.get_mut(&key) {
            None | Some(Pending { style: CommandStyle::Interleaved, .. }) => {
                state.write(stream, bytes);
                return;
            }
            Some(Pending { style: CommandStyle::Group { .. }, buffer }) => {
                buffer.extend_from_slice(bytes);
                return;
            }
            Some(Pending { style: CommandStyle::Prefixed { prefix }, buffer }) => {
                buffer.extend_from_slice(bytes);
                let end = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
                (prefix.clone(), buffer.drain(..end).collect::<Vec<u8>>())
            }
        };
        let (prefix, lines) = ready;
        self.write_prefixed(&mut state, &prefix, &lines);
    }

    fn write_prefixed(&self, state: &mut State<O, E>, prefix: &SmolStr, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let index = state.seen.iter().position(|seen| seen == prefix).unwrap_or_else(|| {
            state.seen.push(prefix.clone());
            state.seen.len() - 1
        });
        let numbers = |palette: &Palette| {
            let count = palette.prefixes.len().max(1);
            palette.prefixes.get(index % count).map(ToString::to_string).unwrap_or_default()
        };
        let head = format!("[{}] ", self.colored(numbers, prefix));
        let mut text = Vec::with_capacity(lines.len() + head.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            text.extend_from_slice(head.as_bytes());
            text.extend_from_slice(line);
            if line.last() != Some(&b'\n') {
                text.push(b'\n');
            }
        }
        state.write(Stream::Stdout, &text);
    }

    fn finish(&self, key: (u64, usize), failed: bool) {
        let mut state = self.state.borrow_mut();
        let Some(Pending { style, buffer }) = state.pending.remove(&key) else { return };
        match style {
            CommandStyle::Interleaved => {}
            CommandStyle::Prefixed { prefix } => self.write_prefixed(&mut state, &prefix, &buffer),
            CommandStyle::Group { begin, end, error_only } => {
                if buffer.is_empty() || (error_only && !failed) {
                    return;
                }
                let mut text = Vec::with_capacity(buffer.len() + begin.len() + end.len() + 2);
                if !begin.is_empty() {
                    text.extend_from_slice(begin.as_bytes());
                    text.push(b'\n');
                }
                text.extend_from_slice(&buffer);
                if !end.is_empty() {
                    text.extend_from_slice(end.as_bytes());
                    text.push(b'\n');
                }
                state.write(Stream::Stdout, &text);
            }
        }
    }
}

impl<O: Write, E: Write> State<O, E> {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        // A reader that went away is not our failure: what is left is simply not shown.
        let _ = match stream {
            Stream::Stdout => self.stdout.write_all(bytes).and_then(|()| self.stdout.flush()),
            Stream::Stderr => self.stderr.write_all(bytes).and_then(|()| self.stderr.flush()),
        };
    }
}

impl<O: Write, E: Write> EventSink for Plain<O, E> {
    fn emit(&self, event: &Event) {
        let key = |index: usize| (event.call.unwrap_or_default(), index);
        match &event.kind {
            EventKind::TaskUpToDate { name, shown: true } => {
                self.say(
                    Stream::Stderr,
                    Color::Magenta,
                    &format!("task: Task {} is up to date\n", quote(name)),
                );
            }
            EventKind::Command { index, name, text, shown, runs, style } => {
                if *shown {
                    self.say(Stream::Stderr, Color::Green, &format!("task: [{name}] {text}\n"));
                }
                if let (Some(style), true) = (style, runs) {
                    self.begin(key(*index), style);
                }
            }
            EventKind::Output { index, stream, bytes } => self.output(key(*index), *stream, bytes),
            EventKind::CommandFinished { index, exit, .. } => self.finish(key(*index), *exit != Some(0)),
            EventKind::Message { color, stream, text, .. } => self.say(*stream, *color, text),
            EventKind::RunStarted { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSkipped { .. }
            | EventKind::TaskUpToDate { shown: false, .. }
            | EventKind::TaskFinished { .. }
            | EventKind::HookStarted { .. }
            | EventKind::HookFinished { .. }
            | EventKind::TaskRetried { .. }
            | EventKind::RunFinished { .. }
            | EventKind::PlanStarted { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepOutput { .. }
            | EventKind::StepRetried { .. }
            | EventKind::StepWaiting { .. }
            | EventKind::StepWarning { .. }
            | EventKind::StepFinished { .. }
            | EventKind::PlanFinished { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EVENT_VERSION;

    fn show(palette: Option<Palette>, kinds: Vec<EventKind>) -> (String, String) {
        let plain = Plain::new(Vec::new(), Vec::new(), palette);
        for kind in kinds {
            plain.emit(&Event {
                version: EVENT_VERSION,
                run_id: "r".into(),
                attempt: 1,
                seq: 1,
                time: std::time::SystemTime::UNIX_EPOCH,
                task: None,
                call: Some(1),
                step: None,
                kind,
            });
        }
        let State { stdout, stderr, .. } = plain.state.into_inner();
        (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    fn command(style: CommandStyle) -> EventKind {
        let (name, text) = ("t".into(), "echo".into());
        EventKind::Command { index: 0, name, text, shown: true, runs: true, style: Some(style) }
    }

    fn output(stream: Stream, text: &str) -> EventKind {
        EventKind::Output { index: 0, stream, bytes: text.as_bytes().to_vec() }
    }

    fn end(exit: u8) -> EventKind {
        EventKind::CommandFinished { index: 0, exit: Some(exit), duration: std::time::Duration::ZERO }
    }

    #[test]
    fn groups_come_in_one_piece() {
        let group = |error_only| CommandStyle::Group { begin: "<".into(), end: ">".into(), error_only };
        let (a, b) = (output(Stream::Stdout, "a\n"), output(Stream::Stderr, "b\n"));
        let shown = |style, exit| show(None, vec![command(style), a.clone(), b.clone(), end(exit)]).0;
        assert_eq!(shown(group(false), 0), "<\na\nb\n>\n");
        assert_eq!(shown(group(true), 0), "");
        assert_eq!(shown(group(true), 1), "<\na\nb\n>\n");
    }

    #[test]
    fn prefixes_stand_before_each_line() {
        let style = CommandStyle::Prefixed { prefix: "p".into() };
        let parts = vec![command(style), output(Stream::Stdout, "a\nb"), output(Stream::Stdout, "c"), end(0)];
        assert_eq!(show(None, parts.clone()).0, "[p] a\n[p] bc\n");
        let (stdout, stderr) = show(Some(Palette::default()), parts);
        assert_eq!(stdout, "[\u{1b}[33mp\u{1b}[0m] a\n[\u{1b}[33mp\u{1b}[0m] bc\n");
        assert_eq!(stderr, "\u{1b}[32mtask: [t] echo\n\u{1b}[0m");
    }
}
