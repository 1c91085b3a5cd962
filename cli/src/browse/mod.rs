//! `ez browse`: tasks and plans on the whole terminal, by keyboard alone.

mod catalog;
mod child;
mod entry;
mod form;
mod output;
mod state;
#[cfg(test)]
mod tests;
mod tree;
mod view;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crossterm::event::{self, Event, KeyEventKind};
use ratatui::DefaultTerminal;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::invocation::Options;
use crate::commands::{Context, Outcome};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::terminal;
use child::Run;
use state::{Effect, Input, State};
use view::Theme;

/// What a process ends with that a signal ended, less the signal's number.
const SIGNAL_BASE: u8 = 128;

/// What comes to the loop.
enum Message {
    /// Something for the state.
    Input(Input),
    /// The terminal is gone.
    Gone,
    /// A signal asks the program to end.
    Signal(Signal),
}

/// Browses a project until the user leaves.
pub fn run(context: &Context, options: &Options, place: &[String]) -> Outcome {
    if !terminal::is_present() {
        let message = "ez: `ez browse` needs a terminal; `ez list` and `ez show` tell the same without one";
        return Err(Failure::new(Code::OTHER, message));
    }
    let (title, entries) = catalog::read(context, options)?;
    let (messages, received) = channel();
    watch_signals(&messages);
    let mut terminal = ratatui::try_init().map_err(|error| failed(&error))?;
    let size = terminal.size().map(|size| (size.width, size.height)).unwrap_or_default();
    let state = State::new(title, entries, size);
    watch_keys(messages.clone());
    let mut browser = Browser {
        context,
        options,
        place,
        theme: Theme { is_colored: context.logger.palette().is_some() },
        state,
        inputs: inputs(&messages),
        run: None,
    };
    let ended = browser.go_on(&mut terminal, &received);
    ratatui::restore();
    if let Some(run) = &browser.run {
        run.end();
    }
    ended
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Code::OTHER, format!("ez: the terminal fails: {error}"))
}

/// A sender of inputs.
fn inputs(messages: &Sender<Message>) -> Sender<Input> {
    let (sender, receiver) = channel();
    let messages = messages.clone();
    thread::spawn(move || {
        while let Ok(input) = receiver.recv() {
            if messages.send(Message::Input(input)).is_err() {
                return;
            }
        }
    });
    sender
}

fn watch_keys(messages: Sender<Message>) {
    thread::spawn(move || {
        loop {
            let message = match event::read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Input(Input::Key(key)),
                Ok(Event::Resize(columns, rows)) => Message::Input(Input::Resized(columns, rows)),
                Ok(_) => continue,
                Err(_) => Message::Gone,
            };
            let is_over = matches!(message, Message::Gone);
            if messages.send(message).is_err() || is_over {
                return;
            }
        }
    });
}

/// Signals end the program as the key does, so that the terminal is as it was. They are heard from when this returns.
fn watch_signals(messages: &Sender<Message>) {
    let messages = messages.clone();
    let (ready, is_ready) = channel();
    thread::spawn(move || {
        // Without this the signals do what they always do.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let streams = (
                signal(SignalKind::terminate()),
                signal(SignalKind::hangup()),
                signal(SignalKind::interrupt()),
            );
            let (Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt)) = streams else { return };
            drop(ready);
            let told = tokio::select! {
                _ = terminate.recv() => Signal::TERM,
                _ = hangup.recv() => Signal::HUP,
                _ = interrupt.recv() => Signal::INT,
            };
            // A browser that is gone needs not be ended.
            let _ = messages.send(Message::Signal(told));
        });
    });
    // What it waits for is that the other end is dropped.
    let _: Result<(), _> = is_ready.recv();
}

struct Browser<'a> {
    context: &'a Context,
    options: &'a Options,
    place: &'a [String],
    theme: Theme,
    state: State,
    inputs: Sender<Input>,
    run: Option<Run>,
}

impl Browser<'_> {
    fn go_on(&mut self, terminal: &mut DefaultTerminal, received: &Receiver<Message>) -> Outcome {
        loop {
            terminal
                .draw(|frame| view::draw(frame, &mut self.state, self.theme))
                .map_err(|error| failed(&error))?;
            let Ok(first) = received.recv() else { return Ok(()) };
            // All that has come is taken before the next picture is drawn.
            for message in std::iter::once(first).chain(received.try_iter()) {
                let input = match message {
                    Message::Input(input) => input,
                    Message::Gone => return Ok(()),
                    Message::Signal(signal) => {
                        let number = u8::try_from(signal.as_raw()).unwrap_or_default();
                        return Err(Failure::silent(Code(SIGNAL_BASE + number)));
                    }
                };
                for effect in self.state.take(input) {
                    if effect == Effect::Quit {
                        return Ok(());
                    }
                    self.do_effect(effect);
                }
            }
        }
    }

    fn do_effect(&mut self, effect: Effect) {
        let input = match effect {
            Effect::Quit => return,
            Effect::Start(order) => match Run::start(&order, self.place, &self.inputs) {
                Ok(run) => {
                    self.run = Some(run);
                    return;
                }
                Err(error) => {
                    self.state.take(Input::Ended(None));
                    Input::Failed(format!("cannot start the run: {error}"))
                }
            },
            Effect::Interrupt => return self.signal(Signal::INT),
            Effect::Kill => return self.signal(Signal::KILL),
            Effect::ListLogs(task) => match catalog::logs(self.context, self.options, &task) {
                Ok(logs) => Input::Logs(logs),
                Err(failure) => Input::Failed(failure.message),
            },
            Effect::ReadLog(path) => match catalog::log_text(&path) {
                Ok(text) => Input::LogText(text),
                Err(message) => Input::Failed(message),
            },
            Effect::Load => match catalog::read(self.context, self.options) {
                Ok((_, entries)) => Input::Loaded(entries),
                Err(_) => Input::Failed("the project does not compile; `ez check` says why".to_owned()),
            },
        };
        self.state.take(input);
    }

    fn signal(&self, signal: Signal) {
        if let Some(run) = &self.run {
            run.signal(signal);
        }
    }
}
