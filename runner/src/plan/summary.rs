//! What came of a run of a plan, for programs and for people who were not there: JSON, JUnit, and a chart.

use std::fmt::Write as _;
use std::time::Duration;

use ez_compiler::ir::{NodeId, Plan};
use serde::Serialize;

use super::journal::Finished;
use super::run::Ended;
use super::schedule::End;

/// Height of a row of the chart, in pixels.
const ROW: usize = 22;
/// Width of the part of the chart that is time, in pixels.
const WIDTH: f64 = 900.0;
/// How many marks the axis of time has at most.
const MARKS: usize = 10;

/// A run in JSON, version 1.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    version: u32,
    plan: &'a str,
    run: &'a str,
    exit: u8,
    duration: f64,
    nodes: Vec<SummaryNode<'a>>,
    critical_path: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct SummaryNode<'a> {
    name: &'a str,
    slug: &'a str,
    task: &'a str,
    state: End,
    exit: Option<u8>,
    cause: Option<&'a str>,
    began: f64,
    duration: f64,
    attempts: u32,
    outputs: &'a std::collections::BTreeMap<smol_str::SmolStr, smol_str::SmolStr>,
    artifacts: Vec<SummaryFile<'a>>,
}

#[derive(Debug, Serialize)]
struct SummaryFile<'a> {
    artifact: &'a str,
    path: String,
    sha256: &'a str,
    size: u64,
}

/// The chain of nodes that kept the run from ending earlier, as long as each took.
pub fn critical_path(plan: &Plan, ended: &Ended) -> (Vec<NodeId>, Duration) {
    let took = |node: &Option<Finished>| {
        Duration::from_secs_f64(node.as_ref().map_or(0.0, |node| node.seconds.max(0.0)))
    };
    let durations: Vec<Duration> = ended.nodes.iter().map(took).collect();
    plan.critical_path(&durations)
}

/// A run for programs.
pub fn summary<'a>(plan: &'a Plan, run: &'a str, ended: &'a Ended) -> Summary<'a> {
    let nodes = plan.ids().zip(&ended.nodes).filter_map(|(id, finished)| {
        let (node, finished) = (plan.node(id), finished.as_ref()?);
        let artifacts = finished.artifacts.iter().flat_map(|(artifact, files)| {
            files.iter().map(move |file| SummaryFile {
                artifact,
                path: file.path.display().to_string(),
                sha256: &file.sha256,
                size: file.size,
            })
        });
        Some(SummaryNode {
            name: &node.name,
            slug: &node.slug,
            task: &node.task,
            state: finished.end,
            exit: finished.exit,
            cause: finished.cause.as_deref(),
            began: finished.began,
            duration: finished.seconds,
            attempts: finished.attempts,
            outputs: &finished.outputs,
            artifacts: artifacts.collect(),
        })
    });
    let critical = critical_path(plan, ended).0;
    Summary {
        version: 1,
        plan: &plan.name,
        run,
        exit: ended.exit,
        duration: ended.duration.as_secs_f64(),
        nodes: nodes.collect(),
        critical_path: critical.into_iter().map(|id| plan.node(id).name.as_str()).collect(),
    }
}

/// A run as a JUnit test suite: a step is a test.
pub fn junit(plan: &Plan, ended: &Ended) -> String {
    let count =
        |wanted: &[End]| ended.nodes.iter().flatten().filter(|node| wanted.contains(&node.end)).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (name, time) = (escaped(&plan.name), ended.duration.as_secs_f64());
    let (tests, failures) = (ended.nodes.iter().flatten().count(), count(&[End::Failed]));
    let skipped = count(&[End::Skipped, End::Blocked, End::Cancelled, End::NotSelected]);
    let _ = writeln!(
        xml,
        "<testsuites>\n  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{time:.3}\">"
    );
    for (id, finished) in plan.ids().zip(&ended.nodes) {
        let Some(finished) = finished else { continue };
        let case = format!(
            "    <testcase classname=\"{name}\" name=\"{}\" time=\"{:.3}\"",
            escaped(&plan.node(id).name),
            finished.seconds
        );
        let cause = escaped(finished.cause.as_deref().unwrap_or_default());
        let _ = match finished.end {
            End::Succeeded | End::Tolerated => writeln!(xml, "{case}/>"),
            End::Failed => writeln!(xml, "{case}>\n      <failure message=\"{cause}\"/>\n    </testcase>"),
            end => {
                let why = if cause.is_empty() { end.word().to_owned() } else { cause };
                writeln!(xml, "{case}>\n      <skipped message=\"{why}\"/>\n    </testcase>")
            }
        };
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// A run as a page with a chart of what ran when. It needs no other file and no network.
pub fn timeline(plan: &Plan, run: &str, ended: &Ended) -> String {
    let critical = critical_path(plan, ended).0;
    let mut rows: Vec<(NodeId, &Finished)> =
        plan.ids().zip(&ended.nodes).filter_map(|(id, finished)| Some((id, finished.as_ref()?))).collect();
    rows.sort_by(|a, b| a.1.began.total_cmp(&b.1.began).then(a.0.cmp(&b.0)));
    let longest = rows.iter().map(|(id, _)| plan.node(*id).name.chars().count()).max().unwrap_or(0);
    let left = (longest.min(48) * 7 + 24) as f64;
    let total = rows.iter().map(|(_, node)| node.began + node.seconds).fold(0.001, f64::max);
    let (width, height) = (left + WIDTH + 90.0, (rows.len() + 2) * ROW);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width:.0} {height}\" width=\"{width:.0}\" height=\"{height}\" role=\"img\">\n"
    );
    let step = nice_step(total / MARKS as f64);
    let mut mark = 0.0;
    while mark <= total {
        let x = left + mark / total * WIDTH;
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{ROW}\" x2=\"{x:.1}\" y2=\"{}\"/><text class=\"axis\" x=\"{x:.1}\" y=\"14\">{}</text>",
            height - ROW / 2,
            short(mark)
        );
        mark += step;
    }
    for (row, (id, node)) in rows.iter().enumerate() {
        let y = (row + 1) * ROW + 4;
        let (x, bar) = (left + node.began / total * WIDTH, (node.seconds / total * WIDTH).max(2.0));
        let name = escaped(&plan.node(*id).name);
        let class = class(node.end);
        let critical = if critical.contains(id) { " critical" } else { "" };
        let cause = node.cause.as_ref().map(|cause| format!(": {}", escaped(cause))).unwrap_or_default();
        let _ = writeln!(
            svg,
            "<g><title>{name}: {}{cause}, {:.3} s from {:.3} s</title><text class=\"name\" x=\"{:.0}\" y=\"{}\">{name}</text>\
             <rect class=\"{class}{critical}\" x=\"{x:.1}\" y=\"{y}\" width=\"{bar:.1}\" height=\"{}\" rx=\"3\"/>\
             <text class=\"time\" x=\"{:.1}\" y=\"{}\">{}</text></g>",
            node.end.word(),
            node.seconds,
            node.began,
            left - 10.0,
            y + 11,
            ROW - 8,
            x + bar + 5.0,
            y + 11,
            short(node.seconds)
        );
    }
    svg.push_str("</svg>\n");
    let (title, run) = (escaped(&plan.name), escaped(run));
    let exit = ended.exit;
    let took = short(ended.duration.as_secs_f64());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}: {run}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p>run {run}, {took}, exit {exit}</p>\n<p class=\"legend\">{LEGEND}</p>\n<div class=\"chart\">\n{svg}</div>\n</body>\n</html>\n"
    )
}

const STYLE: &str = "
:root { color-scheme: light dark; --text: #1f2328; --faint: #59636e; --grid: #d1d9e0; --back: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --faint: #9198a1; --grid: #30363d; --back: #0d1117; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0; } p { color: var(--faint); margin: .3rem 0; }
.chart { overflow-x: auto; margin-top: 1rem; } text { fill: var(--text); font: 12px system-ui, sans-serif; }
.axis { fill: var(--faint); text-anchor: middle; } .name { text-anchor: end; } .time { fill: var(--faint); }
.grid { stroke: var(--grid); } .ok { fill: #2da44e; } .bad { fill: #cf222e; } .warn { fill: #d4a72c; } .none { fill: #8c959f; }
.critical { stroke: var(--text); stroke-width: 1.5; }
.legend span { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin: 0 .4em 0 1em; vertical-align: baseline; }
";

const LEGEND: &str = "<span style=\"background:#2da44e\"></span>succeeded<span style=\"background:#cf222e\"></span>failed\
<span style=\"background:#d4a72c\"></span>failed, tolerated<span style=\"background:#8c959f\"></span>did not run\
<span style=\"border:1.5px solid\"></span>critical path";

fn class(end: End) -> &'static str {
    match end {
        End::Succeeded => "ok",
        End::Failed => "bad",
        End::Tolerated => "warn",
        End::Skipped | End::Blocked | End::Cancelled | End::NotSelected => "none",
    }
}

/// A step of the axis that people can read: 1, 2 or 5 times a power of ten, at least so many seconds.
fn nice_step(least: f64) -> f64 {
    let mut power = 0.001;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if power * factor >= least {
                return power * factor;
            }
        }
        power *= 10.0;
    }
}

fn short(seconds: f64) -> String {
    match seconds {
        0.0 => "0".to_owned(),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{}:{:02} min", s as u64 / 60, s as u64 % 60),
        s => format!("{}:{:02} h", s as u64 / 3600, s as u64 / 60 % 60),
    }
}

/// A text in XML and HTML. Control characters, which XML cannot say, are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_safe_and_axes_are_readable() {
        assert_eq!(escaped("<a href=\"x\">&\u{1}\n"), "&lt;a href=&quot;x&quot;&gt;&amp;&#10;");
        for (least, expected) in
            [(0.0004, 0.001), (0.13, 0.2), (0.3, 0.5), (0.6, 1.0), (7.0, 10.0), (1e6, 1e6)]
        {
            assert!((nice_step(least) - expected).abs() < expected * 1e-9, "{least}: {}", nice_step(least));
        }
        assert_eq!([0.0, 0.25, 12.34, 75.0, 7260.0].map(short).join(" "), "0 250 ms 12.3 s 1:15 min 2:01 h");
    }
}
