//! Limits that the user raises for one component.
//!
//! A grant is bound to the bytes that it was given for: whoever replaces a
//! component does not inherit its grants. It can only raise limits, each up to
//! a bound that keeps a slip of the pen from costing the machine.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::limits::MOST_STACK_BYTES;
use super::{Limits, ScanLimit};
use crate::model::{exact_bytes, parse_bytes};

/// Longest component that anyone can be granted.
pub const MOST_COMPONENT_BYTES: u64 = 128 << 20;

/// How a limit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Bytes: `64MiB`.
    Bytes,
    /// Milliseconds: `30s`, `500ms`.
    Time,
    /// A number.
    Count,
    /// Granted or not: `yes`.
    Leave,
}

/// One limit that can be granted.
struct Grantable {
    key: &'static str,
    unit: Unit,
    /// The most that can be granted.
    most: u64,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

macro_rules! grantable {
    ($($key:literal = $field:ident, $unit:ident, $most:expr;)*) => {
        /// Every limit that can be granted, by name.
        const GRANTABLE: &[Grantable] = &[ANY_HOST, $(Grantable {
            key: $key,
            unit: Unit::$unit,
            most: $most,
            get: |limits| limits.$field.into(),
            set: |limits, value| limits.$field = within(value),
        }),*];
    };
}

/// Leave to be asked about URLs of any host. It raises no limit; whoever
/// installs a component looks for it.
const ANY_HOST: Grantable = Grantable { key: "any-host", unit: Unit::Leave, most: 1, get: |_| 0, set: |_, _| {} };

grantable! {
    "candidates" = candidates, Count, 1_000;
    "compile" = compile_ms, Time, 1_200_000;
    "deadline" = deadline_ms, Time, 60_000;
    "examples" = examples, Count, 10_000;
    "file" = file_bytes, Bytes, MOST_COMPONENT_BYTES;
    "fuel" = fuel, Count, 1_000_000_000_000;
    "function" = function_bytes, Bytes, 16 << 20;
    "functions" = functions, Count, 1_000_000;
    "instances" = instances, Count, 64;
    "items" = items, Count, 1_000_000;
    "locals" = locals, Count, 50_000;
    "log" = log_bytes, Bytes, 16 << 20;
    "log-calls" = log_calls, Count, 1_000_000;
    "memory" = memory_bytes, Bytes, 4 << 30;
    "modules" = modules, Count, 1_000;
    "nesting" = nesting, Count, 100_000;
    "patterns" = patterns, Count, 10_000;
    "result" = result_bytes, Bytes, 256 << 20;
    "stack" = stack_bytes, Bytes, MOST_STACK_BYTES;
    "tables" = table_elements, Count, 10_000_000;
    "url" = url_bytes, Bytes, 1 << 20;
}

/// A value of [`Grantable::most`] fits every field it is meant for.
fn within<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).ok().expect("a grant is within the bound of its limit")
}

/// Limits raised for one component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "BTreeMap<String, String>")]
pub struct Grant(BTreeMap<&'static str, u64>);

/// Why a text grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// No equals sign.
    #[error("`{0}` is not a grant; write LIMIT=VALUE, for instance memory=64MiB")]
    Shape(String),
    /// A limit of no such name.
    #[error("there is no limit `{0}` to grant; there are {known}", known = names())]
    Unknown(String),
    /// A value that means nothing.
    #[error("the grant of `{key}`: {why}")]
    Value {
        /// The limit.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
    /// More than anyone may grant.
    #[error("no more than {most} of `{key}` can be granted")]
    TooMuch {
        /// The limit.
        key: &'static str,
        /// The most.
        most: String,
    },
}

fn names() -> String {
    GRANTABLE.iter().map(|limit| limit.key).collect::<Vec<_>>().join(", ")
}

impl Grant {
    /// Reads grants of the form `memory=64MiB`.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, GrantError> {
        let split =
            |text: &'a str| text.split_once('=').ok_or_else(|| GrantError::Shape(crate::model::excerpt::excerpt(text)));
        Self::of(texts.into_iter().map(split).collect::<Result<Vec<_>, _>>()?)
    }

    /// Reads grants by name.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, GrantError> {
        let mut grant = Self::default();
        for (key, text) in pairs {
            let limit = GRANTABLE.iter().find(|limit| limit.key == key.trim());
            let limit = limit.ok_or_else(|| GrantError::Unknown(crate::model::excerpt::excerpt(key)))?;
            grant.0.insert(limit.key, limit.parse(text)?);
        }
        Ok(grant)
    }

    /// Leave to be asked about URLs of any host, and nothing else.
    pub fn any_host() -> Self {
        Self(BTreeMap::from([(ANY_HOST.key, 1)]))
    }

    /// Whether URLs of any host are granted.
    pub fn is_any_host(&self) -> bool {
        self.0.contains_key(ANY_HOST.key)
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The grants by name, in the form that [`Self::of`] reads.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.shown().map(|(key, text)| (key.to_owned(), text)).collect()
    }

    /// The larger of both grants, limit by limit.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for (key, value) in &other.0 {
            let own = self.0.entry(key).or_default();
            *own = (*own).max(*value);
        }
        self
    }

    /// What of this is more than the limits allow anyway.
    #[must_use]
    pub(super) fn beyond(&self, limits: &Limits) -> Self {
        let allows =
            |key: &str, value: u64| GRANTABLE.iter().any(|limit| limit.key == key && value <= (limit.get)(limits));
        Self(self.0.iter().filter(|(key, value)| !allows(key, **value)).map(|(key, value)| (*key, *value)).collect())
    }

    /// Whether another grant gives all of this.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|(key, value)| other.0.get(key).is_some_and(|most| value <= most))
    }

    /// The limits with these raised.
    pub fn raise(&self, limits: &Limits) -> Limits {
        let mut raised = limits.clone();
        for limit in GRANTABLE {
            let granted = self.0.get(limit.key).copied().unwrap_or(0);
            if granted > (limit.get)(limits) {
                (limit.set)(&mut raised, granted);
            }
        }
        raised
    }

    /// The highest limits that can be granted at all.
    pub fn most(limits: &Limits) -> Limits {
        Self(GRANTABLE.iter().map(|limit| (limit.key, limit.most)).collect()).raise(limits)
    }

    /// The grants that a file needs which was found to need so much, rounded
    /// up to what people write.
    pub(super) fn needed(needs: impl IntoIterator<Item = (ScanLimit, u64)>, limits: &Limits) -> Self {
        let known = |key| GRANTABLE.iter().find(move |limit| limit.key == key).expect("every such limit is grantable");
        let over = needs.into_iter().map(|(which, found)| (known(which.grant()), found));
        let over = over.filter(|(limit, found)| *found > (limit.get)(limits));
        Self(over.map(|(limit, found)| (limit.key, limit.round(found))).collect())
    }

    /// A grant of one limit, twice what it is now.
    pub(super) fn doubled(key: &'static str, limits: &Limits) -> Self {
        let limit = GRANTABLE.iter().find(|limit| limit.key == key).expect("the name of a grantable limit");
        Self(BTreeMap::from([(key, (limit.get)(limits).saturating_mul(2).min(limit.most))]))
    }

    fn shown(&self) -> impl Iterator<Item = (&'static str, String)> {
        let granted = |limit: &'static Grantable| Some((limit.key, limit.show(*self.0.get(limit.key)?)));
        GRANTABLE.iter().filter_map(granted)
    }
}

impl From<Grant> for BTreeMap<String, String> {
    fn from(grant: Grant) -> Self {
        grant.texts()
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, text)) in self.shown().enumerate() {
            write!(f, "{}{key}={text}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Grantable {
    fn parse(&self, text: &str) -> Result<u64, GrantError> {
        let wrong = |why| GrantError::Value { key: self.key, why };
        let value = match self.unit {
            Unit::Bytes => parse_bytes(text).map_err(wrong)?,
            Unit::Time => parse_time(text).map_err(wrong)?,
            Unit::Count => {
                text.trim().replace('_', "").parse().map_err(|_| wrong(format!("`{text}` is not a number")))?
            }
            Unit::Leave if text.trim() == "yes" => 1,
            Unit::Leave => return Err(wrong(format!("`{text}` is not `yes`"))),
        };
        if value > self.most {
            return Err(GrantError::TooMuch { key: self.key, most: self.show(self.most) });
        }
        Ok(value)
    }

    fn show(&self, value: u64) -> String {
        match self.unit {
            Unit::Bytes => exact_bytes(value),
            Unit::Time if value.is_multiple_of(1_000) => format!("{}s", value / 1_000),
            Unit::Time => format!("{value}ms"),
            Unit::Count => value.to_string(),
            Unit::Leave => "yes".into(),
        }
    }

    fn round(&self, value: u64) -> u64 {
        let step = match self.unit {
            Unit::Bytes if value >= 1 << 20 => 1 << 20,
            Unit::Bytes => 1 << 10,
            Unit::Time => 1_000,
            Unit::Count | Unit::Leave => 1,
        };
        value.next_multiple_of(step)
    }
}

/// Reads a time in milliseconds: `500ms`, `30s`, `2m`.
fn parse_time(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a time; write 500ms, 30s or 2m");
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(wrong()),
    };
    digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_raise_and_never_lower() {
        let limits = Limits::default();
        let grant = Grant::parse(["memory=64MiB", "file=1K", "deadline=2s", "fuel=1_000"]).unwrap();
        let raised = grant.raise(&limits);
        assert_eq!((raised.memory_bytes, raised.file_bytes), (64 << 20, limits.file_bytes));
        assert_eq!((raised.deadline_ms, raised.fuel), (2_000, limits.fuel));
        assert_eq!(Limits { memory_bytes: 16 << 20, deadline_ms: 50, ..raised }, limits, "and nothing else");
    }

    #[test]
    fn what_is_written_reads_back() {
        let highest = Grant(GRANTABLE.iter().map(|limit| (limit.key, limit.most)).collect());
        let texts = highest.texts();
        assert_eq!(Grant::of(texts.iter().map(|(key, text)| (&**key, &**text))).unwrap(), highest);
        assert_eq!(Grant::parse(["memory=64MiB", "deadline=50ms"]).unwrap().to_string(), "deadline=50ms memory=64MiB");
        for limit in GRANTABLE.iter().filter(|limit| limit.unit != Unit::Leave) {
            let mut limits = Limits::default();
            (limit.set)(&mut limits, limit.most);
            assert_eq!((limit.get)(&limits), limit.most, "{}", limit.key);
            assert!((limit.get)(&Limits::default()) < limit.most, "{}", limit.key);
        }
        assert!(GRANTABLE.is_sorted_by_key(|limit| limit.key));
    }

    #[test]
    fn leave_raises_no_limit_and_reads_back() {
        let limits = Limits::default();
        let grant = Grant::parse(["any-host=yes"]).unwrap();
        assert_eq!((grant.raise(&limits), grant.to_string().as_str()), (limits, "any-host=yes"));
        assert!(grant.is_any_host() && grant == Grant::any_host());
        assert!(!Grant::parse(["memory=64MiB"]).unwrap().is_any_host());
        assert!(!grant.is_within(&Grant::default()) && grant.is_within(&grant));
    }

    #[test]
    fn nonsense_grants_nothing() {
        for text in [
            "any-host=no",
            "any-host",
            "memory",
            "no-such=1",
            "memory=lots",
            "memory=5GiB",
            "fuel=-1",
            "deadline=9",
            "compile=1h",
            "=1",
        ] {
            assert!(Grant::parse([text]).is_err(), "{text}");
        }
        let error = Grant::parse(["memory=5GiB"]).unwrap_err();
        assert_eq!(error.to_string(), "no more than 4GiB of `memory` can be granted");
    }
}
