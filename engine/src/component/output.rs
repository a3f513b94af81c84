//! Checks what a rule answers, natively.
//!
//! A rule is a stranger: whatever it proposes, nothing leaves this module but
//! absolute, public, credential-free URLs that are as safe as the request.
//! Where a name leads is the network layer's to check, after resolution.

use std::sync::Arc;

use url::Url;

use super::bindings::v0_1::rules;
use super::failure::Failure;
use super::text::printable;
use super::{FaultKind, Limits, OutputCheck};
use crate::model::{
    Candidate, CandidateKind, CandidateUrl, DisplayUrl, PrivateMirrors, Promise, Region, check_public, is_public_name,
};

const HIGHEST_WEIGHT: u32 = 100;
const QUOTED_BYTES: usize = 120;

/// What candidates are held against.
#[derive(Clone, Copy)]
pub(super) struct Standard<'a> {
    /// The URL asked.
    pub(super) request: &'a Url,
    /// What a component may use.
    pub(super) limits: &'a Limits,
    /// Whether private hosts pass.
    pub(super) private_mirrors: PrivateMirrors,
}

/// Adds a rule's candidates to those of the rules before it: those that pass,
/// are not the request itself and are not there already. Returns what was
/// dropped, one failure a check.
pub(super) fn admit(
    standard: Standard<'_>,
    rule: &Arc<str>,
    proposed: Vec<rules::Candidate>,
    admitted: &mut Vec<Candidate>,
) -> Vec<Failure> {
    let mut dropped = Dropped::default();
    let cap = standard.limits.candidates as usize;
    if let Some(first) = proposed.get(cap) {
        dropped.add(OutputCheck::Count, &first.url, proposed.len() - cap);
    }
    admitted.reserve(proposed.len().min(cap));
    for candidate in proposed.into_iter().take(cap) {
        match standard.check(rule, candidate) {
            Ok(candidate) if is_known(standard.request, admitted, &candidate.url) => {}
            Ok(candidate) => admitted.push(candidate),
            Err(refused) => dropped.add(refused.check, &refused.url, 1),
        }
    }
    dropped.0.into_iter().map(DroppedBy::failure).collect()
}

fn is_known(request: &Url, admitted: &[Candidate], url: &CandidateUrl) -> bool {
    request.as_str() == url.as_str() || admitted.iter().any(|other| other.url == *url)
}

/// A proposal that failed a check.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    check: OutputCheck,
    url: String,
}

impl Refused {
    fn because(check: OutputCheck, url: impl Into<String>) -> Self {
        Self { check, url: url.into() }
    }
}

#[derive(Default)]
struct Dropped(Vec<DroppedBy>);

struct DroppedBy {
    check: OutputCheck,
    count: usize,
    first: String,
}

impl Dropped {
    fn add(&mut self, check: OutputCheck, url: &str, count: usize) {
        match self.0.iter_mut().find(|drop| drop.check == check) {
            Some(drop) => drop.count += count,
            None => self.0.push(DroppedBy { check, count, first: quote(url) }),
        }
    }
}

/// A refused URL, without what may be a secret in it.
fn quote(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) => printable(&DisplayUrl(&url).to_string(), QUOTED_BYTES),
        Err(_) => printable(text, QUOTED_BYTES),
    }
}

impl DroppedBy {
    fn failure(self) -> Failure {
        Failure::new(FaultKind::Output(self.check), format!("{} dropped, the first is `{}`", self.count, self.first))
    }
}

impl Standard<'_> {
    fn check(self, rule: &Arc<str>, proposed: rules::Candidate) -> Result<Candidate, Refused> {
        let url = self.check_url(proposed.url)?;
        let Some(region) = region(&proposed.region) else { return Err(Refused::because(OutputCheck::Region, url)) };
        Ok(Candidate {
            url,
            rule: Arc::clone(rule),
            region,
            weight: u8::try_from(proposed.weight.min(HIGHEST_WEIGHT)).expect("at most 100"),
            kind: match proposed.kind {
                rules::CandidateKind::Mirror => CandidateKind::Mirror,
                rules::CandidateKind::Cdn => CandidateKind::Cdn,
                rules::CandidateKind::Proxy => CandidateKind::Proxy,
            },
            promise: match proposed.promise {
                rules::Promise::SameBytes => Promise::SameBytes,
                rules::Promise::MayDiffer => Promise::MayDiffer,
            },
        })
    }

    fn check_url(self, text: String) -> Result<CandidateUrl, Refused> {
        if text.len() > self.limits.url_bytes as usize {
            return Err(Refused::because(OutputCheck::Length, text));
        }
        match CandidateUrl::plain(text) {
            // Of what remains to be checked, only the name can be wrong.
            Ok(url) if self.private_mirrors == PrivateMirrors::Allow || is_public_name(url.host()) => Ok(url),
            Ok(url) => Err(Refused::because(OutputCheck::Address, url)),
            Err(text) => self.check_by_parsing(&text).map_err(|check| Refused::because(check, text)),
        }
    }

    fn check_by_parsing(self, text: &str) -> Result<CandidateUrl, OutputCheck> {
        if has_control_or_space(text) {
            return Err(OutputCheck::Character);
        }
        let mut url = Url::parse(text).map_err(|_| OutputCheck::Syntax)?;
        match url.scheme() {
            "https" => {}
            "http" if self.request.scheme() == "http" => {}
            _ => return Err(OutputCheck::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutputCheck::Credentials);
        }
        if self.private_mirrors == PrivateMirrors::Refuse && check_public(&url).is_err() {
            return Err(OutputCheck::Address);
        }
        if url.fragment().is_some() {
            url.set_fragment(None);
        }
        Ok(url.into())
    }
}

/// What the URL parser would silently drop or trim. Without an early exit the
/// loop becomes a handful of vector instructions.
fn has_control_or_space(text: &str) -> bool {
    text.bytes().fold(0, |found, byte| found | u8::from(byte <= b' ' || byte == 0x7f)) != 0
}

fn region(text: &str) -> Option<Region> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(url: &str) -> rules::Candidate {
        rules::Candidate {
            url: url.into(),
            region: String::new(),
            weight: 50,
            kind: rules::CandidateKind::Mirror,
            promise: rules::Promise::SameBytes,
        }
    }

    fn check_with(request: &str, private_mirrors: PrivateMirrors, url: &str) -> Result<String, OutputCheck> {
        let limits = Limits::default();
        let standard = Standard { request: &request.parse().unwrap(), limits: &limits, private_mirrors };
        standard.check_url(url.to_owned()).map(String::from).map_err(|refused| refused.check)
    }

    fn check(url: &str) -> Result<String, OutputCheck> {
        check_with("https://origin.example/f", PrivateMirrors::Refuse, url)
    }

    #[test]
    fn a_public_https_url_passes() {
        for url in
            ["https://m.example/f?x=1", "https://m.example:8443/f", "https://[2606:4700::1111]/f", "https://1.1.1.1/f"]
        {
            assert_eq!(check(url).as_deref(), Ok(url));
        }
        assert_eq!(check("https://m.example/f#part").as_deref(), Ok("https://m.example/f"));
    }

    #[test]
    fn a_step_down_from_https_is_refused() {
        assert_eq!(check("http://m.example/f"), Err(OutputCheck::Scheme));
        assert_eq!(check("ftp://m.example/f"), Err(OutputCheck::Scheme));
        assert_eq!(check("file:///etc/passwd"), Err(OutputCheck::Scheme));
        assert_eq!(check("javascript:alert(1)"), Err(OutputCheck::Scheme));
        assert!(check_with("http://origin.example/f", PrivateMirrors::Refuse, "http://m.example/f").is_ok());
    }

    #[test]
    fn private_hosts_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "10.0.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "127.1",
            "intranet",
            "metadata.google.internal",
            "printer.local",
            "router.home.arpa",
            "x.onion",
            "kubernetes.default.svc",
            "a.test",
            "0.0.0.0",
            "１２７.0.0.1",
        ] {
            let url = format!("https://{host}/f");
            assert_eq!(check(&url), Err(OutputCheck::Address), "{host}");
            assert!(check_with("https://o.example/f", PrivateMirrors::Allow, &url).is_ok(), "{host}");
        }
    }

    #[test]
    fn ports_of_other_services_are_refused() {
        for url in ["https://m.example:22/f", "https://1.1.1.1:6379/f", "https://m.example:8081/f"] {
            assert_eq!(check(url), Err(OutputCheck::Address), "{url}");
            assert!(check_with("https://o.example/f", PrivateMirrors::Allow, url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_absolute_url_is_refused() {
        for (url, expected) in [
            ("", OutputCheck::Syntax),
            ("/f", OutputCheck::Syntax),
            ("//m.example/f", OutputCheck::Syntax),
            ("https://", OutputCheck::Syntax),
            ("https://m.example:99999/f", OutputCheck::Syntax),
            ("https://me@m.example/f", OutputCheck::Credentials),
            ("https://:pw@m.example/f", OutputCheck::Credentials),
            ("https://m.example/a b", OutputCheck::Character),
            ("https://m.exam\tple/f", OutputCheck::Character),
            ("https://m.example/f\r\nHost: x", OutputCheck::Character),
            ("https://m.example/\u{7f}", OutputCheck::Character),
        ] {
            assert_eq!(check(url), Err(expected), "{url:?}");
        }
        assert_eq!(check(&format!("https://m.example/{}", "x".repeat(9000))), Err(OutputCheck::Length));
    }

    fn admit_all(proposed: impl Into<Vec<rules::Candidate>>) -> (Vec<Candidate>, Vec<Failure>) {
        let request = "https://origin.example/f".parse().unwrap();
        let limits = Limits { candidates: 4, ..Limits::default() };
        let standard = Standard { request: &request, limits: &limits, private_mirrors: PrivateMirrors::Refuse };
        let mut admitted = Vec::new();
        let failures = admit(standard, &"rule".into(), proposed.into(), &mut admitted);
        (admitted, failures)
    }

    #[test]
    fn the_request_itself_and_duplicates_are_dropped_silently() {
        let (admitted, failures) = admit_all([
            proposal("https://origin.example/f"),
            proposal("https://m.example/f"),
            proposal("HTTPS://M.example:443/f#x"),
        ]);
        assert_eq!(
            admitted.iter().map(|candidate| candidate.url.as_str()).collect::<Vec<_>>(),
            ["https://m.example/f"]
        );
        assert!(failures.is_empty());
    }

    #[test]
    fn refusals_are_counted_by_check() {
        let proposed =
            ["http://a.example/", "http://b.example/", "https://10.0.0.1/", "https://c.example/", "https://d.example/"];
        let (admitted, failures) = admit_all(proposed.map(proposal));
        assert_eq!(admitted.len(), 1);
        let kinds: Vec<FaultKind> = failures.iter().map(|failure| failure.kind).collect();
        let checks = [OutputCheck::Count, OutputCheck::Scheme, OutputCheck::Address];
        assert_eq!(kinds, checks.map(FaultKind::Output));
        assert_eq!(failures[1].message, "2 dropped, the first is `http://a.example/`");
    }

    #[test]
    fn weight_is_clamped_and_the_region_parsed() {
        let mut heavy = proposal("https://m.example/");
        heavy.weight = u32::MAX;
        heavy.region = "CN".into();
        let mut odd = proposal("https://n.example/");
        odd.region = "china\n".into();
        let (admitted, failures) = admit_all([heavy, odd]);
        assert_eq!((admitted[0].weight, admitted[0].region.as_str()), (100, "cn"));
        assert_eq!(failures[0].kind, FaultKind::Output(OutputCheck::Region));
    }
}
