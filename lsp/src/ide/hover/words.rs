//! Words of templates and scripts.

use std::ops::Range;

use ez_compiler::check::names_of_data;
use ez_compiler::schema::Format;
use ez_compiler::shell;
use ez_compiler::template::tokens::{TemplateToken, TemplateTokenKind, tokens, tokens_between};
use ez_compiler::template::{Delimiters, Template};

use super::{Asked, plan, template, variable};

impl Asked<'_> {
    pub(super) fn in_template(
        &self,
        text: &str,
        offset: usize,
        delimiters: Delimiters,
    ) -> Option<(Range<usize>, Option<String>)> {
        let tokens = tokens_between(text, delimiters);
        let is_inside = {
            let before = tokens.iter().take_while(|token| token.range.start <= offset);
            let brace = before
                .filter(|token| matches!(token.kind, TemplateTokenKind::Open | TemplateTokenKind::Close));
            brace.last().is_some_and(|brace| {
                matches!(brace.kind, TemplateTokenKind::Open) || offset < brace.range.end
            })
        };
        if !is_inside {
            return None;
        }
        let Some(token) = token_at(&tokens, offset) else { return Some((offset..offset, None)) };
        Some((token.range.clone(), self.token(text, &tokens, token)))
    }

    pub(super) fn in_expression(&self, text: &str, offset: usize) -> Option<(Range<usize>, Option<String>)> {
        let braced = format!("{{{{{text}}}}}");
        let tokens = tokens(&braced);
        let token = token_at(&tokens, offset + "{{".len())?;
        let back = |at: usize| at.saturating_sub("{{".len());
        Some((back(token.range.start)..back(token.range.end), self.token(&braced, &tokens, token)))
    }

    fn token(&self, text: &str, tokens: &[TemplateToken], token: &TemplateToken) -> Option<String> {
        let name = text.get(token.range.clone())?;
        let is_made = self.tree.format == Format::Template;
        match token.kind {
            TemplateTokenKind::Field | TemplateTokenKind::Property | TemplateTokenKind::String if is_made => {
                self.made_from(text, &token.range)
            }
            TemplateTokenKind::Field => self.variable(name).or_else(|| self.output()),
            TemplateTokenKind::Function(Some(function)) => {
                Some(self.written(template::function(function, is_made)))
            }
            TemplateTokenKind::Keyword => template::keyword(name).map(|shown| self.written(shown)),
            // `.steps.<step>`
            TemplateTokenKind::Property => {
                let index = tokens.iter().position(|other| other.range == token.range)?;
                let before = tokens.get(index.checked_sub(1)?)?;
                let is_step = text.get(before.range.clone()) == Some("steps");
                if is_step {
                    plan::step(self.plan?, name)
                } else {
                    self.output().or_else(|| self.matrix_key(text.get(before.range.clone()), name))
                }
            }
            TemplateTokenKind::String => self.step_in_text(),
            _ => None,
        }
    }

    /// What a word of a template's text means of that from which it is made; nothing where it is of something else.
    fn made_from(&self, text: &str, word: &Range<usize>) -> Option<String> {
        let template = Template::parse_between(text, "", Delimiters::ANGLES);
        let names = names_of_data(&template);
        let name = names.into_iter().find(|name| word.start <= name.start && name.end <= word.end)?;
        self.variable(text.get(name)?)
    }

    /// An example as it is written here.
    fn written(&self, shown: String) -> String {
        if self.tree.format != Format::Template {
            return shown;
        }
        let Delimiters { left, right } = Delimiters::ANGLES;
        shown.replace("{{", &format!("{left} ")).replace("}}", &format!(" {right}"))
    }

    /// A variable of a script.
    pub(super) fn in_script(&self, text: &str, offset: usize) -> Option<(Range<usize>, String)> {
        let (script, masked) = shell::parse_masked(text)?;
        let found = shell::inspect(&script);
        let is_here = |name: &&shell::NameUse| {
            let range = name.range.range();
            range.start <= offset && offset <= range.end && !masked.touches(name.range)
        };
        let name = found.reads.iter().chain(&found.writes).find(is_here)?;
        let in_task = || variable::in_shell(self.snapshot, self.task, &name.name);
        let shown = variable::in_shell_of_plugin(self.snapshot, &self.naming_tasks(), &name.name);
        Some((name.range.range(), shown.or_else(in_task)?))
    }
}

/// The token that holds a byte, or ends there.
fn token_at(tokens: &[TemplateToken], offset: usize) -> Option<&TemplateToken> {
    let holds = tokens.iter().find(|token| token.range.contains(&offset));
    let is_brace =
        |token: &&TemplateToken| matches!(token.kind, TemplateTokenKind::Open | TemplateTokenKind::Close);
    holds
        .filter(|token| !is_brace(token))
        .or_else(|| tokens.iter().find(|token| token.range.end == offset && !is_brace(token)))
}
