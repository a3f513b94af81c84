//! Validators: `ETag` (RFC 9110 section 8.8.3) and `Last-Modified` (section 8.8.2).
//!
//! They answer one question: is what a server sends now the representation
//! that an earlier response began? Only a strong validator may prove it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use http::header::{DATE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName};
use httpdate::HttpDate;
use serde::{Deserialize, Serialize};

use crate::model::excerpt::excerpt;

/// Longest entity tag that is kept; the known servers stay below a tenth of it.
const ETAG_BYTES: usize = 1024;

/// How much younger than `Last-Modified` a response must be, so that no second
/// change within the clock's resolution hides behind the same date. RFC 9110
/// section 8.8.2.2 leaves the number open; RFC 7232 section 2.2.2 says 60.
const STRONG_AFTER: Duration = Duration::from_mins(1);

/// The last date of those that packers write in the place of one (seconds since
/// 1970): 1970 itself, and 1980, where the dates of ZIP files begin.
const LAST_PLACEHOLDER_S: u64 = 315_705_600;

/// What two sets of evidence say of the bytes behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The same bytes.
    Same,
    /// Other bytes.
    Different,
    /// Nothing that both sides have can tell.
    Unknown,
}

/// An entity tag, weak or strong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityTag {
    weak: bool,
    opaque: String,
}

impl EntityTag {
    /// Whether the tag promises no more than equal meaning.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The text between the quotes.
    pub fn opaque(&self) -> &str {
        &self.opaque
    }
}

/// A text that is no entity tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an entity tag; expected `\"TEXT\"` or `W/\"TEXT\"` of at most {ETAG_BYTES} visible characters")]
pub struct EntityTagError(String);

impl FromStr for EntityTag {
    type Err = EntityTagError;

    fn from_str(text: &str) -> Result<Self, EntityTagError> {
        // `W/` is case-sensitive, and the text has no escapes. The grammar also
        // admits bytes beyond ASCII, which no header value can carry back
        // faithfully through text: such a tag is as good as none.
        let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |quoted| (true, quoted));
        quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .filter(|opaque| opaque.len() <= ETAG_BYTES)
            .filter(|opaque| opaque.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
            .map(|opaque| Self { weak, opaque: opaque.to_owned() })
            .ok_or_else(|| EntityTagError(excerpt(text)))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

impl TryFrom<String> for EntityTag {
    type Error = EntityTagError;

    fn try_from(text: String) -> Result<Self, EntityTagError> {
        text.parse()
    }
}

impl From<EntityTag> for String {
    fn from(tag: EntityTag) -> Self {
        tag.to_string()
    }
}

/// A modification date, and whether it identifies the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastModified {
    #[serde(with = "http_date")]
    at: HttpDate,
    strong: bool,
}

impl LastModified {
    /// The date of a response that the server generated at `generated`, its
    /// `Date`. Without one the date is weak (RFC 9110 section 8.8.2.2), and so is
    /// one that every file of a reproducible build has.
    pub fn new(at: HttpDate, generated: Option<HttpDate>) -> Self {
        let age = generated.map(|date| SystemTime::from(date).duration_since(at.into()));
        let placeholder = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_PLACEHOLDER_S);
        Self { at, strong: matches!(age, Some(Ok(age)) if age >= STRONG_AFTER) && SystemTime::from(at) > placeholder }
    }

    /// The date.
    pub fn at(self) -> SystemTime {
        self.at.into()
    }

    /// Whether the date proves equal bytes.
    pub fn is_strong(self) -> bool {
        self.strong
    }
}

/// Keeps a date in JSON as HTTP writes it.
mod http_date {
    use httpdate::HttpDate;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(date: &HttpDate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HttpDate, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| D::Error::custom("not an HTTP date"))
    }
}

/// What one response says of which representation it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Validators {
    /// The entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<EntityTag>,
    /// The modification date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<LastModified>,
}

impl Validators {
    /// The validators among response header fields. A malformed one counts as
    /// absent: it can prove nothing.
    pub fn of(headers: &HeaderMap) -> Self {
        let generated = parsed(headers, &DATE);
        Self {
            etag: parsed(headers, &ETAG),
            last_modified: parsed(headers, &LAST_MODIFIED).map(|at| LastModified::new(at, generated)),
        }
    }

    /// Whether a server said nothing that could identify its bytes.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// The value of an `If-Range` header: a strong entity tag, or a strong
    /// date where there is no entity tag at all (RFC 9110 section 13.1.5).
    pub fn if_range(&self) -> Option<String> {
        match (&self.etag, self.last_modified) {
            (Some(tag), _) if !tag.weak => Some(tag.to_string()),
            (None, Some(date)) if date.strong => Some(date.at.to_string()),
            _ => None,
        }
    }

    /// Whether the server gave a strong validator: one whose equality proves that
    /// the bytes are equal (RFC 9110 section 8.8.1). A weak entity tag says that
    /// bytes may differ, and outranks a date (section 13.2.2).
    pub fn is_strong(&self) -> bool {
        self.if_range().is_some()
    }

    /// Whether another response of the same URL certainly belongs to the same
    /// representation: it bears this one's strong validator. Unlike
    /// [`Self::agrees`] it takes nothing in the place of a missing one.
    pub fn proves(&self, other: &Self) -> bool {
        match (&self.etag, self.last_modified) {
            (Some(tag), _) => !tag.weak && other.etag.as_ref() == Some(tag),
            (None, Some(date)) => {
                let weakened = other.etag.as_ref().is_some_and(EntityTag::is_weak);
                date.strong && !weakened && other.last_modified == Some(date)
            }
            (None, None) => false,
        }
    }

    /// Whether two responses of one origin belong to the same representation.
    ///
    /// `Same` takes strong validators on both sides. Weak ones that differ are
    /// enough for `Different`. Across hosts validators mean nothing.
    pub fn agrees(&self, other: &Self) -> Agreement {
        match (&self.etag, &other.etag) {
            (Some(left), Some(right)) if left.opaque != right.opaque => Agreement::Different,
            (Some(left), Some(right)) if !left.weak && !right.weak => Agreement::Same,
            _ => self.dates_agree(other),
        }
    }

    fn dates_agree(&self, other: &Self) -> Agreement {
        match (self.last_modified, other.last_modified) {
            (Some(left), Some(right)) if left.at != right.at => Agreement::Different,
            (Some(left), Some(right)) if left.strong && right.strong => Agreement::Same,
            _ => Agreement::Unknown,
        }
    }
}

/// The value of a header field that occurs once and parses.
fn parsed<T: FromStr>(headers: &HeaderMap, name: &HeaderName) -> Option<T> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 09:49:37 GMT";
    const NEXT_SECOND: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn validators(fields: &[(&'static str, &'static str)]) -> Validators {
        let headers =
            fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Validators::of(&headers.collect())
    }

    fn tagged(etag: &'static str) -> Validators {
        validators(&[("etag", etag)])
    }

    fn dated(generated: &'static str) -> Validators {
        validators(&[("last-modified", MODIFIED), ("date", generated)])
    }

    #[test]
    fn reads_entity_tags() {
        for (text, weak, opaque) in [("\"a-1\"", false, "a-1"), ("W/\"a\"", true, "a"), ("\"\"", false, "")] {
            let tag: EntityTag = text.parse().unwrap();
            assert_eq!((tag.is_weak(), tag.opaque(), tag.to_string().as_str()), (weak, opaque, text));
        }
        for text in ["", "a", "\"", "w/\"a\"", "W/a", "\"a b\"", "\"a\"b\"", "\"a\", \"b\"", "\"é\"", "W/ \"a\""] {
            assert!(text.parse::<EntityTag>().is_err(), "{text}");
        }
        assert!(format!("\"{}\"", "x".repeat(ETAG_BYTES + 1)).parse::<EntityTag>().is_err());
    }

    #[test]
    fn if_range_takes_only_what_is_strong() {
        assert_eq!(tagged("\"a\"").if_range().as_deref(), Some("\"a\""));
        assert_eq!(tagged("W/\"a\"").if_range(), None);
        assert_eq!(dated(LATER).if_range().as_deref(), Some(MODIFIED));
        assert_eq!(dated(NEXT_SECOND).if_range(), None, "the file may change again within the second");
        assert_eq!(validators(&[("last-modified", MODIFIED)]).if_range(), None, "no Date to compare with");
        for placeholder in ["Thu, 01 Jan 1970 00:00:01 GMT", "Tue, 01 Jan 1980 00:00:00 GMT"] {
            let dated = validators(&[("last-modified", placeholder), ("date", LATER)]);
            assert_eq!(dated.if_range(), None, "{placeholder}");
        }
        let weak_tag = validators(&[("etag", "W/\"a\""), ("last-modified", MODIFIED), ("date", LATER)]);
        assert_eq!(weak_tag.if_range(), None, "a date may stand in only where there is no tag");
    }

    #[test]
    fn strong_tags_decide() {
        assert_eq!(tagged("\"a\"").agrees(&tagged("\"a\"")), Agreement::Same);
        assert_eq!(tagged("\"a\"").agrees(&tagged("\"b\"")), Agreement::Different);
        assert_eq!(tagged("\"a\"").agrees(&tagged("W/\"b\"")), Agreement::Different);
    }

    #[test]
    fn weak_evidence_proves_no_equality() {
        assert_eq!(tagged("W/\"a\"").agrees(&tagged("W/\"a\"")), Agreement::Unknown);
        assert_eq!(tagged("\"a\"").agrees(&tagged("W/\"a\"")), Agreement::Unknown);
        assert_eq!(dated(NEXT_SECOND).agrees(&dated(LATER)), Agreement::Unknown);
        assert_eq!(tagged("\"a\"").agrees(&dated(LATER)), Agreement::Unknown);
        assert_eq!(Validators::default().agrees(&Validators::default()), Agreement::Unknown);
    }

    #[test]
    fn dates_decide_where_tags_cannot() {
        assert_eq!(dated(LATER).agrees(&dated(LATER)), Agreement::Same);
        let changed = validators(&[("last-modified", NEXT_SECOND), ("date", LATER)]);
        assert_eq!(dated(LATER).agrees(&changed), Agreement::Different);
    }

    #[test]
    fn only_the_strong_validator_itself_proves() {
        let both = validators(&[("etag", "\"a\""), ("last-modified", MODIFIED), ("date", LATER)]);
        let weak = validators(&[("etag", "W/\"a\""), ("last-modified", MODIFIED), ("date", LATER)]);
        for (ours, theirs, proves) in [
            (tagged("\"a\""), tagged("\"a\""), true),
            (tagged("\"a\""), tagged("\"b\""), false),
            (tagged("\"a\""), Validators::default(), false),
            (tagged("W/\"a\""), tagged("W/\"a\""), false),
            (both.clone(), dated(LATER), false),
            (both.clone(), both, true),
            (dated(LATER), dated(LATER), true),
            (dated(LATER), dated(NEXT_SECOND), false),
            (dated(LATER), weak.clone(), false),
            (dated(NEXT_SECOND), dated(LATER), false),
            (weak.clone(), weak.clone(), false),
            (Validators::default(), Validators::default(), false),
        ] {
            assert_eq!(ours.proves(&theirs), proves, "{ours:?} {theirs:?}");
            assert!(!proves || (ours.is_strong() && ours.agrees(&theirs) == Agreement::Same), "{ours:?}");
        }
        assert!(!weak.is_strong() && !Validators::default().is_strong());
    }

    #[test]
    fn a_repeated_field_is_no_evidence() {
        let mut headers = HeaderMap::new();
        headers.append(ETAG, HeaderValue::from_static("\"a\""));
        headers.append(ETAG, HeaderValue::from_static("\"b\""));
        assert!(Validators::of(&headers).is_empty());
    }

    #[test]
    fn survives_the_journal() {
        let before = validators(&[("etag", "W/\"a\""), ("last-modified", MODIFIED), ("date", LATER)]);
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(json, format!(r#"{{"etag":"W/\"a\"","last_modified":{{"at":"{MODIFIED}","strong":true}}}}"#));
        assert_eq!(serde_json::from_str::<Validators>(&json).unwrap(), before);
        assert_eq!(serde_json::from_str::<Validators>("{}").unwrap(), Validators::default());
        assert!(serde_json::from_str::<Validators>(r#"{"etag":"bare"}"#).is_err());
    }

    proptest! {
        #[test]
        fn any_field_value_is_survived(etag in proptest::collection::vec(any::<u8>(), 0..40), date in "\\PC{0,40}") {
            let mut headers = HeaderMap::new();
            for (name, value) in [(ETAG, etag.as_slice()), (LAST_MODIFIED, date.as_bytes()), (DATE, date.as_bytes())] {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.insert(name, value);
                }
            }
            let validators = Validators::of(&headers);
            let json = serde_json::to_string(&validators).unwrap();
            prop_assert_eq!(serde_json::from_str::<Validators>(&json).unwrap(), validators);
        }

        #[test]
        fn agreement_is_symmetric(left in "(W/)?\"[ab]\"", right in "(W/)?\"[ab]\"") {
            let of = |text: &str| Validators { etag: Some(text.parse().unwrap()), last_modified: None };
            prop_assert_eq!(of(&left).agrees(&of(&right)), of(&right).agrees(&of(&left)));
        }
    }
}
