//! The programs that make Authenticode signatures, as child processes.
//!
//! A child gets the environment that it is given and no other, its password
//! through a pipe, a bounded time, and a bounded share of its output is kept. It
//! writes beside the file; only what was verified takes the file's place.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use url::Url;

use super::SignError;
use super::authenticode::{AuthenticodeError, Kind, Verified, content_digest, verify};
use crate::model::Secret;
use crate::model::excerpt::excerpt;
use crate::store::{read_plain, remove, replace_by, write_atomic};

/// Largest program that is signed.
const MOST_BYTES: u64 = 1 << 31;
/// Most output of a tool that is kept.
const OUTPUT_BYTES: usize = 64 << 10;
/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A program that signs.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The program, by name or path.
    pub program: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Longest time for one file.
    pub timeout: Duration,
}

/// Whose signature it is.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Certificate and key in one file of PKCS #12.
    Pfx(PathBuf),
    /// Certificate and key in files of PEM.
    Pem {
        /// The certificate, then those that lead from it to its authority.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// A key in a token.
    Pkcs11 {
        /// The library that speaks to the token.
        module: PathBuf,
        /// Where the certificate is: `pkcs11:...`.
        certificate: String,
        /// Where the key is: `pkcs11:...`.
        key: String,
    },
    /// A certificate in the store of Windows, which `signtool` reads.
    Store {
        /// SHA-1 of the certificate, in hexadecimal.
        thumbprint: String,
    },
}

/// What a user says of an identity.
#[derive(Debug, Clone, Default)]
pub struct IdentityParts {
    /// Certificate and key in one file of PKCS #12.
    pub pfx: Option<PathBuf>,
    /// The certificate: a file, or an address in a token.
    pub certificate: Option<String>,
    /// The key: a file, or an address in a token.
    pub key: Option<String>,
    /// The library that speaks to the token.
    pub module: Option<PathBuf>,
    /// SHA-1 of a certificate in the store of Windows, in hexadecimal.
    pub thumbprint: Option<String>,
}

impl IdentityParts {
    /// The identity; none when nothing is said of one.
    ///
    /// # Errors
    ///
    /// With what is wrong.
    pub fn identity(self) -> Result<Option<Identity>, &'static str> {
        let Self { pfx, certificate, key, module, thumbprint } = self;
        Ok(Some(match (pfx, certificate.zip(key), module, thumbprint) {
            (Some(file), ..) => Identity::Pfx(file),
            (None, Some((certificate, key)), None, _) => {
                Identity::Pem { certificate: certificate.into(), key: key.into() }
            }
            (None, Some((certificate, key)), Some(module), _) => {
                // A PIN in the address would be an argument of the tool.
                if [&certificate, &key].iter().any(|uri| uri.contains("pin-value")) {
                    return Err("a PIN is in the address of the key, where everybody sees it");
                }
                Identity::Pkcs11 { module, certificate, key }
            }
            (.., Some(thumbprint)) => {
                if thumbprint.len() != 40 || !thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err("the thumbprint is no SHA-1: Windows shows 40 hexadecimal digits");
                }
                Identity::Store { thumbprint }
            }
            _ => return Ok(None),
        }))
    }
}

impl Identity {
    /// The program that signs with it where the user names none.
    pub fn program(&self) -> &'static str {
        if matches!(self, Self::Store { .. }) { "signtool" } else { "osslsigncode" }
    }
}

/// What to sign with.
#[derive(Debug, Clone)]
pub struct Signing {
    /// Whose signature it is.
    pub identity: Identity,
    /// The password of the key, or the PIN of the token.
    pub password: Option<Secret>,
    /// A server of timestamps (RFC 3161).
    pub timestamp: Option<Url>,
}

/// Signs a program or a script, and verifies the signature before the file is
/// replaced. Blocks.
pub fn sign_file(tool: &Tool, signing: &Signing, path: &Path) -> Result<Verified, SignError> {
    let given = read_plain(path, MOST_BYTES)?;
    let kind = Kind::of(&path.to_string_lossy(), &given).ok_or_else(|| SignError::Kind(path.to_owned()))?;
    let staged = Staged(beside(path));
    remove(&staged.0);
    if matches!(signing.identity, Identity::Store { .. }) {
        // This one signs in place.
        write_atomic(&staged.0, &given)?;
    }
    run(tool, signing, path, &staged.0)?;
    let made = read_plain(&staged.0, MOST_BYTES)?;
    let verified = check(kind, &given, &made, signing).map_err(|source| SignError::Refused {
        program: tool.name(),
        path: path.to_owned(),
        source,
    })?;
    replace_by(&staged.0, path)?;
    Ok(verified)
}

/// A signature is of use only when it is sound, and of the file that was given.
fn check(kind: Kind, given: &[u8], made: &[u8], signing: &Signing) -> Result<Verified, AuthenticodeError> {
    let verified = verify(kind, made)?;
    if content_digest(kind, given, verified.algorithm)? != verified.digest {
        return Err(AuthenticodeError::OtherFile);
    }
    if signing.timestamp.is_some() && verified.timestamp.is_none() {
        return Err(AuthenticodeError::NoTimestamp);
    }
    Ok(verified)
}

/// A file beside another, gone in the end whatever happens.
struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// The tools tell kinds of files by their extension, which has to stay.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".signing-{}-{name}", std::process::id()))
}

impl Tool {
    fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What a tool said, and how it ended.
struct Said {
    status: ExitStatus,
    text: String,
}

fn run(tool: &Tool, signing: &Signing, path: &Path, staged: &Path) -> Result<(), SignError> {
    let arguments = arguments(signing, path, staged);
    let said = converse(tool, &arguments, signing.password.as_ref())?;
    let text = match &signing.password {
        Some(password) if !password.expose().is_empty() => said.text.replace(password.expose(), "[redacted]"),
        _ => said.text,
    };
    tracing::debug!(target: "publish", tool = tool.name(), status = %said.status, "{}", excerpt(&text));
    if said.status.success() {
        return Ok(());
    }
    let last: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let message = excerpt(&last[last.len().saturating_sub(3)..].join("; "));
    Err(SignError::Tool { program: tool.name(), path: path.to_owned(), message })
}

/// Runs a tool to its end, or to the end of its time.
fn converse(tool: &Tool, arguments: &[OsString], password: Option<&Secret>) -> Result<Said, SignError> {
    let no_tool = |source| SignError::NoTool { program: tool.name(), source };
    let mut command = Command::new(&tool.program);
    // Of its own, so that nothing it started outlives its time.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command
        .args(arguments)
        .env_clear()
        .envs(tool.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(no_tool)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ends without asking needs none; a pipe holds any password.
        let _ = stdin.write_all(password.map_or("", Secret::expose).as_bytes());
    }
    let (status, text) = std::thread::scope(|scope| {
        let streams = [
            scope.spawn(move || stdout.map(kept).unwrap_or_default()),
            scope.spawn(move || stderr.map(kept).unwrap_or_default()),
        ];
        let status = wait(&mut child, tool.timeout);
        let text: Vec<String> = streams.into_iter().map(|stream| stream.join().unwrap_or_default()).collect();
        (status, text.join("\n"))
    });
    match status.map_err(no_tool)? {
        Some(status) => Ok(Said { status, text }),
        None => Err(SignError::Stalled { program: tool.name(), after: tool.timeout }),
    }
}

/// None when the time was over; the child is then ended.
fn wait(child: &mut Child, timeout: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > end {
            // It may have ended meanwhile.
            #[cfg(unix)]
            let _ = rustix::process::kill_process_group(
                rustix::process::Pid::from_child(child),
                rustix::process::Signal::KILL,
            );
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// Reads a stream to its end, or the tool would wait, and keeps the beginning.
fn kept(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count) = stream.read(&mut piece) {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&piece[..count.min(OUTPUT_BYTES.saturating_sub(kept.len()))]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// What a tool is told. None of it is secret.
fn arguments(signing: &Signing, path: &Path, staged: &Path) -> Vec<OsString> {
    let words = |words: &[&OsStr]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    if let Identity::Store { thumbprint } = &signing.identity {
        let mut told = words(&["sign", "/fd", "sha256", "/sha1", thumbprint].map(OsStr::new));
        if let Some(url) = &signing.timestamp {
            told.extend(words(&["/tr", url.as_str(), "/td", "sha256"].map(OsStr::new)));
        }
        told.push(staged.into());
        return told;
    }
    let mut told: Vec<OsString> = words(&["sign", "-h", "sha256"].map(OsStr::new));
    match &signing.identity {
        Identity::Pfx(file) => told.extend(words(&["-pkcs12".as_ref(), file.as_ref()])),
        Identity::Pem { certificate, key } => {
            told.extend(words(&["-certs".as_ref(), certificate.as_ref(), "-key".as_ref(), key.as_ref()]));
        }
        Identity::Pkcs11 { module, certificate, key } => {
            told.extend(words(&["-pkcs11module".as_ref(), module.as_ref()]));
            told.extend(words(&["-pkcs11cert", certificate, "-key", key].map(OsStr::new)));
        }
        Identity::Store { .. } => {}
    }
    // Without a password the pipe is empty, so that nothing waits for a terminal.
    // A token may have another way to its PIN.
    if signing.password.is_some() || !matches!(signing.identity, Identity::Pkcs11 { .. }) {
        told.extend(words(&["-readpass", "-"].map(OsStr::new)));
    }
    if let Some(url) = &signing.timestamp {
        told.extend(words(&["-ts", url.as_str()].map(OsStr::new)));
    }
    told.extend(words(&["-in".as_ref(), path.as_ref(), "-out".as_ref(), staged.as_ref()]));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(identity: Identity, password: Option<&str>) -> String {
        let timestamp = Some("http://time.example/".parse().unwrap());
        let signing = Signing { identity, password: password.map(Secret::new), timestamp };
        let arguments = arguments(&signing, "a.exe".as_ref(), "b.exe".as_ref());
        arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn no_password_is_an_argument() {
        let rest = "-ts http://time.example/ -in a.exe -out b.exe";
        assert_eq!(
            told(Identity::Pfx("me.pfx".into()), Some("secret")),
            format!("sign -h sha256 -pkcs12 me.pfx -readpass - {rest}")
        );
        let token =
            || Identity::Pkcs11 { module: "p.so".into(), certificate: "pkcs11:c".into(), key: "pkcs11:k".into() };
        let begin = "sign -h sha256 -pkcs11module p.so -pkcs11cert pkcs11:c -key pkcs11:k";
        assert_eq!(told(token(), Some("secret")), format!("{begin} -readpass - {rest}"));
        assert_eq!(told(token(), None), format!("{begin} {rest}"));
        let store = told(Identity::Store { thumbprint: "AB".into() }, None);
        assert_eq!(store, "sign /fd sha256 /sha1 AB /tr http://time.example/ /td sha256 b.exe");
    }

    #[cfg(unix)]
    fn shell(script: &str, timeout: Duration) -> Result<Said, SignError> {
        let tool = Tool { program: "/bin/sh".into(), environment: vec![("A".into(), "b".into())], timeout };
        converse(&tool, &["-c".into(), script.into()], Some(&Secret::new("secret")))
    }

    #[test]
    #[cfg(unix)]
    fn a_tool_gets_its_environment_and_its_password_and_no_more() {
        let said = shell("cat; echo; export -p; exit 3", Duration::from_secs(20)).unwrap();
        assert!(said.text.starts_with("secret\n") && said.text.contains('b'), "{}", said.text);
        assert!(!said.text.contains("CARGO") && !said.text.contains("HOME"), "{}", said.text);
        assert_eq!(said.status.code(), Some(3));
    }

    #[test]
    #[cfg(unix)]
    fn a_tool_is_bounded_in_time_and_output() {
        let stalled = shell("exec sleep 60", Duration::from_millis(100));
        assert!(matches!(stalled, Err(SignError::Stalled { .. })));
        let said = shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", Duration::from_secs(20)).unwrap();
        assert!(said.text.len() <= 2 * OUTPUT_BYTES + 1, "{}", said.text.len());
    }
}
