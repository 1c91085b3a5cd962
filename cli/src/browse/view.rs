//! How the browser looks.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as TextLine, Span, Text};
use ratatui::widgets::{
    Block, BorderType, Clear, Paragraph, Scrollbar, ScrollbarOrientation, ScrollbarState,
};

use ez_compiler::ast::Param;

use super::entry::{Entry, Kind};
use super::form::{Form, Input};
use super::output::{Line, Look, Run, RunState, Wrap};
use super::state::{Focus, LogRow, Pane, State};

/// Below so many columns only one of tree and pane is shown.
const NARROW: u16 = 64;
/// Columns of the tree, at least and at most.
const TREE_COLUMNS: (u16, u16) = (26, 44);
/// The frames of what turns while something runs, and how long each is shown, in milliseconds.
const SPINNER: ([&str; 8], u128) = (["⠋", "⠙", "⠸", "⢰", "⣠", "⣄", "⡆", "⠇"], 125);

/// The keys, for the help.
const KEYS: &[(&str, &str)] = &[
    ("↑ ↓  PgUp PgDn  Home End", "move, or scroll"),
    ("→ ←  Space", "open and close a namespace"),
    ("/", "search in names, aliases and descriptions"),
    ("Enter", "fill in the params of a task, and run it"),
    ("Ctrl-R", "run from anywhere in the form"),
    ("Ctrl-C", "end the run; twice, at once"),
    ("o", "output of the last run"),
    ("l", "logs of the task"),
    ("Tab", "between the tree and what is beside it"),
    ("r", "read the project again"),
    ("Esc", "back, and out"),
    ("q", "leave"),
];

/// The colours.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Whether there are any.
    pub is_colored: bool,
}

impl Theme {
    fn color(self, color: Color) -> Style {
        if self.is_colored { Style::new().fg(color) } else { Style::new() }
    }

    fn accent(self) -> Style {
        self.color(Color::Cyan)
    }

    fn faint(self) -> Style {
        if self.is_colored {
            Style::new().fg(Color::DarkGray)
        } else {
            Style::new().add_modifier(Modifier::DIM)
        }
    }

    fn of(self, look: Look) -> Style {
        match look {
            Look::Plain => Style::new(),
            Look::Command => self.accent().add_modifier(Modifier::BOLD),
            Look::Error => self.color(Color::LightRed),
            Look::Remark => self.color(Color::Yellow),
            Look::Color(number) => self.color(Color::Indexed(number)),
            Look::Title => Style::new().add_modifier(Modifier::BOLD),
            Look::Faint => self.faint(),
            Look::Good => self.color(Color::Green),
            Look::Bad => self.color(Color::Red).add_modifier(Modifier::BOLD),
            Look::Cursor => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    fn text(self, line: &Line) -> TextLine<'static> {
        line.0.iter().map(|(look, text)| Span::styled(text.clone(), self.of(*look))).collect()
    }
}

/// Draws all of it; keeps the scrolling within what there is.
pub fn draw(frame: &mut Frame<'_>, state: &mut State, theme: Theme) {
    let [header, middle, footer] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    draw_header(frame, header, state, theme);
    if middle.width < NARROW {
        if state.focus == Focus::Pane {
            draw_pane(frame, middle, state, theme);
        } else {
            draw_tree(frame, middle, state, theme);
        }
    } else {
        let columns = (middle.width * 2 / 5).clamp(TREE_COLUMNS.0, TREE_COLUMNS.1);
        let [left, right] =
            Layout::horizontal([Constraint::Length(columns), Constraint::Fill(1)]).areas(middle);
        draw_tree(frame, left, state, theme);
        draw_pane(frame, right, state, theme);
    }
    draw_footer(frame, footer, state, theme);
    if state.has_help {
        draw_help(frame, theme);
    }
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let plans = state.entries.iter().filter(|entry| entry.kind == Kind::Plan).count();
    let tasks = state.entries.len() - plans;
    let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let counts = match plans {
        0 => count(tasks, "task"),
        _ => format!("{}, {}", count(tasks, "task"), count(plans, "plan")),
    };
    let name = Span::styled(" ez ", theme.accent().add_modifier(Modifier::BOLD | Modifier::REVERSED));
    let title = TextLine::from(vec![name, Span::raw(format!(" {}", state.title))]);
    frame.render_widget(title, area);
    let right = TextLine::from(Span::styled(format!("{counts} "), theme.faint())).alignment(Alignment::Right);
    let width = u16::try_from(right.width()).unwrap_or(0);
    if usize::from(area.width) > state.title.chars().count() + usize::from(width) + 6 {
        frame.render_widget(right, area);
    }
}

fn draw_footer(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if let Some(notice) = &state.notice {
        return frame.render_widget(TextLine::styled(format!(" {notice}"), theme.of(Look::Remark)), area);
    }
    let keys: &[(&str, &str)] = match (state.focus, &state.pane) {
        (Focus::Search, _) => &[("type", "search"), ("Enter", "done"), ("Esc", "clear")],
        (Focus::Tree, _) => &[
            ("Enter", "run"),
            ("/", "search"),
            ("l", "logs"),
            ("o", "output"),
            ("?", "keys"),
            ("q", "leave"),
        ],
        (Focus::Pane, Pane::Form { .. }) => {
            &[("↑↓", "fields"), ("←→ Space", "choose"), ("Ctrl-R", "run"), ("Esc", "back")]
        }
        (Focus::Pane, Pane::Output) if state.is_running() => {
            &[("Ctrl-C", "end"), ("↑↓", "scroll"), ("Esc", "back")]
        }
        (Focus::Pane, Pane::Logs { text: None, .. }) => {
            &[("↑↓", "choose"), ("Enter", "read"), ("Esc", "back")]
        }
        (Focus::Pane, _) => &[("↑↓", "scroll"), ("Esc", "back"), ("?", "keys"), ("q", "leave")],
    };
    let mut spans = vec![Span::raw(" ")];
    for (key, meaning) in keys {
        spans.push(Span::styled((*key).to_owned(), theme.accent().add_modifier(Modifier::BOLD)));
        spans.push(Span::styled(format!(" {meaning}   "), theme.faint()));
    }
    frame.render_widget(TextLine::from(spans), area);
}

fn block(title: &str, has_keys: bool, theme: Theme) -> Block<'static> {
    let style = if has_keys { theme.accent() } else { theme.faint() };
    let title_style = if has_keys { theme.accent().add_modifier(Modifier::BOLD) } else { Style::new() };
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(style)
        .title(Span::styled(format!(" {title} "), title_style))
}

fn draw_tree(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let has_keys = state.focus != Focus::Pane;
    let title = match (state.focus, state.query.as_str()) {
        (Focus::Search, query) => format!("/{query}▏"),
        (_, "") => "Tasks".to_owned(),
        (_, query) => format!("/{query}"),
    };
    let block = block(&title, has_keys, theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    if state.rows.is_empty() {
        let text = if state.entries.is_empty() { "there are no tasks" } else { "nothing is found" };
        return frame.render_widget(Span::styled(format!(" {text}"), theme.faint()), inside);
    }
    let height = usize::from(inside.height).max(1);
    let first = (state.cursor + 1).saturating_sub(height);
    let rows = state.rows.iter().enumerate().skip(first).take(height);
    let width = usize::from(inside.width);
    let lines: Vec<TextLine<'_>> = rows
        .map(|(at, row)| {
            let sign = match row.open {
                Some(true) => "▾ ",
                Some(false) => "▸ ",
                None => "  ",
            };
            let entry = row.entry.and_then(|entry| state.entries.get(entry));
            let label = format!("{}{sign}{}", "  ".repeat(row.depth), row.label);
            let mark = match entry.map(|entry| entry.kind) {
                Some(Kind::Folder) if row.depth == 0 => "folder",
                _ => "",
            };
            let gap = width.saturating_sub(label.chars().count() + mark.len() + 1).max(1);
            let name = if entry.is_some() { Style::new() } else { theme.faint() };
            let is_running = entry.is_some_and(|entry| {
                state.run.as_ref().is_some_and(|run| run.is_running() && run.name == entry.name)
            });
            let name = if is_running { theme.of(Look::Good) } else { name };
            let line = TextLine::from(vec![
                Span::styled(label, name),
                Span::raw(" ".repeat(gap)),
                Span::styled(
                    format!("{mark} "),
                    if at == state.cursor { Style::new() } else { theme.faint() },
                ),
            ]);
            if at != state.cursor {
                line
            } else if has_keys {
                line.patch_style(Style::new().add_modifier(Modifier::REVERSED))
            } else {
                line.patch_style(Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED))
            }
        })
        .collect();
    frame.render_widget(Text::from(lines), inside);
    draw_scrollbar(frame, area, state.rows.len(), first, height, theme);
}

fn draw_scrollbar(frame: &mut Frame<'_>, area: Rect, rows: usize, first: usize, height: usize, theme: Theme) {
    if rows <= height || area.height < 3 {
        return;
    }
    let mut position = ScrollbarState::new(rows.saturating_sub(height)).position(first);
    let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .track_symbol(None)
        .thumb_symbol("┃")
        .thumb_style(theme.accent());
    frame.render_stateful_widget(bar, area.inner(Margin { horizontal: 0, vertical: 1 }), &mut position);
}

fn draw_pane(frame: &mut Frame<'_>, area: Rect, state: &mut State, theme: Theme) {
    let (title, content) = pane(state);
    let block = block(&title, state.focus == Focus::Pane, theme);
    let inside = block.inner(area).inner(Margin { horizontal: 1, vertical: 0 });
    frame.render_widget(block, area);
    let (width, height) = (usize::from(inside.width).max(1), usize::from(inside.height).max(1));
    let rows: Vec<Line> = content.lines.iter().flat_map(|line| line.wrapped(width, content.wrap)).collect();
    let most = rows.len().saturating_sub(height);
    state.scroll = state.scroll.min(most);
    let first = match content.place {
        Place::Top => state.scroll,
        Place::End => most - state.scroll,
        Place::Around(line) => {
            let before = content
                .lines
                .iter()
                .take(line + 2)
                .map(|line| line.wrapped(width, content.wrap).len())
                .sum::<usize>();
            before.saturating_sub(height).min(most)
        }
    };
    let shown: Vec<TextLine<'_>> = rows.iter().skip(first).take(height).map(|row| theme.text(row)).collect();
    frame.render_widget(Text::from(shown), inside);
    draw_scrollbar(frame, area, rows.len(), first, height, theme);
}

/// What a pane holds.
struct Content {
    lines: Vec<Line>,
    place: Place,
    wrap: Wrap,
}

/// What of it is shown.
enum Place {
    /// From the top, as far as it is scrolled.
    Top,
    /// Its end, as far back as it is scrolled.
    End,
    /// This line.
    Around(usize),
}

fn pane(state: &State) -> (String, Content) {
    match &state.pane {
        Pane::Details => {
            let title = state.selected().map_or("Details", |entry| match entry.kind {
                Kind::Plan => "Plan",
                _ => "Task",
            });
            let lines = state.selected().map_or_else(|| namespace(state), details);
            (title.to_owned(), Content { lines, place: Place::Top, wrap: Wrap::Words })
        }
        Pane::Form { entry, form } => {
            let name = state.entries.get(*entry).map_or("", |entry| entry.name.as_str());
            let (lines, at) = form_lines(form);
            (format!("Run {name}"), Content { lines, place: Place::Around(at), wrap: Wrap::Words })
        }
        Pane::Output => match &state.run {
            Some(run) => (run.name.clone(), output(run)),
            None => {
                ("Output".to_owned(), Content { lines: Vec::new(), place: Place::Top, wrap: Wrap::Words })
            }
        },
        Pane::Logs { task, logs, at, text } => {
            let title = format!("Logs of {task}");
            match (text, logs) {
                (Some(text), _) => {
                    (title, Content { lines: text.clone(), place: Place::Top, wrap: Wrap::Letters })
                }
                (None, logs) => (
                    title,
                    Content {
                        lines: log_list(logs.as_deref(), *at),
                        place: Place::Around(*at),
                        wrap: Wrap::Words,
                    },
                ),
            }
        }
    }
}

/// What is in the branch under the cursor.
fn namespace(state: &State) -> Vec<Line> {
    let Some(row) = state.rows.get(state.cursor) else { return Vec::new() };
    let below = state.rows.iter().skip(state.cursor + 1).take_while(|other| other.depth > row.depth);
    let entries: Vec<&Entry> = below.filter_map(|row| state.entries.get(row.entry?)).collect();
    let mut lines = vec![Line::of(Look::Title, row.label.clone()), Line::default()];
    for entry in entries {
        lines.push(Line::of(Look::Plain, entry.name.clone()).and(Look::Faint, format!("  {}", entry.desc)));
    }
    lines
}

fn details(entry: &Entry) -> Vec<Line> {
    let mut lines = vec![Line::of(Look::Title, entry.name.clone())];
    if !entry.desc.is_empty() {
        lines.extend(entry.desc.lines().map(|line| Line::of(Look::Plain, line)));
    }
    lines.push(Line::of(Look::Faint, format!("{} in {}", entry.kind.word(), entry.location)));
    if !entry.aliases.is_empty() {
        lines.push(Line::of(Look::Faint, "also ").and(Look::Plain, entry.aliases.join(", ")));
    }
    if !entry.params.is_empty() {
        lines.extend([Line::default(), Line::of(Look::Command, "params")]);
        let longest = entry.params.iter().map(|param| param.name.value.chars().count()).max().unwrap_or(0);
        lines.extend(entry.params.iter().map(|param| param_line(param, longest)));
    }
    for section in &entry.sections {
        lines.extend([Line::default(), Line::of(Look::Command, section.title)]);
        lines.extend(section.lines.iter().map(|line| Line::of(Look::Plain, format!("  {line}"))));
    }
    lines
}

fn param_line(param: &Param, longest: usize) -> Line {
    let name = format!("  {:longest$}", param.name.value);
    let options: Vec<&str> = param.options.iter().map(|option| option.value.as_str()).collect();
    let takes = if options.is_empty() { param.kind.value.name().to_owned() } else { options.join(" | ") };
    let mut line = Line::of(Look::Plain, name).and(Look::Good, format!("  {takes}"));
    if let Some(default) = &param.default {
        line = line.and(Look::Faint, format!(" = {}", default.value));
    } else if param.required {
        line = line.and(Look::Remark, " required");
    }
    match &param.help {
        Some(help) => line.and(Look::Faint, format!("  {}", help.value.trim().replace('\n', " "))),
        None => line,
    }
}

/// The lines of a form, and the one that has the keys.
fn form_lines(form: &Form) -> (Vec<Line>, usize) {
    let mut lines = Vec::new();
    let mut at = 0;
    if form.fields.is_empty() {
        lines.extend([Line::of(Look::Faint, "nothing to fill in"), Line::default()]);
    }
    for (number, field) in form.fields.iter().enumerate() {
        let has_keys = number == form.at;
        if has_keys {
            at = lines.len();
        }
        let name = field.param.name.value.as_str();
        let sign = if has_keys { "▸ " } else { "  " };
        let look = if has_keys { Look::Command } else { Look::Title };
        let mut title = Line::of(look, format!("{sign}{name}"));
        if field.param.required {
            title = title.and(Look::Remark, " *");
        }
        if let Some(help) = &field.param.help {
            title = title.and(Look::Faint, format!("  {}", help.value.trim().replace('\n', " ")));
        }
        lines.push(title);
        lines.push(input_line(&field.input, has_keys, field.is_secret()));
        if let Some(problem) = field.problem().filter(|_| field.is_touched || form.is_strict) {
            lines.push(Line::of(Look::Bad, format!("    {problem}")));
        }
        lines.push(Line::default());
    }
    let has_keys = form.at >= form.fields.len();
    if has_keys {
        at = lines.len();
    }
    let button = if has_keys { Look::Cursor } else { Look::Title };
    lines.push(Line::of(Look::Plain, "  ").and(button, "  Run  "));
    (lines, at)
}

fn input_line(input: &Input, has_keys: bool, is_secret: bool) -> Line {
    let mut line = Line::of(Look::Plain, "    ");
    match input {
        Input::Choice { options, chosen } => {
            for (at, option) in options.iter().enumerate() {
                let (sign, look) = match (*chosen == Some(at), has_keys) {
                    (true, true) => ("● ", Look::Cursor),
                    (true, false) => ("● ", Look::Good),
                    (false, _) => ("○ ", Look::Faint),
                };
                line = line.and(look, format!("{sign}{option}")).and(Look::Plain, "  ");
            }
            line
        }
        Input::Several { options, chosen, at } => {
            for (number, (option, is_chosen)) in options.iter().zip(chosen).enumerate() {
                let sign = if *is_chosen { "☑ " } else { "☐ " };
                let look = match (number == *at && has_keys, is_chosen) {
                    (true, _) => Look::Cursor,
                    (false, true) => Look::Good,
                    (false, false) => Look::Faint,
                };
                line = line.and(look, format!("{sign}{option}")).and(Look::Plain, "  ");
            }
            line
        }
        Input::Text { text, at } => {
            let seen = |letters: &[char]| -> String {
                if is_secret { "•".repeat(letters.len()) } else { letters.iter().collect() }
            };
            if !has_keys {
                let text = seen(text);
                let look = if text.is_empty() { Look::Faint } else { Look::Plain };
                return line.and(look, if text.is_empty() { "…".to_owned() } else { text });
            }
            let (before, after) = text.split_at((*at).min(text.len()));
            let under = seen(after.get(..1).unwrap_or(&[' ']));
            let under = if after.is_empty() { " ".to_owned() } else { under };
            line.and(Look::Plain, seen(before))
                .and(Look::Cursor, under)
                .and(Look::Plain, seen(after.get(1..).unwrap_or_default()))
        }
    }
}

fn output(run: &Run) -> Content {
    let seconds = format!("{:.1}s", run.time.as_secs_f64());
    let mut lines: Vec<Line> = run.lines.iter().cloned().collect();
    let end = match run.state {
        RunState::Running => {
            let (frames, milliseconds) = SPINNER;
            let turn = (run.time.as_millis() / milliseconds) as usize % frames.len();
            let frame = frames.get(turn).copied().unwrap_or_default();
            Line::of(Look::Good, format!("{frame} running ")).and(Look::Faint, seconds)
        }
        RunState::Ending => Line::of(Look::Remark, "… ending ").and(Look::Faint, seconds),
        RunState::Ended(Some(0)) => Line::of(Look::Good, "✔ done ").and(Look::Faint, seconds),
        RunState::Ended(Some(code)) => {
            Line::of(Look::Bad, format!("✘ exit {code} ")).and(Look::Faint, seconds)
        }
        RunState::Ended(None) => Line::of(Look::Bad, "✘ killed ").and(Look::Faint, seconds),
    };
    lines.extend([Line::default(), end]);
    Content { lines, place: Place::End, wrap: Wrap::Letters }
}

fn log_list(logs: Option<&[LogRow]>, at: usize) -> Vec<Line> {
    let Some(logs) = logs else { return vec![Line::of(Look::Faint, "…")] };
    if logs.is_empty() {
        let how = "there are none; `ez run --log` and `ez-log` write them";
        return vec![Line::of(Look::Faint, how)];
    }
    logs.iter()
        .enumerate()
        .map(|(number, log)| {
            let look = if number == at { Look::Cursor } else { Look::Plain };
            let state = if log.is_good { Look::Good } else { Look::Bad };
            Line::of(look, log.started.clone()).and(state, format!("  {}", log.state))
        })
        .collect()
}

fn draw_help(frame: &mut Frame<'_>, theme: Theme) {
    let longest = KEYS.iter().map(|(keys, _)| keys.chars().count()).max().unwrap_or(0);
    let lines: Vec<TextLine<'_>> = KEYS
        .iter()
        .map(|(keys, meaning)| {
            let gap = longest.saturating_sub(keys.chars().count()) + 2;
            TextLine::from(vec![
                Span::styled((*keys).to_owned(), theme.accent().add_modifier(Modifier::BOLD)),
                Span::raw(" ".repeat(gap)),
                Span::raw(*meaning),
            ])
        })
        .collect();
    let width = lines.iter().map(TextLine::width).max().unwrap_or(0) + 4;
    let whole = frame.area();
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(whole.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(whole.height);
    let area = Rect::new((whole.width - width) / 2, (whole.height - height) / 2, width, height);
    frame.render_widget(Clear, area);
    let block = block("Keys", true, theme);
    let inside = block.inner(area).inner(Margin { horizontal: 1, vertical: 0 });
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(Text::from(lines)), inside);
}
