//! A plan drawn with lines of text: a row a step, in running order, and a lane for everything that is waited for.

use std::fmt::Write as _;

use camino::Utf8Path;
use ez_compiler::ir::Plan;
use ez_compiler::ir::plan::{PlanStep, TaskKind};
use unicode_width::UnicodeWidthStr;

use crate::logger::{Color, Logger};

/// More lanes than this are no picture; then the steps that are waited for are named instead.
const MAX_LANES: usize = 24;

/// The longest list of values of a matrix key that is shown, in characters.
const MAX_VALUES: usize = 40;

/// Draws the steps of a plan by levels.
pub fn text(plan: &Plan, file: &Utf8Path, logger: &Logger) -> String {
    let mut out = String::new();
    // A `String` takes all that is written to it, here and below.
    let _ = write!(out, "{}", logger.paint(Color::Green, &plan.name));
    if let Some(desc) = plan.desc.as_ref().and_then(|desc| desc.lines().next()) {
        let _ = write!(out, "  {desc}");
    }
    let depth = plan.levels.iter().max().map_or(0, |level| level + 1);
    let _ = writeln!(
        out,
        "\n{file}: {}{}, {}\n",
        counted(plan.steps.len(), "step"),
        if plan.nodes.len() == plan.steps.len() {
            String::new()
        } else {
            format!(", {} with all combinations", plan.nodes.len())
        },
        counted(depth as usize, "level"),
    );
    let rows = Rows::new(plan);
    let lanes = rows.lanes();
    let drawn = lanes.as_ref().map(|lanes| lanes.iter().map(|row| row.width()).max().unwrap_or(0));
    let names: Vec<String> = rows.order.iter().map(|step| name_of(&plan.steps[*step])).collect();
    let name_width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let level_width = depth.to_string().len();
    let mut last_level = None;
    for (row, step) in rows.order.iter().enumerate() {
        let level = rows.levels[*step];
        let number = if last_level == Some(level) { String::new() } else { (level + 1).to_string() };
        last_level = Some(level);
        let mut line = logger.paint(Color::Cyan, &format!("{number:>level_width$}"));
        line.push_str("  ");
        if let (Some(lanes), Some(width)) = (&lanes, drawn) {
            let drawing = &lanes[row];
            line.push_str(&drawing.replace('●', &logger.paint(Color::Green, "●")));
            line.push_str(&" ".repeat(width - drawing.width()));
            line.push_str("  ");
        }
        let name = &names[row];
        line.push_str(name);
        let details = details(plan, *step, &rows, lanes.is_none());
        if !details.is_empty() {
            line.push_str(&" ".repeat(name_width - name.width() + 3));
            line.push_str(&details);
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn name_of(step: &PlanStep) -> String {
    if step.has_matrix {
        format!("{} ×{}", step.name.value, step.nodes.len())
    } else {
        step.name.value.to_string()
    }
}

/// What is worth knowing of a step beside its place.
fn details(plan: &Plan, index: usize, rows: &Rows, with_needs: bool) -> String {
    let step = &plan.steps[index];
    let mut parts = Vec::new();
    if let Some(node) = plan.nodes.get(step.nodes.start as usize) {
        if node.kind == TaskKind::Folder {
            parts.push(format!("folder task {}", node.task));
        } else if node.task != step.name.value {
            parts.push(format!("task {}", node.task));
        }
    }
    if step.has_matrix {
        parts.push(matrix_of(plan, step));
    }
    if with_needs && !rows.needs[index].is_empty() {
        let names: Vec<&str> =
            rows.needs[index].iter().map(|need| plan.steps[*need].name.value.as_str()).collect();
        parts.push(format!("needs {}", shortened(&names.join(", "))));
    }
    if let Some(when) = &step.when {
        parts.push(format!("when {}", when.text.value.trim()));
    }
    for (is_set, word) in [
        (step.checkpoint.is_some(), "asks first"),
        (step.continue_on_error, "may fail"),
        (step.shuffle, "shuffled"),
        (step.remote == Some(true), "remote"),
    ] {
        if is_set {
            parts.push(word.to_owned());
        }
    }
    if let Some(retry) = step.retry.filter(|retry| retry.count > 0) {
        parts.push(format!("up to {} attempts", retry.count + 1));
    }
    parts.join(" · ")
}

/// The keys of a matrix with their values.
fn matrix_of(plan: &Plan, step: &PlanStep) -> String {
    let mut keys: Vec<(&str, Vec<String>)> = Vec::new();
    for node in plan.nodes.get(step.nodes.start as usize..step.nodes.end as usize).unwrap_or_default() {
        for (key, value) in &node.values {
            let value = value.to_text().to_string();
            match keys.iter_mut().find(|(known, _)| known == key) {
                Some((_, values)) if values.contains(&value) => {}
                Some((_, values)) => values.push(value),
                None => keys.push((key, vec![value])),
            }
        }
    }
    let keys: Vec<String> =
        keys.iter().map(|(key, values)| format!("{key}={}", shortened(&values.join(",")))).collect();
    keys.join(" ")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_VALUES {
        return text.to_owned();
    }
    text.chars().take(MAX_VALUES - 1).chain(['…']).collect()
}

/// Steps in running order, with who waits for whom.
struct Rows {
    /// For each step its level: the highest of its combinations.
    levels: Vec<u32>,
    order: Vec<usize>,
    /// For each step the steps that it names, without those that others of them wait for anyway.
    needs: Vec<Vec<usize>>,
    /// For each step the last row that waits for it.
    last_use: Vec<Option<usize>>,
}

impl Rows {
    fn new(plan: &Plan) -> Self {
        let count = plan.steps.len();
        let mut levels = vec![0; count];
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); count];
        for id in plan.ids() {
            let step = plan.node(id).step.0 as usize;
            levels[step] = levels[step].max(plan.levels[id.0 as usize]);
            for need in plan.needs.of(id) {
                let need = plan.node(*need).step.0 as usize;
                // Combinations of a step follow each other, so the same step comes several times in a row.
                if needs[step].last() != Some(&need) {
                    needs[step].push(need);
                }
            }
        }
        for list in &mut needs {
            list.sort_unstable();
            list.dedup();
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|step| (levels[*step], *step));
        let mut last_use = vec![None; count];
        for (row, step) in order.iter().enumerate() {
            for need in &needs[*step] {
                last_use[*need] = Some(row);
            }
        }
        Self { levels, order, needs, last_use }
    }

    /// The lines before the names; `None` where there are too many lanes.
    fn lanes(&self) -> Option<Vec<String>> {
        let mut lanes: Vec<Option<usize>> = Vec::new();
        let mut drawings = Vec::with_capacity(self.order.len());
        for (row, step) in self.order.iter().enumerate() {
            let needs = &self.needs[*step];
            let sources: Vec<usize> = (0..lanes.len())
                .filter(|lane| lanes[*lane].is_some_and(|source| needs.contains(&source)))
                .collect();
            let ends = |lane: usize| lanes[lane].is_some_and(|source| self.last_use[source] == Some(row));
            // A step goes straight on in a lane that ends with it.
            let own = sources
                .iter()
                .copied()
                .find(|lane| ends(*lane))
                .unwrap_or_else(|| lanes.iter().position(Option::is_none).unwrap_or(lanes.len()));
            if own >= MAX_LANES {
                return None;
            }
            if own == lanes.len() {
                lanes.push(None);
            }
            drawings.push(draw(&lanes, own, &sources, &|lane| {
                lanes[lane].is_some_and(|source| self.last_use[source] == Some(row))
            }));
            for lane in sources {
                if lanes[lane].is_some_and(|source| self.last_use[source] == Some(row)) {
                    lanes[lane] = None;
                }
            }
            lanes[own] = self.last_use[*step].map(|_| *step);
            while lanes.last() == Some(&None) {
                lanes.pop();
            }
        }
        Some(drawings)
    }
}

/// One row: the step at `own`, lines to it from the lanes `sources`, and all other lanes passing by.
fn draw(lanes: &[Option<usize>], own: usize, sources: &[usize], ends: &dyn Fn(usize) -> bool) -> String {
    let first = sources.iter().copied().chain([own]).min().unwrap_or(own);
    let last = sources.iter().copied().chain([own]).max().unwrap_or(own);
    let mut out = String::new();
    for lane in 0..lanes.len().max(own + 1) {
        let is_between = lane > first && lane < last;
        let is_source = sources.contains(&lane);
        out.push(if lane == own {
            '●'
        } else if is_source {
            match (ends(lane), lane == first, lane == last) {
                (true, true, _) => '╰',
                (true, _, true) => '╯',
                (true, _, _) => '┴',
                (false, true, _) => '├',
                (false, _, true) => '┤',
                (false, _, _) => '┼',
            }
        } else if lanes.get(lane).is_some_and(Option::is_some) {
            '│'
        } else if is_between {
            '─'
        } else {
            ' '
        });
        out.push(if lane >= first && lane < last { '─' } else { ' ' });
    }
    out.trim_end().to_owned()
}
