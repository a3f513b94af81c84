//! Versions as the gallery wants them.

/// A version in the form that the gallery accepts, or none where it is no
/// version at all: three or four numbers without leading zeros, the fourth not
/// zero, and then perhaps a word for a pre-release.
pub(super) fn normalised(version: &str) -> Option<String> {
    // NuGet 2, which Chocolatey speaks, knows neither build metadata nor dots
    // in the name of a pre-release; those of SemVer 2 are passed on as they are.
    let (rest, build) = version.split_once('+').map_or((version, None), |(rest, build)| (rest, Some(build)));
    let (numbers, label) = rest.split_once('-').map_or((rest, None), |(numbers, label)| (numbers, Some(label)));
    let parts: Option<Vec<u32>> = numbers.split('.').map(part).collect();
    let mut parts = parts.filter(|parts| (1..=4).contains(&parts.len()))?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|l| l.is_ascii_alphanumeric() || b"-.".contains(&l));
    if [label, build].into_iter().flatten().any(|text| !word(text)) {
        return None;
    }
    while parts.len() < 3 {
        parts.push(0);
    }
    if parts.len() == 4 && parts[3] == 0 {
        parts.pop();
    }
    let numbers = parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let label = label.map(|label| format!("-{label}")).unwrap_or_default();
    let build = build.map(|build| format!("+{build}")).unwrap_or_default();
    Some(numbers + &label + &build)
}

fn part(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_normalised() {
        let cases = [
            ("1", Some("1.0.0")),
            ("1.2", Some("1.2.0")),
            ("1.2.3", Some("1.2.3")),
            ("1.2.3.0", Some("1.2.3")),
            ("1.2.3.20260131", Some("1.2.3.20260131")),
            ("01.2.3", Some("1.2.3")),
            ("1.2.3-beta1", Some("1.2.3-beta1")),
            ("1.2-rc.1", Some("1.2.0-rc.1")),
            ("1.2.3.4.5", None),
            ("v1.2.3", None),
            ("1.2.x", None),
            ("1.2.3-", None),
            ("", None),
        ];
        for (version, wanted) in cases {
            assert_eq!(normalised(version).as_deref(), wanted, "{version}");
        }
    }
}
