//! Versions as the gallery takes them: three numbers or four, no leading
//! zeros, and at most one word behind a hyphen.

/// A normalised version, and what was lost on the way.
#[derive(Debug, PartialEq, Eq)]
pub struct Normalised {
    /// The version.
    pub version: String,
    /// Build metadata that a package cannot carry.
    pub lost_build: Option<String>,
    /// Whether the pre-release part had to be written otherwise.
    pub is_renamed: bool,
}

/// Normalises a version; none when it does not begin with one to four numbers.
pub fn normalise(version: &str) -> Option<Normalised> {
    let (version, build) = match version.split_once('+') {
        Some((version, build)) => (version, Some(build.to_owned())),
        None => (version, None),
    };
    let (numbers, pre) = match version.split_once('-') {
        Some((numbers, pre)) => (numbers, Some(pre)),
        None => (version, None),
    };
    let mut parts: Vec<u32> = numbers.split('.').map(number).collect::<Option<_>>()?;
    if parts.len() > 4 {
        return None;
    }
    parts.resize(parts.len().max(3), 0);
    if parts.len() == 4 && parts[3] == 0 {
        parts.truncate(3);
    }
    let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
    let mut text = parts.join(".");
    let mut is_renamed = false;
    if let Some(pre) = pre.filter(|pre| !pre.is_empty()) {
        // Of the second rules of semantic versions the gallery knows nothing.
        let word: String = pre.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
        let begins = word.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let word = if begins { word } else { format!("pre{word}") };
        let word: String = word.chars().take(20).collect();
        is_renamed = word != pre;
        text = format!("{text}-{word}");
    }
    Some(Normalised { version: text, lost_build: build, is_renamed })
}

fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// With a fourth number for a package that is mended while its program stays:
/// the day, `yyyyMMdd`.
pub fn mended(version: &str, day: &str) -> Option<String> {
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) && !day.starts_with('0');
    let (numbers, pre) = version.split_once('-').map_or((version, None), |(numbers, pre)| (numbers, Some(pre)));
    if !is_day || numbers.split('.').count() != 3 {
        return None;
    }
    Some(match pre {
        Some(pre) => format!("{numbers}.{day}-{pre}"),
        None => format!("{numbers}.{day}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_normalised() {
        let cases = [
            ("1.2", "1.2.0"),
            ("7", "7.0.0"),
            ("1.2.3.0", "1.2.3"),
            ("1.2.3.4", "1.2.3.4"),
            ("2024.01.05", "2024.1.5"),
            ("1.2.3-rc.1", "1.2.3-rc1"),
            ("1.2.3-1", "1.2.3-pre1"),
            ("1.2.3+build.7", "1.2.3"),
        ];
        for (from, to) in cases {
            assert_eq!(normalise(from).unwrap().version, to, "{from}");
        }
        for bad in ["", "v1", "1.2.3.4.5", "latest", "1..2", "1.x"] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
        assert!(normalise("1.2.3-rc.1").unwrap().is_renamed && !normalise("1.2.3-rc1").unwrap().is_renamed);
        assert_eq!(mended("1.2.3", "20260102").unwrap(), "1.2.3.20260102");
        assert_eq!(mended("1.2.3-rc1", "20260102").unwrap(), "1.2.3.20260102-rc1");
        assert_eq!(mended("1.2.3.4", "20260102"), None);
    }
}
