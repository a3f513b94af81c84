//! Sizes, rates and times as people write them.

use std::time::Duration;

pub(super) use crate::model::parse_bytes;

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
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "a number for people")]
    let mut value = bytes as f64;
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].iter();
    let mut unit = "";
    while value >= 1024.0 {
        value /= 1024.0;
        unit = units.next().expect("2^64 bytes are 16 EiB");
    }
    format!("{value:.2} {unit}")
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
    fn writes_what_people_read() {
        for (bytes, text) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (25_165_824, "24.00 MiB")] {
            assert_eq!(show_bytes(bytes), text);
        }
        assert_eq!(show_bytes(u64::MAX), "16.00 EiB");
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "NaN", "1e9", "ten"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
