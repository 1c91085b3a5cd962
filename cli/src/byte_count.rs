//! Numbers of bytes for people.

const KIBIBYTE: f64 = 1024.0;

/// A number of bytes with a unit that suits it.
pub fn text(bytes: u64) -> String {
    let kibibytes = bytes as f64 / KIBIBYTE;
    if kibibytes < KIBIBYTE {
        format!("{kibibytes:.1} KiB")
    } else {
        format!("{:.1} MiB", kibibytes / KIBIBYTE)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_unit_suits_the_number() {
        for (bytes, expected) in
            [(0, "0.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (5 << 30, "5120.0 MiB")]
        {
            assert_eq!(super::text(bytes), expected);
        }
    }
}
