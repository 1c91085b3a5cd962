//! The file `EZ_STEP_OUTPUT`, to which a step writes values for later ones. What it means is the compiler's to say, so that a
//! compiled plan reads it the same way.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ez_compiler::plan::outputs::parse_outputs;
use smol_str::SmolStr;

/// The variable that names the file.
pub const VARIABLE: &str = "EZ_STEP_OUTPUT";
/// Most bytes that are read of it.
pub const MAX_SIZE: u64 = 1 << 20;

/// Why outputs cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file cannot be read.
    #[error("cannot read the outputs: {0}")]
    Disk(#[from] io::Error),
    /// It is larger than [`MAX_SIZE`].
    #[error("the outputs are larger than {MAX_SIZE} bytes")]
    TooLarge,
}

/// The outputs in a file that are among `declared`; a missing file has none.
///
/// # Errors
/// The file cannot be read, or is too large.
pub fn read(path: &Path, declared: &[SmolStr]) -> Result<BTreeMap<SmolStr, SmolStr>, OutputError> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_SIZE + 1).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    if text.len() as u64 > MAX_SIZE {
        return Err(OutputError::TooLarge);
    }
    Ok(parse_outputs(&String::from_utf8_lossy(&text), declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_a_limit() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        let declared = [SmolStr::new("a"), SmolStr::new("b")];
        assert!(read(&path, &declared).unwrap().is_empty());
        std::fs::write(&path, "a=1\nc=2\n").unwrap();
        let outputs = read(&path, &declared).unwrap();
        assert_eq!((outputs["a"].as_str(), outputs["b"].as_str(), outputs.len()), ("1", "", 2));
        std::fs::write(&path, vec![b'x'; MAX_SIZE as usize + 1]).unwrap();
        assert!(matches!(read(&path, &declared), Err(OutputError::TooLarge)));
    }
}
