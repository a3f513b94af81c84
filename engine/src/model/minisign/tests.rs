//! Signatures that count and signatures that do not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::model::Secret;

/// A key without a password, made of this seed.
fn key(seed: u8) -> SecretKey {
    SecretKey::open(&key_file(seed), None).expect("a key")
}

fn key_file(seed: u8) -> String {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let body = [&[seed; 8][..], &[seed; 32], pair.public_key().as_ref()].concat();
    let head = [&b"Ed\0\0B2"[..], &[0; 32 + 16]].concat();
    format!("{UNTRUSTED}minisign secret key\n{}\n", STANDARD.encode([&head[..], &body, &[0; 32]].concat()))
}

#[test]
fn a_signature_is_of_its_file_and_its_key() {
    let (key, other) = (key(1), key(2));
    let signature: Signature = key.sign(b"file", "on Monday").parse().unwrap();
    assert_eq!(key.public().verify(b"file", &signature), Ok(TrustedComment("on Monday".into())));
    assert_eq!(key.public().verify(b"filf", &signature), Err(MinisignError::Forged));
    assert_eq!(
        other.public().verify(b"file", &signature),
        Err(MinisignError::OtherKey { made: key.id(), wanted: other.id() })
    );
    let same_id = PublicKey { id: key.id(), ..other.public() };
    assert_eq!(same_id.verify(b"file", &signature), Err(MinisignError::Forged));
}

#[test]
fn no_changed_character_of_a_signature_passes() {
    let key = key(1);
    let text = key.sign(b"file", "on Monday");
    let from = text.find('\n').unwrap() + 1;
    for at in from..text.len() {
        let mut bytes = text.clone().into_bytes();
        if bytes[at] == b'\n' {
            continue;
        }
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        let passed = changed.parse::<Signature>().and_then(|signature| key.public().verify(b"file", &signature));
        assert!(passed.is_err(), "character {at}:\n{changed}");
    }
}

#[test]
fn a_legacy_signature_counts_too() {
    use ring::signature::Ed25519KeyPair;
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let signed = pair.sign(b"file");
    let comment = pair.sign(&[signed.as_ref(), b"old"].concat());
    let body = [&b"Ed"[..], &[1; 8], signed.as_ref()].concat();
    let text =
        format!("{UNTRUSTED}x\n{}\n{TRUSTED}old\n{}\n", STANDARD.encode(body), STANDARD.encode(comment.as_ref()));
    let signature: Signature = text.parse().unwrap();
    assert_eq!(key(1).public().verify(b"file", &signature), Ok(TrustedComment("old".into())));
    assert_eq!(key(1).public().verify(b"else", &signature), Err(MinisignError::Forged));
}

#[test]
fn a_comment_stays_one_line() {
    let text = key(1).sign(b"file", "one\nuntrusted comment: two");
    assert_eq!(text.lines().count(), 4);
    let signature: Signature = text.parse().unwrap();
    assert_eq!(key(1).public().verify(b"file", &signature), Ok(TrustedComment("one untrusted comment: two".into())));
}

#[test]
fn keys_read_back_and_nonsense_does_not() {
    let public = key(1).public();
    assert_eq!(public.to_string().parse(), Ok(public.clone()));
    let file = format!("untrusted comment: minisign public key {}\n{public}\n", public.id());
    assert_eq!(file.parse(), Ok(public.clone()));
    for text in ["", "x", &public.to_string()[1..], &format!("{public}\n{public}"), &"A".repeat(20_000)] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
        assert!(text.parse::<Signature>().is_err(), "{text}");
        assert!(SecretKey::open(text, None).is_err(), "{text}");
    }
    let damaged = key_file(1).replace("AQEB", "AQEC");
    assert_eq!(SecretKey::open(&damaged, None).unwrap_err(), SecretKeyError::Damaged);
    let sealed = STANDARD.encode([&b"EdScB2"[..], &[0; 32], &[0xff; 16], &[0; SEALED]].concat());
    let sealed = format!("{UNTRUSTED}x\n{sealed}\n");
    assert_eq!(SecretKey::open(&sealed, None).unwrap_err(), SecretKeyError::NoPassword);
    let password = Secret::new("x");
    assert_eq!(SecretKey::open(&sealed, Some(&password)).unwrap_err(), SecretKeyError::Cost);
}

/// Length of what a password seals.
const SEALED: usize = 8 + 64 + 32;
