//! Sizes, rates and times as people write them.

use std::time::Duration;

/// Reads a number of bytes: `512`, `64K`, `1.5MiB`, `2G`. The letters count in
/// powers of 1024, as in curl and aria2.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
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

/// Reads a time in seconds: `10`, `0.5`.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write seconds such as 10 or 0.5");
    let seconds: f64 = text.trim().parse().map_err(|_| wrong())?;
    if seconds <= 0.0 || seconds > 86_400.0 {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Reads `true` or `false`.
pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" | "" => Ok(false),
        _ => Err(format!("`{text}` is not a switch; write true or false")),
    }
}

/// Writes a number of bytes for people.
pub(super) fn show_bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// Writes a number of things.
pub(super) fn show_count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Writes a rate for people.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is far below 2^64")]
pub(super) fn show_rate(bytes_per_s: f64) -> String {
    format!("{}/s", show_bytes(bytes_per_s.max(0.0) as u64))
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
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "NaN", "1e9", "ten"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
