//! Sizes as people write them.

/// Reads a number of bytes: `512`, `64K`, `1.5MiB`, `2G`. The letters count in
/// powers of 1024, as in curl and aria2.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write a number of bytes such as 500K, 1.5M or 2GiB");
    let digits = text.trim().trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.trim()[digits.len()..].to_ascii_lowercase();
    let factor: u64 = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    #[expect(clippy::cast_precision_loss, reason = "a factor is a power of two")]
    let bytes = number * factor as f64;
    if !(0.0..9e18).contains(&bytes) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range just checked")]
    Ok(bytes as u64)
}

/// A number of bytes in the largest unit that divides it: the text gives the
/// same number again.
pub fn exact_bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in
            [("0", 0), ("512", 512), ("64k", 65536), ("1.5MiB", 1_572_864), ("2 G", 2 << 30), ("10MB", 10 << 20)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "k", "-1", "1x", "1e30", "NaN", "inf"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_exact_size_reads_back() {
        for bytes in [0, 1, 1023, 1 << 10, 3 << 20, (3 << 20) + 1, 1 << 30, 5 << 40] {
            assert_eq!(parse_bytes(&exact_bytes(bytes)), Ok(bytes), "{}", exact_bytes(bytes));
        }
        assert_eq!(exact_bytes(64 << 20), "64MiB");
    }
}
