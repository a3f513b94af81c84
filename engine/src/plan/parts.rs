//! Whether parts of a file that were asked for separately may be combined, and
//! what an answer says of a file that an earlier one began.
//!
//! The key invariant: bytes of two answers end up in one file only where a
//! strong validator or a digest says that they are of one representation
//! (RFC 9110 sections 8.8.2.2 and 15.3.7.3), or where the user insisted.
//! Unknown is not equal.

use crate::model::http::{Agreement, Validators};

/// Whether parts may be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// They may, and this is why.
    Allowed(Vouching),
    /// They may not: one stream from the first byte to the last.
    Single,
}

/// What says that parts are of one representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouching {
    /// A strong validator, the same on each answer.
    Validator,
    /// A digest of the whole file, compared at the end.
    Digest,
    /// Nothing: the user named a number of connections.
    User,
}

/// Whether a digest of the file is known before its bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownDigest {
    /// It is.
    Some,
    /// It is not.
    None,
}

/// Who decided on the number of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// Nobody: it is found by measuring.
    Measured,
    /// The user, who wants more than one.
    Named,
}

impl Parts {
    /// Decides by what is known with the first answer.
    pub fn of(first: &Validators, digest: KnownDigest, connections: Connections) -> Self {
        match (first.is_strong(), digest, connections) {
            (true, _, _) => Self::Allowed(Vouching::Validator),
            (false, KnownDigest::Some, _) => Self::Allowed(Vouching::Digest),
            (false, KnownDigest::None, Connections::Named) => Self::Allowed(Vouching::User),
            (false, KnownDigest::None, Connections::Measured) => Self::Single,
        }
    }
}

impl Vouching {
    /// Whether a part that came with `later` may join what came with `first`.
    pub fn admits(self, first: &Validators, later: &Validators) -> bool {
        if first.is_strong() || self == Self::Validator {
            return first.proves(later);
        }
        first.agrees(later) != Agreement::Different
    }
}

/// What an answer looks like beside a partial file.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Its validators, where they can be compared with the partial file's.
    pub validators: &'a Validators,
    /// Length of the representation, where the server says it.
    pub size: Option<u64>,
    /// First byte of its body; none for a whole representation.
    pub part_from: Option<u64>,
}

/// What a partial file needs.
#[derive(Debug, Clone, Copy)]
pub struct Begun<'a> {
    /// The validators that it began with.
    pub validators: &'a Validators,
    /// Length of the representation.
    pub size: u64,
    /// First byte that it lacks.
    pub start: u64,
}

/// What becomes of a partial file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// The answer goes on where it ends.
    Continue,
    /// The file is another one now, or can only be had as a whole: from the
    /// first byte again.
    Restart,
    /// The answer is not known to be a file at all: keep what is there.
    Keep,
}

impl Resumption {
    /// Decides by the answer of the origin.
    pub fn of(begun: &Begun<'_>, answer: &Answered<'_>, digest: KnownDigest) -> Self {
        let same_size = answer.size == Some(begun.size);
        let fits = same_size && answer.part_from == Some(begun.start);
        let differs = begun.validators.agrees(answer.validators) == Agreement::Different;
        let is_proven = begun.validators.proves(answer.validators);
        if fits && (is_proven || digest == KnownDigest::Some && !differs) {
            return Self::Continue;
        }
        // Every login page is a 200 without a strong validator; a new version of
        // a file that had one has one.
        if answer.validators.is_strong() && (!is_proven || same_size) {
            return Self::Restart;
        }
        // There was no validator, and there is none: the size is all there is.
        if !begun.validators.is_strong() && same_size { Self::Restart } else { Self::Keep }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Validators {
        Validators { etag: Some(text.parse().expect("a tag")), last_modified: None }
    }

    #[test]
    fn parts_need_a_strong_validator_a_digest_or_the_user() {
        let [strong, weak, none] = [tag("\"a\""), tag("W/\"a\""), Validators::default()];
        let auto = |first, digest| Parts::of(first, digest, Connections::Measured);
        assert_eq!(auto(&strong, KnownDigest::None), Parts::Allowed(Vouching::Validator));
        assert_eq!(auto(&strong, KnownDigest::Some), Parts::Allowed(Vouching::Validator));
        for unproven in [&weak, &none] {
            assert_eq!(auto(unproven, KnownDigest::None), Parts::Single);
            assert_eq!(auto(unproven, KnownDigest::Some), Parts::Allowed(Vouching::Digest));
            let named = Parts::of(unproven, KnownDigest::None, Connections::Named);
            assert_eq!(named, Parts::Allowed(Vouching::User));
        }
    }

    #[test]
    fn a_part_without_the_strong_validator_of_the_first_is_not_admitted() {
        let [first, other, weak, none] = [tag("\"a\""), tag("\"b\""), tag("W/\"a\""), Validators::default()];
        for by in [Vouching::Validator, Vouching::Digest, Vouching::User] {
            assert!(by.admits(&first, &first));
            assert!(![&other, &weak, &none].into_iter().any(|later| by.admits(&first, later)), "{by:?}");
        }
        for by in [Vouching::Digest, Vouching::User] {
            assert!(by.admits(&none, &none) && by.admits(&weak, &weak) && by.admits(&none, &first));
            assert!(!by.admits(&weak, &other));
        }
        assert!(!Vouching::Validator.admits(&none, &none));
    }

    #[test]
    fn a_partial_file_is_given_up_for_a_new_version_only() {
        use Resumption::{Continue, Keep, Restart};
        let [old, new, none] = [tag("\"a\""), tag("\"b\""), Validators::default()];
        let decide = |began: &Validators, validators: &Validators, size, part_from, digest| {
            let begun = Begun { validators: began, size: 9, start: 4 };
            Resumption::of(&begun, &Answered { validators, size, part_from }, digest)
        };
        let [some, no] = [KnownDigest::Some, KnownDigest::None];
        for (began, answer, size, part_from, digest, wanted) in [
            (&old, &old, Some(9), Some(4), no, Continue),
            (&old, &none, Some(9), Some(4), some, Continue),
            (&none, &none, Some(9), Some(4), some, Continue),
            (&none, &none, Some(9), Some(4), no, Restart),
            (&old, &none, Some(9), Some(4), no, Keep),
            (&old, &new, Some(9), Some(4), some, Restart),
            (&old, &new, Some(7), None, no, Restart),
            (&old, &old, Some(9), None, no, Restart),
            (&old, &old, Some(7), None, no, Keep),
            (&old, &none, Some(9), None, some, Keep),
            (&old, &none, Some(3), None, some, Keep),
            (&old, &none, Some(0), None, no, Keep),
            (&old, &none, None, None, no, Keep),
            (&none, &none, Some(3), None, no, Keep),
            (&none, &none, Some(9), None, no, Restart),
            (&none, &new, Some(3), None, no, Restart),
        ] {
            let found = decide(began, answer, size, part_from, digest);
            assert_eq!(found, wanted, "{began:?} {answer:?} {size:?} {part_from:?} {digest:?}");
        }
    }
}
