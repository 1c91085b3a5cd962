//! The form of a task's params.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ez_compiler::ast::param::{MULTI_SEPARATOR, variable_name};
use ez_compiler::ast::{Param, ParamKind};
use ez_runner::params::ParamQuestion;
use smol_str::SmolStr;

/// What the values of a `bool` are.
const TRUTHS: [&str; 2] = ["true", "false"];

/// The form.
#[derive(Clone, Debug)]
pub struct Form {
    /// The fields, in the order of the params.
    pub fields: Vec<Field>,
    /// The field that has the keys; after the last one, the button.
    pub at: usize,
    /// Whether what is wrong is shown of all fields: after an attempt to run.
    pub is_strict: bool,
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// The param.
    pub param: Param,
    /// What is filled in.
    pub input: Input,
    /// Whether it was touched, so that what is wrong with it is shown.
    pub is_touched: bool,
}

/// What is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// One of some options, or none.
    Choice {
        /// The options.
        options: Vec<String>,
        /// The one.
        chosen: Option<usize>,
    },
    /// Several of some options.
    Several {
        /// The options.
        options: Vec<String>,
        /// Whether each is chosen.
        chosen: Vec<bool>,
        /// The one that has the keys.
        at: usize,
    },
    /// A text.
    Text {
        /// The text.
        text: Vec<char>,
        /// Before which letter the cursor is.
        at: usize,
    },
}

/// What comes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The form goes on.
    Stays,
    /// The task is to run with these values.
    Runs,
}

impl Field {
    fn new(param: &Param) -> Self {
        let default = param.default.as_ref().map(|default| default.value.to_string()).unwrap_or_default();
        let options: Vec<String> = param.options.iter().map(|option| option.value.to_string()).collect();
        let input = match param.kind.value {
            ParamKind::Bool => choice(TRUTHS.map(str::to_owned).to_vec(), &default),
            ParamKind::Select if !options.is_empty() => choice(options, &default),
            ParamKind::Multi if !options.is_empty() => {
                let given: Vec<&str> = default.split(MULTI_SEPARATOR).map(str::trim).collect();
                let chosen = options.iter().map(|option| given.contains(&option.as_str())).collect();
                Input::Several { options, chosen, at: 0 }
            }
            _ => {
                let text: Vec<char> = default.chars().collect();
                Input::Text { at: text.len(), text }
            }
        };
        Self { param: param.clone(), input, is_touched: false }
    }

    /// What is filled in, as the task takes it.
    pub fn value(&self) -> String {
        match &self.input {
            Input::Choice { options, chosen } => {
                chosen.and_then(|at| options.get(at)).cloned().unwrap_or_default()
            }
            Input::Several { options, chosen, .. } => {
                let chosen = options.iter().zip(chosen).filter(|(_, chosen)| **chosen);
                chosen
                    .map(|(option, _)| option.as_str())
                    .collect::<Vec<_>>()
                    .join(&MULTI_SEPARATOR.to_string())
            }
            Input::Text { text, .. } => text.iter().collect(),
        }
    }

    /// Why the task would not take it.
    pub fn problem(&self) -> Option<String> {
        let options = self.param.options.iter().map(|option| option.value.clone()).collect();
        let default = self.param.default.as_ref().map(|default| default.value.clone()).unwrap_or_default();
        let value = self.value();
        let takes_default = value.is_empty() && !default.is_empty();
        let question = ParamQuestion { param: self.param.clone(), options, default };
        if takes_default { None } else { question.problem(&value) }
    }

    /// Whether what is filled in must not be seen.
    pub fn is_secret(&self) -> bool {
        self.param.kind.value == ParamKind::Secret
    }

    fn press(&mut self, key: KeyEvent) {
        self.is_touched = true;
        match &mut self.input {
            Input::Choice { options, chosen } => match key.code {
                KeyCode::Right | KeyCode::Char(' ') => {
                    *chosen = next(*chosen, options.len());
                }
                KeyCode::Left => *chosen = previous(*chosen, options.len()),
                KeyCode::Backspace | KeyCode::Delete => *chosen = None,
                KeyCode::Char(letter) => {
                    let begins = |option: &String| option.starts_with(letter);
                    let from = chosen.map_or(0, |at| at + 1);
                    let order = (from..options.len()).chain(0..from.min(options.len()));
                    *chosen = order.into_iter().find(|at| options.get(*at).is_some_and(begins)).or(*chosen);
                }
                _ => {}
            },
            Input::Several { options, chosen, at } => match key.code {
                KeyCode::Right => *at = (*at + 1).min(options.len().saturating_sub(1)),
                KeyCode::Left => *at = at.saturating_sub(1),
                KeyCode::Char(' ') => {
                    if let Some(chosen) = chosen.get_mut(*at) {
                        *chosen = !*chosen;
                    }
                }
                _ => {}
            },
            Input::Text { text, at } => match key.code {
                KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                    text.clear();
                    *at = 0;
                }
                KeyCode::Char(letter) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                    text.insert((*at).min(text.len()), letter);
                    *at += 1;
                }
                KeyCode::Backspace if *at > 0 => {
                    *at -= 1;
                    text.remove(*at);
                }
                KeyCode::Delete if *at < text.len() => {
                    text.remove(*at);
                }
                KeyCode::Left => *at = at.saturating_sub(1),
                KeyCode::Right => *at = (*at + 1).min(text.len()),
                KeyCode::Home => *at = 0,
                KeyCode::End => *at = text.len(),
                _ => {}
            },
        }
    }
}

fn choice(options: Vec<String>, default: &str) -> Input {
    let chosen = options.iter().position(|option| option == default);
    Input::Choice { options, chosen }
}

fn next(chosen: Option<usize>, count: usize) -> Option<usize> {
    let next = chosen.map_or(0, |at| at + 1);
    (count > 0).then_some(if next < count { next } else { 0 })
}

fn previous(chosen: Option<usize>, count: usize) -> Option<usize> {
    let before = chosen.filter(|at| *at > 0).unwrap_or(count);
    before.checked_sub(1)
}

impl Form {
    /// The form of some params, with their defaults.
    pub fn new(params: &[Param]) -> Self {
        Self { fields: params.iter().map(Field::new).collect(), at: 0, is_strict: false }
    }

    /// Takes a key.
    pub fn press(&mut self, key: KeyEvent) -> Step {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up | KeyCode::BackTab => self.at = self.at.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => self.at = (self.at + 1).min(self.fields.len()),
            KeyCode::Char('r') if is_control => return self.submit(),
            KeyCode::Enter if self.at >= self.fields.len() => return self.submit(),
            KeyCode::Enter => {
                if let Some(field) = self.fields.get_mut(self.at) {
                    field.is_touched = true;
                }
                self.at += 1;
            }
            _ => {
                if let Some(field) = self.fields.get_mut(self.at) {
                    field.press(key);
                }
            }
        }
        Step::Stays
    }

    /// Runs where every value is taken; else shows the first that is not.
    fn submit(&mut self) -> Step {
        self.is_strict = true;
        match self.fields.iter().position(|field| field.problem().is_some()) {
            None => Step::Runs,
            Some(at) => {
                self.at = at;
                Step::Stays
            }
        }
    }

    /// The variables of what was filled in, other than the defaults, and whether each is a secret.
    pub fn values(&self) -> Vec<(SmolStr, String, bool)> {
        let given = self.fields.iter().filter(|field| {
            let value = field.value();
            let is_default =
                field.param.default.as_ref().is_some_and(|default| default.value == value.as_str());
            !value.is_empty() && !is_default
        });
        given
            .map(|field| (variable_name(&field.param.name.value), field.value(), field.is_secret()))
            .collect()
    }
}
