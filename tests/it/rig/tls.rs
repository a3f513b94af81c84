//! A certificate authority of the test's own, so that any host name can be
//! served over TLS on loopback.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// Signs certificates for any name; `--cacert` makes the engine trust it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: rcgen::Certificate,
    folder: TempDir,
}

/// A certificate with its key, as DER for the in-process server and as PEM
/// files for nginx.
pub struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "turbo-engine test authority");
        let key = KeyPair::generate().expect("a key pair");
        let root = params.self_signed(&key).expect("a self-signed root");
        let folder = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(folder.path().join("ca.pem"), root.pem()).expect("scratch is writable");
        Self { issuer: Issuer::new(params, key), root, folder }
    }

    /// The root certificate as a PEM file, for `--cacert`.
    pub fn pem(&self) -> String {
        self.folder.path().join("ca.pem").to_string_lossy().into_owned()
    }

    pub fn issue(&self, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().expect("a key pair");
        let params = CertificateParams::new(names).expect("valid host names");
        let certificate = params.signed_by(&key, &self.issuer).expect("a signed certificate");
        Certificate { certificate, key }
    }
}

/// What a server says to a client that shows no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// Welcome.
    Welcome,
    /// They are turned away in the handshake.
    Refused,
}

impl Certificate {
    /// Writes `cert.pem` and `key.pem` into `folder`.
    pub fn write_pem(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), self.certificate.pem()).expect("scratch is writable");
        std::fs::write(folder.join("key.pem"), self.key.serialize_pem()).expect("scratch is writable");
    }

    /// A server that asks its clients for a certificate of `authority`.
    pub fn server_config(&self, authority: &Authority, strangers: Strangers) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.root.der().clone()).expect("a root certificate");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = match strangers {
            Strangers::Welcome => verifier.allow_unauthenticated(),
            Strangers::Refused => verifier,
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_client_cert_verifier(verifier.build().expect("a root to go by"))
            .with_single_cert(vec![self.certificate.der().clone()], key)
            .expect("the key belongs to the certificate");
        Arc::new(config)
    }
}

/// A connection as the server sees it, with or without TLS around it.
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    pub fn accept(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Self {
        match tls {
            None => Self::Plain(socket),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).expect("a valid server configuration");
                Self::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        }
    }

    /// Whether the client has shown a certificate.
    pub fn knows_client(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.conn.peer_certificates().is_some_and(|chain| !chain.is_empty()),
        }
    }

    /// The socket below, for what HTTP and TLS cannot express: resets and silence.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Ends the stream cleanly, so that the peer sees an end and not a reset.
    pub fn close(mut self) {
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        self.sever();
    }

    /// Ends the stream below TLS: the peer is not told that it was meant to end.
    pub fn sever(&self) {
        let _ = self.socket().shutdown(std::net::Shutdown::Write);
        // Unread input turns the close into a reset, which would overtake the
        // last bytes of the answer.
        let _ = io::copy(&mut self.socket(), &mut io::sink());
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
