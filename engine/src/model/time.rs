//! Moments as text (RFC 3339), and days as moments.

const SECONDS_PER_DAY: u64 = 86_400;

/// A moment, in whole seconds since 1970, as `2026-11-25T12:00:00Z`.
pub fn rfc3339(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / SECONDS_PER_DAY);
    let of_day = seconds % SECONDS_PER_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The first moment of a day `YYYY-MM-DD` in UTC, in seconds since 1970. Later
/// text is ignored, so that a whole RFC 3339 moment names its day. None where
/// it is no day, or one before 1970.
pub fn seconds_of_day(text: &str) -> Option<u64> {
    let day = text.get(..10)?;
    let mut parts = day.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u64>().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let days = days(year, month, day)?;
    // A day that the calendar has not becomes another one.
    (civil(days) == (year, month, day)).then_some(days * SECONDS_PER_DAY)
}

/// A moment as [`rfc3339`] writes it, in seconds since 1970.
pub fn seconds_of_moment(text: &str) -> Option<u64> {
    let day = seconds_of_day(text)?;
    let of_day = text.get(11..19)?.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    let [hour, minute, second] = of_day[..] else { return None };
    let moment = day + hour * 3600 + minute * 60 + second;
    // Whatever is written in another way, or is no time of a day, reads as another text.
    (rfc3339(moment) == text).then_some(moment)
}

/// The day of the proleptic Gregorian calendar, by Howard Hinnant's
/// `civil_from_days`, for days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = ((153 * shifted_month + 2) / 5 + day).checked_sub(1)?;
    let of_era = (year % 400) * 365 + year % 400 / 4 - year % 400 / 100 + of_year;
    (year / 400 * 146_097 + of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_asks() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(rfc3339(4_102_444_799), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(seconds_of_day("1970-01-02"), Some(86_400));
        assert_eq!(seconds_of_day("2026-11-25T09:00:00Z"), Some(1_795_564_800));
        for wrong in
            ["", "2026-13-01", "2026-02-29", "2026-00-10", "2026-01-00", "1969-12-31", "2026-1-01", "x026-01-01"]
        {
            assert_eq!(seconds_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for wrong in ["2026-11-25", "2026-11-25T24:00:00Z", "2026-11-25T09:00:00+01:00", "2026-11-25T09:60:00Z", ""] {
            assert_eq!(seconds_of_moment(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_day_is_read_as_written(days in 0_u64..60_000) {
            let text = rfc3339(days * SECONDS_PER_DAY);
            prop_assert_eq!(seconds_of_day(&text), Some(days * SECONDS_PER_DAY));
        }

        #[test]
        fn a_moment_is_read_as_written(seconds in 0_u64..10_000_000_000, text in "[0-9TZ:é-]{0,24}") {
            prop_assert_eq!(seconds_of_moment(&rfc3339(seconds)), Some(seconds));
            prop_assert!(seconds_of_moment(&text).is_none_or(|moment| rfc3339(moment) == text));
        }
    }
}
