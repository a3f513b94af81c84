//! A name for a branch that is unlike any other's, and always the same.

/// A UUID of version 8 (RFC 9562) made of texts and digests: FNV-1a of 128 bits.
pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for part in parts {
        // A length between the parts: "ab", "c" is not "a", "bc".
        for byte in part.iter().copied().chain((part.len() as u64).to_le_bytes()) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    let hash = hash & !(0xf << 76) & !(0b11 << 62) | (8 << 76) | (0b10 << 62);
    let hex = format!("{hash:032X}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_have_the_same_name() {
        let uuid = of([&b"ab"[..], b"c"]);
        assert_eq!(uuid, of([&b"ab"[..], b"c"]));
        assert_ne!(uuid, of([&b"a"[..], b"bc"]));
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
        assert!(matches!(&uuid[19..20], "8" | "9" | "A" | "B"), "{uuid}");
    }
}
