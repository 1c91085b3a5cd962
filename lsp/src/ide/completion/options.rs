//! Words of which only some are allowed.

use ez_compiler::ast::platform::{KNOWN_ARCH, KNOWN_OS};
use ez_compiler::schema::EnumValue;

use super::Kind;
use super::rank::Candidates;
use super::request::Request;
use crate::ide::cursor::Style;

/// `true` and `false`.
pub const BOOLEANS: [EnumValue; 2] =
    [EnumValue { value: "true", about: "Yes." }, EnumValue { value: "false", about: "No." }];

/// Systems that most Taskfiles are written for.
const USUAL_SYSTEMS: &[&str] = &["linux", "darwin", "windows"];
/// Architectures that most Taskfiles are written for.
const USUAL_ARCHITECTURES: &[&str] = &["amd64", "arm64"];

/// One of the words.
pub fn add_words(request: &Request<'_>, words: &[EnumValue], found: &mut Candidates) {
    for (order, word) in words.iter().enumerate() {
        found.add(order as u16, word.value, || {
            let mut item = request.scalar(word.value, Kind::Word);
            if BOOLEANS.iter().any(|boolean| boolean.value == word.value)
                && request.cursor.style == Style::Plain
            {
                // Not the text `true`.
                let blank = if request.cursor.needs_blank { " " } else { "" };
                item.insert = format!("{blank}{}", word.value);
                return item;
            }
            item.about(word.about)
        });
    }
}

/// Systems, architectures, and behind `linux/` both.
pub fn add_platforms(request: &Request<'_>, found: &mut Candidates) {
    let rank = |usual: &[&str], name: &str| u16::from(!usual.contains(&name));
    if let Some((system, _)) = request.typed().split_once('/') {
        for architecture in KNOWN_ARCH {
            let name = format!("{system}/{architecture}");
            found.add(rank(USUAL_ARCHITECTURES, architecture), &name, || request.scalar(&name, Kind::Word));
        }
        return;
    }
    for system in KNOWN_OS {
        found.add(rank(USUAL_SYSTEMS, system), system, || request.scalar(system, Kind::Word));
    }
    for architecture in KNOWN_ARCH {
        let group = 2 + rank(USUAL_ARCHITECTURES, architecture);
        found.add(group, architecture, || request.scalar(architecture, Kind::Word));
    }
}

/// The version of the format.
pub fn add_versions(request: &Request<'_>, found: &mut Candidates) {
    found.add(0, "3", || request.scalar("3", Kind::Word).about("The version of the format."));
}
