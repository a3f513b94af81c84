//! PKCS #7 signed data (RFC 2315, RFC 5652), as far as Authenticode and its
//! timestamps use it.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::{AuthenticodeError, Hash};
use crate::model::excerpt::excerpt;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const INDIRECT_DATA: ObjectIdentifier = oid("1.3.6.1.4.1.311.2.1.4");
const TIMESTAMP_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const TIMESTAMP: ObjectIdentifier = oid("1.3.6.1.4.1.311.3.3.1");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = oid("1.3.132.0.34");
const HASHES: [(ObjectIdentifier, Hash); 3] = [
    (oid("2.16.840.1.101.3.4.2.1"), Hash::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), Hash::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), Hash::Sha512),
];

const SHAPE: AuthenticodeError = AuthenticodeError::Unreadable("it is no PKCS #7");

/// One value with its tag, and both as they are written.
#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    tag: Tag,
    content: &'a [u8],
    whole: &'a [u8],
}

/// Reads one value after another.
#[derive(Debug, Clone, Copy)]
struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    fn next(&mut self) -> Result<Value<'a>, AuthenticodeError> {
        let mut reader = SliceReader::new(self.0).map_err(|_| SHAPE)?;
        let any = AnyRef::decode(&mut reader).map_err(|_| SHAPE)?;
        let length = usize::try_from(u32::from(reader.position())).map_err(|_| SHAPE)?;
        let (whole, rest) = self.0.split_at_checked(length).ok_or(SHAPE)?;
        self.0 = rest;
        Ok(Value { tag: any.tag(), content: any.value(), whole })
    }

    fn expect(&mut self, tag: Tag) -> Result<Value<'a>, AuthenticodeError> {
        self.next().and_then(|value| if value.tag == tag { Ok(value) } else { Err(SHAPE) })
    }

    fn inside(&mut self, tag: Tag) -> Result<Self, AuthenticodeError> {
        self.expect(tag).map(|value| Self(value.content))
    }

    fn oid(&mut self) -> Result<ObjectIdentifier, AuthenticodeError> {
        let value = self.expect(Tag::ObjectIdentifier)?;
        ObjectIdentifier::from_bytes(value.content).map_err(|_| SHAPE)
    }

    /// A value with the context's own tag of this number, when it is the next one.
    fn optional(&mut self, number: u8) -> Result<Option<Value<'a>>, AuthenticodeError> {
        let before = *self;
        if self.0.is_empty() {
            return Ok(None);
        }
        let value = self.next()?;
        if is_context(value.tag, number) {
            return Ok(Some(value));
        }
        *self = before;
        Ok(None)
    }
}

fn is_context(tag: Tag, number: u8) -> bool {
    matches!(tag, Tag::ContextSpecific { constructed: true, .. }) && tag.number().value() == u32::from(number)
}

/// Signed data with one signer.
#[derive(Debug)]
pub(super) struct SignedData<'a> {
    content_type: ObjectIdentifier,
    /// What is signed, without its own tag and length.
    content: &'a [u8],
    certificates: &'a [u8],
    /// Issuer and serial number of the signer's certificate.
    signer: &'a [u8],
    hash: Hash,
    attributes: Value<'a>,
    signature: &'a [u8],
    unsigned_attributes: &'a [u8],
}

/// Who signed.
#[derive(Debug)]
pub(super) struct Signer<'a> {
    pub(super) name: String,
    pub(super) certificate: &'a [u8],
}

impl<'a> SignedData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, AuthenticodeError> {
        let mut info = Values(bytes).inside(Tag::Sequence)?;
        if info.oid()? != SIGNED_DATA {
            return Err(SHAPE);
        }
        let explicit = info.optional(0)?.ok_or(SHAPE)?;
        let mut data = Values(explicit.content).inside(Tag::Sequence)?;
        data.expect(Tag::Integer)?;
        data.expect(Tag::Set)?;
        let mut encapsulated = data.inside(Tag::Sequence)?;
        let content_type = encapsulated.oid()?;
        let explicit = encapsulated.optional(0)?.ok_or(SHAPE)?;
        let content = Values(explicit.content).next()?.content;
        let certificates = data.optional(0)?.map_or(&[][..], |value| value.content);
        data.optional(1)?;
        let mut signers = data.inside(Tag::Set)?;
        let mut signer = signers.inside(Tag::Sequence)?;
        if !signers.0.is_empty() {
            return Err(AuthenticodeError::Unreadable("it has more than one signer"));
        }
        signer.expect(Tag::Integer)?;
        let identity = signer.expect(Tag::Sequence)?.content;
        let hash = hash_of(&mut signer.inside(Tag::Sequence)?)?;
        let attributes = signer.optional(0)?.ok_or(SHAPE)?;
        signer.expect(Tag::Sequence)?;
        let signature = signer.expect(Tag::OctetString)?.content;
        let unsigned_attributes = signer.optional(1)?.map_or(&[][..], |value| value.content);
        Ok(Self {
            content_type,
            content,
            certificates,
            signer: identity,
            hash,
            attributes,
            signature,
            unsigned_attributes,
        })
    }

    /// The digest of the file: what the signed content says.
    pub(super) fn indirect_digest(&self) -> Result<(Hash, &'a [u8]), AuthenticodeError> {
        if self.content_type != INDIRECT_DATA {
            return Err(AuthenticodeError::Unreadable("it is not of Authenticode"));
        }
        let mut content = Values(self.content);
        content.expect(Tag::Sequence)?;
        imprint(&mut content)
    }

    /// Holds the signature against the signed attributes, and those against the
    /// content.
    pub(super) fn verify(&self) -> Result<Signer<'a>, AuthenticodeError> {
        let stated = self.attribute(CONTENT_TYPE)?;
        if Values(stated).oid()? != self.content_type {
            return Err(AuthenticodeError::Forged);
        }
        let digest = Values(self.attribute(MESSAGE_DIGEST)?).expect(Tag::OctetString)?;
        if digest.content != self.hash.digest(&[self.content]) {
            return Err(AuthenticodeError::Forged);
        }
        let certificate = self.certificate()?;
        // Signed is the set itself, whatever tag it has here (RFC 5652 section 5.4).
        let (_, rest) = self.attributes.whole.split_first().ok_or(SHAPE)?;
        let signed = [&[0x31], rest].concat();
        let algorithm = certificate.algorithm(self.hash)?;
        let key = UnparsedPublicKey::new(algorithm, certificate.key);
        key.verify(&signed, self.signature).map_err(|_| AuthenticodeError::Forged)?;
        Ok(Signer { name: common_name(certificate.subject), certificate: certificate.whole })
    }

    /// The moment of the timestamp, once it is known to be of this signature.
    pub(super) fn timestamp(&self) -> Result<Option<String>, AuthenticodeError> {
        let Some(token) = find(self.unsigned_attributes, TIMESTAMP)? else { return Ok(None) };
        let token = Self::read(token)?;
        if token.content_type != TIMESTAMP_INFO {
            return Err(AuthenticodeError::Timestamp);
        }
        token.verify().map_err(|_| AuthenticodeError::Timestamp)?;
        let mut info = Values(token.content).inside(Tag::Sequence)?;
        info.expect(Tag::Integer)?;
        info.oid()?;
        let (hash, digest) = imprint(&mut info)?;
        if hash.digest(&[self.signature]) != digest {
            return Err(AuthenticodeError::Timestamp);
        }
        info.expect(Tag::Integer)?;
        let moment = info.expect(Tag::GeneralizedTime)?;
        Ok(Some(excerpt(&String::from_utf8_lossy(moment.content))))
    }

    /// The one value of a signed attribute.
    fn attribute(&self, name: ObjectIdentifier) -> Result<&'a [u8], AuthenticodeError> {
        find(self.attributes.content, name)?.ok_or(AuthenticodeError::Unreadable("it lacks a signed attribute"))
    }

    fn certificate(&self) -> Result<Certificate<'a>, AuthenticodeError> {
        let mut all = Values(self.certificates);
        while !all.0.is_empty() {
            // Other kinds than certificates of X.509 have tags of their own.
            let value = all.next()?;
            if value.tag == Tag::Sequence
                && let Ok(certificate) = Certificate::read(value)
                && certificate.is_named(self.signer)
            {
                return Ok(certificate);
            }
        }
        Err(AuthenticodeError::Unreadable("the signer's certificate is not in it"))
    }
}

/// What is needed of a certificate (RFC 5280 section 4.1).
#[derive(Debug, Clone, Copy)]
struct Certificate<'a> {
    whole: &'a [u8],
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    kind: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    key: &'a [u8],
}

impl<'a> Certificate<'a> {
    fn read(value: Value<'a>) -> Result<Self, AuthenticodeError> {
        let mut signed = Values(value.content).inside(Tag::Sequence)?;
        signed.optional(0)?;
        let serial = signed.expect(Tag::Integer)?.whole;
        signed.expect(Tag::Sequence)?;
        let issuer = signed.expect(Tag::Sequence)?.whole;
        signed.expect(Tag::Sequence)?;
        let subject = signed.expect(Tag::Sequence)?.content;
        let mut public = signed.inside(Tag::Sequence)?;
        let mut algorithm = public.inside(Tag::Sequence)?;
        let kind = algorithm.oid()?;
        let curve = algorithm.oid().ok();
        // The first byte of a bit string counts the bits that it lacks.
        let (0, key) =
            public.expect(Tag::BitString)?.content.split_first().map(|(lack, key)| (*lack, key)).ok_or(SHAPE)?
        else {
            return Err(SHAPE);
        };
        Ok(Self { whole: value.whole, serial, issuer, subject, kind, curve, key })
    }

    /// Whether issuer and serial number name this certificate.
    fn is_named(&self, identity: &[u8]) -> bool {
        identity.strip_prefix(self.issuer) == Some(self.serial)
    }

    fn algorithm(&self, hash: Hash) -> Result<&'static dyn VerificationAlgorithm, AuthenticodeError> {
        Ok(match (self.kind, self.curve, hash) {
            (RSA, _, Hash::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
            (RSA, _, Hash::Sha384) => &RSA_PKCS1_2048_8192_SHA384,
            (RSA, _, Hash::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
            (EC, Some(P256), Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
            (EC, Some(P256), Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
            (EC, Some(P384), Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
            (EC, Some(P384), Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
            _ => return Err(AuthenticodeError::Algorithm),
        })
    }
}

/// An algorithm, and the digest by it.
fn imprint<'a>(values: &mut Values<'a>) -> Result<(Hash, &'a [u8]), AuthenticodeError> {
    let mut imprint = values.inside(Tag::Sequence)?;
    let hash = hash_of(&mut imprint.inside(Tag::Sequence)?)?;
    Ok((hash, imprint.expect(Tag::OctetString)?.content))
}

fn hash_of(algorithm: &mut Values<'_>) -> Result<Hash, AuthenticodeError> {
    let name = algorithm.oid()?;
    HASHES.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash).ok_or(AuthenticodeError::Algorithm)
}

/// The one value of an attribute; two of one name could contradict each other.
fn find(attributes: &[u8], name: ObjectIdentifier) -> Result<Option<&[u8]>, AuthenticodeError> {
    let mut all = Values(attributes);
    let mut found = None;
    while !all.0.is_empty() {
        let mut attribute = all.inside(Tag::Sequence)?;
        if attribute.oid()? == name {
            let mut values = attribute.inside(Tag::Set)?;
            let value = values.next()?;
            if found.replace(value.whole).is_some() || !values.0.is_empty() {
                return Err(AuthenticodeError::Unreadable("it has an attribute twice"));
            }
        }
    }
    Ok(found)
}

/// The common name in a name; empty where there is none.
fn common_name(name: &[u8]) -> String {
    let read = || {
        let mut parts = Values(name);
        while !parts.0.is_empty() {
            let mut part = parts.inside(Tag::Set)?.inside(Tag::Sequence)?;
            if part.oid()? == COMMON_NAME {
                return Ok(excerpt(&String::from_utf8_lossy(part.next()?.content)));
            }
        }
        Err(SHAPE)
    };
    read().unwrap_or_default()
}
