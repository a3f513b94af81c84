//! `Retry-After` (RFC 9110 section 10.2.3).

use std::time::{Duration, SystemTime};

/// How long a server asks to be left alone, at most `cap`.
///
/// The value is a number of seconds or a date, which is taken relative to
/// `now`; a date in the past asks for no wait. `None` where it is neither.
pub fn retry_after(value: &str, now: SystemTime, cap: Duration) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for 64 bits is still a number: the cap answers it.
        value.parse().map_or(cap, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        until.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(cap))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: Duration = Duration::from_mins(10);

    fn read(value: &str) -> Option<Duration> {
        let now = httpdate::parse_http_date("Fri, 31 Dec 1999 23:59:00 GMT").unwrap();
        retry_after(value, now, CAP)
    }

    #[test]
    fn reads_seconds_and_dates() {
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read(" 0 "), Some(Duration::ZERO));
        assert_eq!(read("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::from_secs(59)));
        assert_eq!(read("Fri, 31 Dec 1999 23:58:59 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn is_capped() {
        assert_eq!(read("601"), Some(CAP));
        assert_eq!(read("99999999999999999999999"), Some(CAP));
        assert_eq!(read("Fri, 31 Dec 9999 23:59:59 GMT"), Some(CAP));
    }

    #[test]
    fn refuses_anything_else() {
        for value in ["", "-1", "+1", "1.5", "soon", "1 2", "１"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn never_exceeds_the_cap(value in "[0-9]{0,30}|\\PC{0,40}") {
            prop_assert!(read(&value).is_none_or(|wait| wait <= CAP));
        }
    }
}
