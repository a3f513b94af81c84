//! Metalink 4 documents (RFC 5854).

mod xml;

use std::num::NonZeroU64;

use url::Url;

use self::xml::{Element, Vocabulary, Xml};
use crate::model::excerpt::excerpt;
use crate::model::{Algorithm, Digest, DigestError, ExitCode, Explain, Region};

pub use self::xml::XmlError;

/// Largest document that is read. It bounds the number of pieces as well.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Most files of a document.
const MOST_FILES: usize = 1000;

/// Most URLs of a file.
const MOST_URLS: usize = 256;

/// The lowest priority, which a URL without one has (section 4.2.16.1).
const LOWEST_PRIORITY: u32 = 999_999;

/// One file of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetalinkFile {
    /// The name, raw: it may hold folders, or be hostile.
    pub name: String,
    /// Length in bytes.
    pub size: Option<u64>,
    /// Digests of the whole file.
    pub digests: Vec<Digest>,
    /// Digests of its pieces, by the strongest algorithm that it lists.
    pub pieces: Option<Pieces>,
    /// Where it is over HTTP, best first.
    pub urls: Vec<MetalinkUrl>,
}

/// Digests of the consecutive pieces of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// What the digests are made with.
    pub algorithm: Algorithm,
    /// Length of every piece but the last, which may be shorter.
    pub length: NonZeroU64,
    /// One digest a piece, in order.
    pub digests: Vec<Digest>,
}

/// A place that has the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetalinkUrl {
    /// Where to ask.
    pub url: Url,
    /// 1 is tried first, 999999 last.
    pub priority: u32,
    /// Where the server stands, as far as the document says.
    pub region: Region,
}

/// Why a document cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetalinkError {
    /// Larger than the engine reads.
    #[error("the metalink document exceeds {MOST_BYTES} bytes")]
    TooLarge,
    /// Not text.
    #[error("the metalink document is not UTF-8 text")]
    NotText,
    /// Some other document.
    #[error("the document is no metalink: its root is `{0}`")]
    NotMetalink(String),
    /// Metalink 3, which no RFC describes.
    #[error("the document is a Metalink 3; only Metalink 4 (RFC 5854) is read")]
    Version3,
    /// Markup that is malformed or not accepted.
    #[error("line {line} of the metalink document cannot be read")]
    Xml {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        #[source]
        source: XmlError,
    },
    /// An element whose content breaks the RFC.
    #[error("line {line} of the metalink document: {fault}")]
    Content {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        #[source]
        fault: Fault,
    },
}

/// What is wrong with the content of an element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An attribute that must be there is not.
    #[error("`{element}` has no `{attribute}`")]
    Missing {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// A length that is no number.
    #[error("`{0}` is not a length in bytes")]
    Length(String),
    /// A hash that does not fit its type.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Fewer or more pieces than the size asks for.
    #[error("a file of this size has {want} pieces, not {got}")]
    PieceCount {
        /// Pieces that size and piece length make.
        want: u64,
        /// Pieces listed.
        got: usize,
    },
    /// More than the engine keeps.
    #[error("more than {MOST_FILES} files, or more than {MOST_URLS} URLs of a file")]
    TooMany,
}

impl Explain for MetalinkError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Failed
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Version3 => Some("ask the site for its .meta4 document".to_owned()),
            Self::NotMetalink(_) => Some("check that the address is that of a .meta4 document".to_owned()),
            _ => None,
        }
    }
}

/// An error that does not know its line yet.
enum Reason {
    Xml(XmlError),
    Fault(Fault),
}

impl From<XmlError> for Reason {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

impl<F: Into<Fault>> From<F> for Reason {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Reads a document.
///
/// Hashes of unknown types, URLs that are not HTTP, torrents (`metaurl`),
/// signatures and extensions are passed over, as the RFC asks.
pub fn parse_metalink(bytes: &[u8]) -> Result<Vec<MetalinkFile>, MetalinkError> {
    if bytes.len() > MOST_BYTES {
        return Err(MetalinkError::TooLarge);
    }
    // XML has no way to write a NUL, and the reader below does not mind one.
    let text = str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(MetalinkError::NotText)?;
    let mut xml = Xml::new(text.trim_start_matches('\u{feff}'));
    let root = xml.root().map_err(|source| MetalinkError::Xml { line: xml.line(), source })?;
    match (root.vocabulary, root.name().as_str()) {
        (Vocabulary::Metalink4, "metalink") => {}
        (Vocabulary::Metalink3, "metalink") => return Err(MetalinkError::Version3),
        (_, other) => return Err(MetalinkError::NotMetalink(excerpt(other))),
    }
    files(&mut xml).map_err(|reason| match reason {
        Reason::Xml(source) => MetalinkError::Xml { line: xml.line(), source },
        Reason::Fault(fault) => MetalinkError::Content { line: xml.line(), fault },
    })
}

/// The name of an element that the RFC defines, empty for an extension.
fn known_name(element: &Element<'_>) -> String {
    if element.vocabulary == Vocabulary::Metalink4 { element.name() } else { String::new() }
}

fn files(xml: &mut Xml<'_>) -> Result<Vec<MetalinkFile>, Reason> {
    let mut files = Vec::new();
    while let Some(element) = xml.child()? {
        if known_name(&element) != "file" {
            xml.skip()?;
            continue;
        }
        if files.len() == MOST_FILES {
            return Err(Fault::TooMany.into());
        }
        files.push(file(xml, &element)?);
    }
    Ok(files)
}

fn file(xml: &mut Xml<'_>, element: &Element<'_>) -> Result<MetalinkFile, Reason> {
    let name = element.attribute("name")?.ok_or(Fault::Missing { element: "file", attribute: "name" })?;
    let mut file = MetalinkFile { name, size: None, digests: Vec::new(), pieces: None, urls: Vec::new() };
    while let Some(element) = xml.child()? {
        match known_name(&element).as_str() {
            "size" => file.size = Some(length(&xml.text()?)?),
            "hash" => file.digests.extend(hash(xml, &element)?),
            "pieces" => {
                let known = file.pieces.take();
                file.pieces = known.into_iter().chain(pieces(xml, &element)?).max_by_key(|pieces| pieces.algorithm);
            }
            "url" if file.urls.len() == MOST_URLS => return Err(Fault::TooMany.into()),
            "url" => file.urls.extend(url(xml, &element)?),
            _ => xml.skip()?,
        }
    }
    check_piece_count(&file)?;
    file.urls.sort_by_key(|url| url.priority);
    Ok(file)
}

fn length(text: &str) -> Result<u64, Fault> {
    text.parse().map_err(|_| Fault::Length(excerpt(text)))
}

fn algorithm(element: &Element<'_>) -> Result<Option<Algorithm>, XmlError> {
    Ok(element.attribute("type")?.and_then(|name| name.parse().ok()))
}

fn hash(xml: &mut Xml<'_>, element: &Element<'_>) -> Result<Option<Digest>, Reason> {
    let text = xml.text()?;
    let digest = algorithm(element)?.map(|algorithm| Digest::from_hex(algorithm, &text));
    Ok(digest.transpose()?)
}

fn pieces(xml: &mut Xml<'_>, element: &Element<'_>) -> Result<Option<Pieces>, Reason> {
    let text = element.attribute("length")?.ok_or(Fault::Missing { element: "pieces", attribute: "length" })?;
    let length = NonZeroU64::new(length(&text)?).ok_or(Fault::Length(text))?;
    let Some(algorithm) = algorithm(element)? else {
        xml.skip()?;
        return Ok(None);
    };
    let mut digests = Vec::new();
    while let Some(element) = xml.child()? {
        if known_name(&element) == "hash" {
            digests.push(Digest::from_hex(algorithm, &xml.text()?)?);
        } else {
            xml.skip()?;
        }
    }
    Ok(Some(Pieces { algorithm, length, digests }))
}

fn check_piece_count(file: &MetalinkFile) -> Result<(), Fault> {
    if let (Some(size), Some(pieces)) = (file.size, &file.pieces) {
        let (want, got) = (size.div_ceil(pieces.length.get()), pieces.digests.len());
        if want != got as u64 {
            return Err(Fault::PieceCount { want, got });
        }
    }
    Ok(())
}

fn url(xml: &mut Xml<'_>, element: &Element<'_>) -> Result<Option<MetalinkUrl>, Reason> {
    let Some(url) = Url::parse(&xml.text()?).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return Ok(None);
    };
    let priority = element.attribute("priority")?.and_then(|text| text.parse().ok());
    let region = element.attribute("location")?.and_then(|text| text.parse().ok());
    Ok(Some(MetalinkUrl {
        url,
        priority: priority.filter(|priority| (1..=LOWEST_PRIORITY).contains(priority)).unwrap_or(LOWEST_PRIORITY),
        region: region.unwrap_or(Region::WORLD),
    }))
}

#[cfg(test)]
mod tests;
