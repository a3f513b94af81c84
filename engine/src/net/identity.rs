//! The client certificate: who the user is, for servers that ask on the TLS
//! connection itself.

use std::fmt;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;

/// Marks of a private key that a password protects (RFC 7468 section 11, RFC 1421).
const ENCRYPTED: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];

/// A certificate with its private key.
#[derive(Clone)]
pub struct ClientIdentity(reqwest::Identity);

/// Why a text is no certificate with its key.
#[derive(Debug, thiserror::Error)]
pub enum ClientIdentityError {
    /// No certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// No private key.
    #[error("there is no private key in it")]
    NoKey,
    /// A key that only a password opens.
    #[error("its private key is encrypted")]
    Encrypted,
    /// What cannot be read.
    #[error("it is damaged: {0}")]
    Damaged(pem::Error),
    /// A key that cannot be read.
    #[error("its private key is damaged: {0}")]
    DamagedKey(pem::Error),
    /// A key of another certificate, or of a kind that TLS has no use for.
    #[error("the private key does not fit the certificate: {0}")]
    Mismatch(rustls::Error),
    /// What the client does not take.
    #[error("the client cannot use it")]
    Unusable(#[source] reqwest::Error),
}

impl ClientIdentity {
    /// Takes the certificate, then those that lead from it to its authority,
    /// and its private key, as PEM text. Both texts may be the same.
    pub fn parse(certificate: &[u8], key: &[u8]) -> Result<Self, ClientIdentityError> {
        let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(ClientIdentityError::Damaged)?;
        if chain.is_empty() {
            return Err(ClientIdentityError::NoCertificate);
        }
        let key = private_key(key)?;
        // The texts may hold more than the client puts up with.
        let mut text: String = chain.iter().map(|certificate| section("CERTIFICATE", certificate)).collect();
        text += &section(label(&key), key.secret_der());
        CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
            .map_err(ClientIdentityError::Mismatch)?;
        reqwest::Identity::from_pem(text.as_bytes()).map(Self).map_err(ClientIdentityError::Unusable)
    }

    pub(super) fn expose(&self) -> reqwest::Identity {
        self.0.clone()
    }
}

impl ClientIdentityError {
    /// Whether the text of the key is to blame.
    pub fn is_of_key(&self) -> bool {
        matches!(self, Self::NoKey | Self::Encrypted | Self::DamagedKey(_) | Self::Mismatch(_))
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Encrypted => "decrypt it first, for instance with `openssl pkey -in KEY.pem -out PLAIN.pem`",
            Self::NoKey => "name the file of the private key with --key PEM",
            Self::Mismatch(_) => "name the key that the certificate was made with",
            Self::NoCertificate | Self::Damaged(_) | Self::DamagedKey(_) | Self::Unusable(_) => {
                "give --cert a PEM file of the certificate, and --key one of its private key"
            }
        }
    }
}

/// Without the key.
impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity([redacted])")
    }
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, ClientIdentityError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        _ if is_encrypted(text) => ClientIdentityError::Encrypted,
        pem::Error::NoItemsFound => ClientIdentityError::NoKey,
        error => ClientIdentityError::DamagedKey(error),
    })
}

fn is_encrypted(text: &[u8]) -> bool {
    ENCRYPTED.iter().any(|mark| text.windows(mark.len()).any(|window| window == *mark))
}

fn label(key: &PrivateKeyDer<'_>) -> &'static str {
    match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    }
}

fn section(label: &str, der: &[u8]) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A certificate and its key.
    fn made() -> (String, String) {
        let key = KeyPair::generate().expect("a key pair");
        let certificate = CertificateParams::new(["me".to_owned()]).expect("a name").self_signed(&key);
        (certificate.expect("a certificate").pem(), key.serialize_pem())
    }

    fn parse(certificate: &str, key: &str) -> Result<ClientIdentity, ClientIdentityError> {
        ClientIdentity::parse(certificate.as_bytes(), key.as_bytes())
    }

    #[test]
    fn takes_one_file_or_two() {
        let (certificate, key) = made();
        let both = format!("subject=/CN=me\n{certificate}{key}");
        for (certificate, key) in [(&certificate, &key), (&both, &both), (&both, &key)] {
            let identity = parse(certificate, key).expect("a certificate with its key");
            assert_eq!(format!("{identity:?}"), "ClientIdentity([redacted])");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let (certificate, key) = made();
        let (_, stranger) = made();
        let base64 = "-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n";
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
                   -----END RSA PRIVATE KEY-----\n";
        let new = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(matches!(parse(&key, &key), Err(ClientIdentityError::NoCertificate)));
        assert!(matches!(parse(&certificate, &certificate), Err(ClientIdentityError::NoKey)));
        assert!(matches!(parse(&certificate, base64), Err(ClientIdentityError::DamagedKey(_))));
        assert!(matches!(parse(&certificate, &stranger), Err(ClientIdentityError::Mismatch(_))));
        for encrypted in [old, new] {
            assert!(matches!(parse(&certificate, encrypted), Err(ClientIdentityError::Encrypted)), "{encrypted}");
        }
    }
}
