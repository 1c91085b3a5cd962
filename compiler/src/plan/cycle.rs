//! EZ805: steps that wait for each other.

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Span;

/// How many cycles of one plan are told.
const MAX_CYCLES: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    OnPath,
    Done,
}

/// The cycles among steps, each as a path. `needs` has for each step those that it names, with the places.
pub fn find_all(plan: &ast::Plan, needs: &[Vec<(usize, Span)>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut states = vec![State::Unseen; needs.len()];
    for root in 0..needs.len() {
        if states[root] != State::Unseen {
            continue;
        }
        // The path that is being walked: a step, and which of its needs comes next.
        let mut path: Vec<(usize, usize)> = vec![(root, 0)];
        states[root] = State::OnPath;
        while let Some((step, next)) = path.last_mut() {
            let Some((need, _)) = needs[*step].get(*next) else {
                states[*step] = State::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match states[*need] {
                State::Unseen => {
                    states[*need] = State::OnPath;
                    path.push((*need, 0));
                }
                State::OnPath if found.len() < MAX_CYCLES => {
                    let from = path.iter().position(|(step, _)| step == need).unwrap_or(0);
                    found.push(report(plan, needs, &path[from..]));
                }
                State::OnPath | State::Done => {}
            }
        }
    }
    found
}

/// A cycle, whose steps stand in `path` with the place after the need that leads on.
fn report(plan: &ast::Plan, needs: &[Vec<(usize, Span)>], path: &[(usize, usize)]) -> Diagnostic {
    let names: Vec<&str> =
        path.iter().chain(path.first()).map(|(step, _)| plan.steps[*step].name.as_str()).collect();
    let spans: Vec<Span> = path.iter().map(|(step, next)| needs[*step][next - 1].1).collect();
    let (last, others) = spans.split_last().map_or((plan.span, &[][..]), |(last, others)| (*last, others));
    let mut diagnostic = Diagnostic::error(
        rule::NEEDS_CYCLE,
        format!("steps wait for each other: {}", names.join(" → ")),
        last,
    )
    .with_label("closes the circle")
    .with_help("remove one of these `needs`");
    if let [one] = path {
        diagnostic.message = format!("`{}` waits for itself", plan.steps[one.0].name.value);
        diagnostic = diagnostic.with_help("remove it from its own `needs`");
    }
    for span in others {
        diagnostic = diagnostic.and_at(*span, "waits");
    }
    diagnostic
}
