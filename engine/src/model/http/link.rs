//! `Link` (RFC 8288), as far as RFC 6249 uses it to name mirrors.

use http::HeaderMap;
use http::header::LINK;
use url::Url;

use super::params::Params;
use crate::model::Region;

/// Most links that are kept of each kind.
const MOST_LINKS: usize = 64;

/// The lowest priority, which a link without one has (RFC 5854 section 4.2.16.1).
const LOWEST_PRIORITY: u32 = 999_999;

/// A copy that the origin itself names (`rel=duplicate`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Where the copy is.
    pub url: Url,
    /// 1 is tried first, 999999 last.
    pub priority: u32,
    /// Where the server stands, as far as the link says.
    pub region: Region,
}

/// What the `Link` fields of a response say of other places and metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Copies of the file, best first.
    pub duplicates: Vec<Duplicate>,
    /// Metalink 4 documents about the file.
    pub metalinks: Vec<Url>,
}

impl Links {
    /// Reads the `Link` fields of a response to a request for `base`.
    ///
    /// Links that are malformed, of another kind, about another resource or
    /// not over HTTP are passed over.
    pub fn of(headers: &HeaderMap, base: &Url) -> Self {
        let mut links = Self::default();
        for value in headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()) {
            links.add(value, base);
        }
        links.duplicates.sort_by_key(|duplicate| duplicate.priority);
        links.duplicates.truncate(MOST_LINKS);
        links.metalinks.truncate(MOST_LINKS);
        links
    }

    fn add(&mut self, mut text: &str, base: &Url) {
        while let Some((_, rest)) = text.split_once('<') {
            let Some((target, rest)) = rest.split_once('>') else { return };
            let mut params = Params::until(rest, ',');
            let attributes = Attributes::read(params.by_ref());
            text = params.rest();
            if let Some(url) = base.join(target).ok().filter(|url| matches!(url.scheme(), "http" | "https")) {
                self.keep(url, &attributes);
            }
        }
    }

    fn keep(&mut self, url: Url, attributes: &Attributes) {
        if attributes.anchored {
            return;
        }
        if attributes.is_metalink() {
            self.metalinks.push(url);
        } else if attributes.has_relation("duplicate") {
            self.duplicates.push(Duplicate { url, priority: attributes.priority(), region: attributes.region() });
        }
    }
}

/// The target attributes that matter here. Of a repeated one the first counts
/// (RFC 8288 section 3.3).
#[derive(Default)]
struct Attributes {
    relation: Option<String>,
    media_type: Option<String>,
    priority: Option<String>,
    geo: Option<String>,
    /// The link is about another resource than the one requested.
    anchored: bool,
}

impl Attributes {
    fn read(params: impl Iterator<Item = (String, String)>) -> Self {
        let mut attributes = Self::default();
        for (name, value) in params {
            match name.as_str() {
                "rel" => _ = attributes.relation.get_or_insert(value),
                "type" => _ = attributes.media_type.get_or_insert(value),
                "pri" => _ = attributes.priority.get_or_insert(value),
                "geo" => _ = attributes.geo.get_or_insert(value),
                "anchor" => attributes.anchored = true,
                _ => {}
            }
        }
        attributes
    }

    fn has_relation(&self, name: &str) -> bool {
        let relations = self.relation.as_deref().unwrap_or_default();
        relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case(name))
    }

    fn is_metalink(&self) -> bool {
        let media_type = self.media_type.as_deref().unwrap_or_default();
        self.has_relation("describedby") && media_type.eq_ignore_ascii_case("application/metalink4+xml")
    }

    fn priority(&self) -> u32 {
        let stated = self.priority.as_deref().and_then(|text| text.parse().ok());
        stated.filter(|priority| (1..=LOWEST_PRIORITY).contains(priority)).unwrap_or(LOWEST_PRIORITY)
    }

    fn region(&self) -> Region {
        self.geo.as_deref().and_then(|text| text.parse().ok()).unwrap_or(Region::WORLD)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Links {
        let base = Url::parse("https://origin.example/pub/file.iso").unwrap();
        let mut headers = HeaderMap::new();
        headers.append(LINK, HeaderValue::from_str(value).unwrap());
        Links::of(&headers, &base)
    }

    fn urls(links: &Links) -> Vec<&str> {
        links.duplicates.iter().map(|duplicate| duplicate.url.as_str()).collect()
    }

    #[test]
    fn reads_the_example_of_the_rfc() {
        let links = read(concat!(
            "<http://www2.example.com/file>; rel=duplicate; pri=2; pref; geo=gb, ",
            "<ftp://ftp.example.com/file>; rel=duplicate, ",
            "<http://www1.example.com/file>; rel=duplicate; pri=1; pref, ",
            "<http://example.com/file.torrent>; rel=describedby; type=\"application/x-bittorrent\", ",
            "<file.meta4>; rel=describedby; type=\"application/metalink4+xml\", ",
            "<http://example.com/file.asc>; rel=describedby; type=\"application/pgp-signature\"",
        ));
        assert_eq!(urls(&links), ["http://www1.example.com/file", "http://www2.example.com/file"]);
        assert_eq!(links.duplicates[1].region.as_str(), "gb");
        assert_eq!(links.metalinks, [Url::parse("https://origin.example/pub/file.meta4").unwrap()]);
    }

    #[test]
    fn survives_commas_and_brackets_in_quotes() {
        let links = read(
            "<https://a.example/1,2>; title=\"x, <y>\"; REL=\"prev Duplicate\", <https://b.example/>;rel=duplicate",
        );
        assert_eq!(urls(&links), ["https://a.example/1,2", "https://b.example/"]);
    }

    #[test]
    fn passes_over_what_is_about_something_else() {
        let value = "<https://a.example/>; rel=duplicate; anchor=\"#x\", <javascript:1>; rel=duplicate, <https://b.example/>; rel=next";
        assert_eq!(read(value), Links::default());
    }

    #[test]
    fn an_odd_priority_is_the_lowest() {
        for priority in ["0", "1000000", "-1", "high", "99999999999"] {
            let links = read(&format!("<https://a.example/>; rel=duplicate; pri={priority}"));
            assert_eq!(links.duplicates[0].priority, LOWEST_PRIORITY, "{priority}");
        }
    }

    #[test]
    fn keeps_a_bounded_number() {
        let many = "<https://a.example/>; rel=duplicate, ".repeat(1000);
        assert_eq!(read(&many).duplicates.len(), MOST_LINKS);
    }

    proptest! {
        #[test]
        fn any_value_is_survived(value in "[<>,;=\"\\\\ a-z:/]{0,80}|[ -~]{0,80}") {
            let links = read(&value);
            prop_assert!(links.duplicates.iter().all(|duplicate| duplicate.url.has_host()));
        }
    }
}
