//! Where symbolic links of a package lead, other links on their way included.

use std::collections::HashMap;

use super::{Fault, path};

/// Most links on the way of one: that of Linux.
const MAX_LINKS: usize = 40;

/// The links of a package: their targets by their paths.
#[derive(Clone, Debug, Default)]
pub struct Links<'a>(HashMap<&'a str, &'a str>);

impl<'a> FromIterator<(&'a str, &'a str)> for Links<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(links: I) -> Self {
        Self(links.into_iter().collect())
    }
}

impl Links<'_> {
    /// Whether there is a link at a path.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Checks that a link stays in the folder.
    ///
    /// # Errors
    /// It leads out, or to itself, or its target is no text that a package takes.
    pub fn check(&self, link: &str, target: &str) -> Result<(), Fault> {
        if target.is_empty() || target.len() > path::MAX_NAME_BYTES {
            return Err(Fault::TooLong);
        }
        if target.chars().any(char::is_control) {
            return Err(Fault::ControlCharacter);
        }
        let out = || Fault::LinkOut(target.to_owned());
        let mut place: Vec<&str> = link.split('/').collect();
        place.pop();
        // What is still to be walked, the next part last.
        let mut rest: Vec<&str> = Vec::new();
        let mut follow = target;
        let mut count = 0;
        loop {
            if follow.starts_with('/') {
                return Err(out());
            }
            count += 1;
            if count > MAX_LINKS {
                return Err(Fault::LinkLoop);
            }
            rest.extend(follow.split('/').rev());
            follow = loop {
                match rest.pop() {
                    None => return Ok(()),
                    Some("" | ".") => {}
                    Some("..") => {
                        place.pop().ok_or_else(out)?;
                    }
                    Some(part) => {
                        place.push(part);
                        if let Some(next) = self.0.get(place.join("/").as_str()) {
                            place.pop();
                            break *next;
                        }
                    }
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside_by_every_way() {
        let check = |links: &[(&str, &str)], expected: Option<Fault>| {
            let all: Links = links.iter().copied().collect();
            let fault = links.iter().find_map(|(link, target)| all.check(link, target).err());
            assert_eq!(fault, expected, "{links:?}");
        };
        let out = |target: &str| Some(Fault::LinkOut(target.into()));
        check(&[("a", "b")], None);
        check(&[("d/a", "../b")], None);
        check(&[("d/a", "..")], None);
        check(&[("a", "x/../y/./z//")], None);
        check(&[("a", "b"), ("b", "c")], None);
        check(&[("a", "/etc")], out("/etc"));
        check(&[("a", "..")], out(".."));
        check(&[("a", "../tasks/me/x")], out("../tasks/me/x"));
        check(&[("d/a", "../../x")], out("../../x"));
        // `b` is `d`, so `b/..` is the folder; but `s/..` is `d`, whose own `..` leads out one earlier.
        check(&[("b", "d/e"), ("c", "b/../..")], None);
        check(&[("b", "d"), ("c", "b/../..")], out("b/../.."));
        check(&[("x/up", ".."), ("c", "x/up/..")], out("x/up/.."));
        check(&[("a", "b"), ("b", "/etc")], out("b"));
        check(&[("a", "a")], Some(Fault::LinkLoop));
        check(&[("a", "b"), ("b", "a")], Some(Fault::LinkLoop));
        check(&[("a", "")], Some(Fault::TooLong));
        check(&[("a", "x\ny")], Some(Fault::ControlCharacter));
    }
}
