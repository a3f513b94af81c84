//! What of a response can be compared with that of another host.

use super::{Agreement, EntityTag};
use crate::model::Digest;

/// What one host says of a file, reduced to what means the same on every host.
///
/// Validators do not: an entity tag is private to its server and a mirror sets
/// dates of its own. A size and a digest speak of the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// Length of the whole file.
    pub size: Option<u64>,
    /// Digests of the whole file, as header fields gave them.
    pub digests: Vec<Digest>,
    /// The entity tag, which some servers make of a digest.
    pub etag: Option<EntityTag>,
}

impl Fingerprint {
    /// Whether a mirror claims the bytes that the origin claims.
    ///
    /// `Same` is a claim too: a lying mirror copies it. The engine compares
    /// sampled blocks whatever the answer, and `Different` saves it the trouble.
    pub fn agrees(&self, mirror: &Self) -> Agreement {
        if let (Some(origin), Some(mirror)) = (self.size, mirror.size)
            && origin != mirror
        {
            return Agreement::Different;
        }
        match self.digests_agree(mirror) {
            Agreement::Unknown => self.tags_agree(mirror),
            decided => decided,
        }
    }

    fn digests_agree(&self, mirror: &Self) -> Agreement {
        let mut agreement = Agreement::Unknown;
        for origin in self.digests.iter().filter(|digest| digest.algorithm().is_collision_resistant()) {
            for other in mirror.digests.iter().filter(|digest| digest.algorithm() == origin.algorithm()) {
                if origin != other {
                    return Agreement::Different;
                }
                agreement = Agreement::Same;
            }
        }
        agreement
    }

    /// Object stores use the MD5 or SHA-256 of the bytes as their tag, or
    /// something of the same look. Equal ones are no accident; different ones
    /// say nothing, because the look may be all they share.
    fn tags_agree(&self, mirror: &Self) -> Agreement {
        match (&self.etag, &mirror.etag) {
            (Some(origin), Some(mirror)) if looks_like_digest(origin) && origin.opaque() == mirror.opaque() => {
                Agreement::Same
            }
            _ => Agreement::Unknown,
        }
    }
}

fn looks_like_digest(tag: &EntityTag) -> bool {
    let text = tag.opaque();
    !tag.is_weak() && matches!(text.len(), 32 | 40 | 64 | 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Algorithm;

    fn sized(size: u64) -> Fingerprint {
        Fingerprint { size: Some(size), ..Fingerprint::default() }
    }

    fn tagged(etag: &str) -> Fingerprint {
        Fingerprint { etag: Some(etag.parse().unwrap()), ..sized(1) }
    }

    fn digested(algorithm: Algorithm, byte: u8) -> Fingerprint {
        let digest = Digest::new(algorithm, &vec![byte; algorithm.bytes()]).unwrap();
        Fingerprint { digests: vec![digest], ..sized(1) }
    }

    #[test]
    fn another_size_is_another_file() {
        assert_eq!(sized(1).agrees(&sized(2)), Agreement::Different);
        assert_eq!(sized(1).agrees(&sized(1)), Agreement::Unknown);
        assert_eq!(sized(1).agrees(&Fingerprint::default()), Agreement::Unknown);
    }

    #[test]
    fn digests_of_one_algorithm_decide() {
        use Algorithm::{Md5, Sha256, Sha512};
        assert_eq!(digested(Sha256, 1).agrees(&digested(Sha256, 1)), Agreement::Same);
        assert_eq!(digested(Sha256, 1).agrees(&digested(Sha256, 2)), Agreement::Different);
        assert_eq!(digested(Sha256, 1).agrees(&digested(Sha512, 1)), Agreement::Unknown);
        assert_eq!(digested(Md5, 1).agrees(&digested(Md5, 1)), Agreement::Unknown, "anyone can collide MD5");
    }

    #[test]
    fn only_equal_digest_like_tags_say_something() {
        let md5 = format!("\"{}\"", "0f".repeat(16));
        assert_eq!(tagged(&md5).agrees(&tagged(&md5)), Agreement::Same);
        assert_eq!(tagged(&md5).agrees(&tagged(&md5.replace('f', "e"))), Agreement::Unknown);
        assert_eq!(tagged("\"1-2\"").agrees(&tagged("\"1-2\"")), Agreement::Unknown);
    }
}
