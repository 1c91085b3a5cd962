//! Which paths of a tree are meant: shell patterns from its root, as in `dist/**/*.tar`. A pattern that meets a directory means all that is in it, and one that
//! begins with `!` takes away.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::tree_path::{BadPath, TreePath};

/// The most patterns at once.
pub const MAX_PATTERNS: usize = 1000;

/// Why a pattern means nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadPattern {
    /// It leads out of the tree.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// It is wrong.
    #[error("`{0}` is no pattern: {1}")]
    Glob(String, String),
    /// There are too many.
    #[error("there are more than {MAX_PATTERNS} patterns")]
    TooMany,
}

/// Patterns, ready to be asked.
#[derive(Clone, Debug)]
pub struct Patterns {
    wanted: GlobSet,
    unwanted: GlobSet,
    single: Vec<GlobSet>,
    texts: Vec<String>,
    bases: Vec<String>,
}

impl Patterns {
    /// Of their texts. `.` is everything.
    ///
    /// # Errors
    /// One is wrong, or leads out of the tree.
    pub fn new(texts: &[String]) -> Result<Self, BadPattern> {
        if texts.len() > MAX_PATTERNS {
            return Err(BadPattern::TooMany);
        }
        let (mut wanted, mut unwanted) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let (mut single, mut kept, mut bases) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            if let Some(text) = text.strip_prefix('!') {
                for glob in globs(text)? {
                    unwanted.add(glob);
                }
                continue;
            }
            let mut own = GlobSetBuilder::new();
            for glob in globs(text)? {
                own.add(glob.clone());
                wanted.add(glob);
            }
            single.push(build(&own, text)?);
            kept.push(text.clone());
            bases.push(base(text));
        }
        Ok(Self { wanted: build(&wanted, "")?, unwanted: build(&unwanted, "")?, single, texts: kept, bases })
    }

    /// Whether a path is meant.
    pub fn is_match(&self, path: &str) -> bool {
        self.wanted.is_match(path) && !self.unwanted.is_match(path)
    }

    /// The directories and files in which everything is that can be meant; an empty one is the root.
    pub fn bases(&self) -> &[String] {
        &self.bases
    }

    /// The patterns that none of these paths meets.
    pub fn without_match<'p>(&self, paths: &(impl Iterator<Item = &'p TreePath> + Clone)) -> Vec<&str> {
        let is_missed =
            |(_, glob): &(&String, &GlobSet)| !paths.clone().any(|path| glob.is_match(path.as_str()));
        self.texts.iter().zip(&self.single).filter(is_missed).map(|(text, _)| text.as_str()).collect()
    }
}

fn build(builder: &GlobSetBuilder, text: &str) -> Result<GlobSet, BadPattern> {
    builder.build().map_err(|error| BadPattern::Glob(text.to_owned(), error.to_string()))
}

/// The pattern itself, and what is in the directories that it meets.
fn globs(text: &str) -> Result<Vec<Glob>, BadPattern> {
    let text = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
    if matches!(text, "." | "") {
        return Ok(vec![glob("**")?]);
    }
    TreePath::new(text)?;
    Ok(vec![glob(text)?, glob(&format!("{text}/**"))?])
}

fn glob(text: &str) -> Result<Glob, BadPattern> {
    let mut builder = GlobBuilder::new(text);
    builder.literal_separator(true).backslash_escape(true);
    builder.build().map_err(|error| BadPattern::Glob(text.to_owned(), error.kind().to_string()))
}

/// The names of a pattern before the first that has something to be matched.
fn base(text: &str) -> String {
    let text = text.strip_prefix("./").unwrap_or(text);
    let is_plain = |name: &&str| {
        !name.is_empty() && *name != "." && !name.contains(['*', '?', '[', ']', '{', '}', '\\'])
    };
    text.split('/').take_while(is_plain).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{Patterns, TreePath};

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::new(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_is_meant() {
        let meant = patterns(&["dist", "./src/*.c", "a/**/z", "!dist/tmp", "x[12]"]);
        for path in ["dist", "dist/a/b", "src/a.c", "a/z", "a/b/c/z", "x1", "x2/y"] {
            assert!(meant.is_match(path), "{path}");
        }
        for path in ["dist/tmp", "dist/tmp/x", "distant", "src/d/a.c", "a/y", "src", "x3", ""] {
            assert!(!meant.is_match(path), "{path}");
        }
        assert_eq!(meant.bases(), ["dist", "src", "a", ""]);
        assert!(patterns(&["."]).is_match("any/thing"));
        assert!(!patterns(&[]).is_match("x"));
    }

    #[test]
    fn what_meets_nothing() {
        let paths = [TreePath::new("dist/a").unwrap()];
        assert_eq!(patterns(&["dist", "*.log"]).without_match(&paths.iter()), ["*.log"]);
    }

    #[test]
    fn what_leads_out_is_refused() {
        for bad in ["/etc/*", "../x", "a/../b", "[", "a//b"] {
            assert!(Patterns::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
