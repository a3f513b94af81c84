//! The user's own rules, from flattened settings.
//!
//! ```toml
//! [[rule]]
//! host-suffix = "files.example"
//! path = "/pub/{rest..}"
//! endings = [".iso"]
//! targets = [{ url = "https://mirror.example/files/{rest}", region = "de", weight = 80, kind = "mirror" }]
//! ```

use turbo_component::Place;

use crate::rule::{Rule, Target};
use crate::shape;

/// Reads `rule.0.host-suffix`, `rule.0.targets.0.url` and so on, in any order.
pub fn parse(settings: &[(String, String)]) -> Result<Vec<Rule>, String> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (key, value) in settings {
        let unknown = || [key, ": unknown setting; rules are written as rule.0.host-suffix and so on"].concat();
        let (position, field) = key.strip_prefix("rule.").and_then(positioned).ok_or_else(unknown)?;
        at(&mut drafts, position, key)?.set(key, field, value)?;
    }
    drafts.iter().enumerate().map(|(position, draft)| draft.finish(position)).collect()
}

/// More positions than anybody writes, so that `rule.4000000000` is an error
/// and not an allocation.
const MOST_POSITIONS: usize = 1_000;

/// A rule as far as it has been read.
#[derive(Default)]
struct Draft {
    host_suffix: &'static str,
    path: &'static str,
    endings: Vec<&'static str>,
    targets: Vec<TargetDraft>,
}

struct TargetDraft {
    url: &'static str,
    region: &'static str,
    weight: u32,
    make: fn(&'static str) -> Place,
}

impl Default for TargetDraft {
    fn default() -> Self {
        Self { url: "", region: "", weight: 50, make: Place::mirror }
    }
}

impl Draft {
    fn set(&mut self, key: &str, field: &str, value: &str) -> Result<(), String> {
        match field {
            "host-suffix" => self.host_suffix = keep(host_suffix(key, value)?),
            "path" => self.path = keep(value),
            _ => match (field.strip_prefix("endings."), field.strip_prefix("targets.").and_then(positioned)) {
                (Some(position), _) => {
                    let position = position.parse().map_err(|_| [key, ": unknown setting"].concat())?;
                    *at(&mut self.endings, position, key)? = keep(value);
                }
                (_, Some((position, field))) => at(&mut self.targets, position, key)?.set(key, field, value)?,
                _ => return Err([key, ": unknown setting; a rule has host-suffix, path, endings and targets"].concat()),
            },
        }
        Ok(())
    }

    fn finish(&self, position: usize) -> Result<Rule, String> {
        let key = ["rule.", &position.to_string()].concat();
        for (field, is_missing) in [
            (".host-suffix", self.host_suffix.is_empty()),
            (".path", self.path.is_empty()),
            (".targets", self.targets.is_empty()),
        ] {
            if is_missing {
                return Err([&key, field, ": missing"].concat());
            }
        }
        let templates: Vec<_> = self.targets.iter().map(|target| target.url).collect();
        if let Some(missing) = templates.iter().position(|url| url.is_empty()) {
            return Err([&key, ".targets.", &missing.to_string(), ".url: missing"].concat());
        }
        shape::check(self.path, &templates).map_err(|problem| [&key, ": ", &problem].concat())?;
        let mut ranked: Vec<&TargetDraft> = Vec::new();
        for target in &self.targets {
            // The standard sorts would be a tenth of the whole component.
            ranked.insert(ranked.partition_point(|better| better.weight >= target.weight), target);
        }
        let targets = ranked.into_iter().map(TargetDraft::finish).collect::<Vec<_>>().leak();
        Ok(Rule { host_suffix: self.host_suffix, path: self.path, endings: self.endings.clone().leak(), targets })
    }
}

impl TargetDraft {
    fn set(&mut self, key: &str, field: &str, value: &str) -> Result<(), String> {
        match field {
            "url" => self.url = keep(target_url(key, value)?),
            "region" => self.region = keep(region(key, value)?),
            "weight" => self.weight = weight(key, value)?,
            "kind" => self.make = kind(key, value)?,
            _ => return Err([key, ": unknown setting; a target has url, region, weight and kind"].concat()),
        }
        Ok(())
    }

    fn finish(&self) -> Target {
        let place = (self.make)("").region(self.region).weight(self.weight);
        Target { place: Box::leak(Box::new(place)), tail: self.url }
    }
}

/// Settings are read once and needed to the end of the instance.
fn keep(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// Splits `0.host-suffix` into its position and its field.
fn positioned(key: &str) -> Option<(usize, &str)> {
    let (position, field) = key.split_once('.')?;
    Some((position.parse().ok()?, field))
}

/// The item at a position. Items may come in any order; a gap shows as an item
/// that lacks everything.
fn at<'a, T: Default>(items: &'a mut Vec<T>, position: usize, key: &str) -> Result<&'a mut T, String> {
    if position >= MOST_POSITIONS {
        return Err([key, ": positions end at 999"].concat());
    }
    if position >= items.len() {
        items.resize_with(position + 1, T::default);
    }
    Ok(&mut items[position])
}

fn host_suffix<'a>(key: &str, value: &'a str) -> Result<&'a str, String> {
    let is_host = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    if !value.is_empty() && !value.starts_with('.') && value.bytes().all(is_host) {
        return Ok(value);
    }
    Err([key, ": `", value, "` is no host; write it in lower case, without scheme, port or path"].concat())
}

fn target_url<'a>(key: &str, value: &'a str) -> Result<&'a str, String> {
    let behind = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match behind.and_then(|rest| rest.split_once('/')) {
        Some((host, _)) if !host.is_empty() && !host.contains(['{', '@', '?']) => Ok(value),
        _ => {
            Err([key, ": `", value, "` is no target; write https://HOST/PATH with captures in the path only"].concat())
        }
    }
}

fn region<'a>(key: &str, value: &'a str) -> Result<&'a str, String> {
    if value.is_empty() || (value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_lowercase())) {
        return Ok(value);
    }
    Err([key, ": `", value, "` is no region; write two lower-case letters (ISO 3166-1) or nothing"].concat())
}

fn weight(key: &str, value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(weight) if weight <= 100 => Ok(weight),
        _ => Err([key, ": `", value, "` is no weight; write a whole number from 0 to 100"].concat()),
    }
}

fn kind(key: &str, value: &str) -> Result<fn(&'static str) -> Place, String> {
    match value {
        "mirror" => Ok(Place::mirror),
        "cdn" => Ok(Place::cdn),
        "proxy" => Ok(Place::proxy),
        _ => Err([key, ": `", value, "` is no kind; write mirror, cdn or proxy"].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(settings: &[(&str, &str)]) -> Result<Vec<Rule>, String> {
        parse(&settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>())
    }

    const WHOLE: [(&str, &str); 4] = [
        ("rule.0.targets.0.url", "https://slow.example/{rest}"),
        ("rule.0.host-suffix", "files.example"),
        ("rule.0.path", "/pub/{rest..}"),
        ("rule.0.endings.0", ".iso"),
    ];

    #[test]
    fn settings_come_in_any_order_and_the_best_target_goes_first() {
        let fast = [("rule.0.targets.1.url", "https://fast.example/x/{rest}"), ("rule.0.targets.1.weight", "90")];
        let read = rules(&[&WHOLE[..], &fast].concat()).unwrap();
        let tails: Vec<_> = read[0].targets.iter().map(|target| target.tail).collect();
        assert_eq!(tails, ["https://fast.example/x/{rest}", "https://slow.example/{rest}"]);
        assert_eq!((read[0].host_suffix, read[0].endings), ("files.example", &[".iso"][..]));
    }

    #[test]
    fn an_error_names_the_setting_and_the_fault() {
        for (key, value, wanted) in [
            ("rules.0.path", "/", "rules.0.path: unknown setting"),
            ("rule.x.path", "/", "rule.x.path: unknown setting"),
            ("rule.0.hostsuffix", "a", "rule.0.hostsuffix: unknown setting; a rule has"),
            ("rule.0.targets.0.uri", "a", "rule.0.targets.0.uri: unknown setting; a target has"),
            ("rule.0.host-suffix", "https://a.example", "rule.0.host-suffix: `https://a.example` is no host"),
            ("rule.0.host-suffix", "A.example", "rule.0.host-suffix: `A.example` is no host"),
            ("rule.0.targets.0.url", "ftp://a/b", "rule.0.targets.0.url: `ftp://a/b` is no target"),
            ("rule.0.targets.0.url", "https://{rest}/b", "rule.0.targets.0.url: `https://{rest}/b` is no target"),
            ("rule.0.targets.0.url", "https://a/{name}", "rule.0: https://a/{name}: the path captures no {name}"),
            ("rule.0.targets.0.weight", "101", "rule.0.targets.0.weight: `101` is no weight"),
            ("rule.0.targets.0.region", "CN", "rule.0.targets.0.region: `CN` is no region"),
            ("rule.0.targets.0.kind", "origin", "rule.0.targets.0.kind: `origin` is no kind"),
            ("rule.0.path", "pub/{rest..}", "rule.0: pub/{rest..}: a path begins with /"),
            ("rule.1.path", "/a", "rule.1.host-suffix: missing"),
            ("rule.0.targets.1.weight", "1", "rule.0.targets.1.url: missing"),
            ("rule.4000000000.path", "/a", "rule.4000000000.path: positions end at 999"),
        ] {
            let error = rules(&[&WHOLE[..], &[(key, value)]].concat()).unwrap_err();
            assert!(error.starts_with(wanted), "{key} = {value}: {error}");
        }
        assert_eq!(rules(&WHOLE[1..]).unwrap_err(), "rule.0.targets: missing");
    }
}
