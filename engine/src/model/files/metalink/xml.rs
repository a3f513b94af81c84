//! The little of XML that a Metalink document needs, bounded in every way.
//!
//! There is no document type, no entity but the five predefined ones, nothing
//! is ever fetched, and depth and text lengths have limits.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use crate::model::excerpt::excerpt;

/// Deepest nesting; a Metalink document itself has four levels.
const MOST_DEPTH: usize = 16;

/// Longest text of an element and longest value of an attribute. A URL may be
/// 8 KiB long.
const MOST_TEXT_BYTES: usize = 8 * 1024;

const METALINK_4: &[u8] = b"urn:ietf:params:xml:ns:metalink";
const METALINK_3: &[u8] = b"http://www.metalinker.org/";

/// Why a document is not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not well-formed. The parser's own words, which may quote the document.
    #[error("the XML is not well-formed: {0}")]
    Syntax(String),
    /// A document type, which could define entities that expand without end.
    #[error("a document type declaration is not accepted")]
    DocumentType,
    /// An entity that only a document type could define.
    #[error("the entity `{0}` is not one of the five that XML predefines")]
    Entity(String),
    /// Elements within elements without end.
    #[error("elements are nested deeper than {MOST_DEPTH} levels")]
    TooDeep,
    /// A text or an attribute value without end.
    #[error("a text is longer than {MOST_TEXT_BYTES} bytes")]
    TooLong,
    /// The end of the document inside of an element.
    #[error("the document ends inside of an element")]
    Truncated,
}

impl<E: Into<quick_xml::Error>> From<E> for XmlError {
    fn from(error: E) -> Self {
        Self::Syntax(excerpt(&error.into().to_string()))
    }
}

/// Whose element it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// RFC 5854.
    Metalink4,
    /// Its predecessor, which no RFC describes.
    Metalink3,
    /// An extension, to be passed over.
    Other,
}

/// A start tag.
pub(super) struct Element<'a> {
    pub(super) vocabulary: Vocabulary,
    start: BytesStart<'a>,
}

impl Element<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(self.start.local_name().as_ref()).into_owned()
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, XmlError> {
        let Some(attribute) = self.start.try_get_attribute(name)? else {
            return Ok(None);
        };
        if attribute.value.len() > MOST_TEXT_BYTES {
            return Err(XmlError::TooLong);
        }
        Ok(Some(attribute.normalized_value(XmlVersion::Explicit1_0)?.trim().to_owned()))
    }
}

enum Node<'a> {
    Open(Element<'a>),
    Close,
    Text(Cow<'a, str>),
}

/// Reads a document from its start tag to the end tag that matches it.
pub(super) struct Xml<'a> {
    reader: NsReader<&'a [u8]>,
    text: &'a str,
    depth: usize,
}

impl<'a> Xml<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = NsReader::from_str(text);
        // One way to end an element instead of two.
        reader.config_mut().expand_empty_elements = true;
        Self { reader, text, depth: 0 }
    }

    /// The line that was read last, counted from 1.
    pub(super) fn line(&self) -> usize {
        let position = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        let read = &self.text.as_bytes()[..position.min(self.text.len())];
        read.split(|byte| *byte == b'\n').count()
    }

    /// The outermost element.
    pub(super) fn root(&mut self) -> Result<Element<'a>, XmlError> {
        loop {
            if let Node::Open(element) = self.node()? {
                return Ok(element);
            }
        }
    }

    /// The next element inside the current one, or `None` behind its end tag.
    /// The caller reads each element to its end: by this, by [`Xml::text`] or
    /// by [`Xml::skip`].
    pub(super) fn child(&mut self) -> Result<Option<Element<'a>>, XmlError> {
        loop {
            match self.node()? {
                Node::Open(element) => return Ok(Some(element)),
                Node::Close => return Ok(None),
                Node::Text(_) => {}
            }
        }
    }

    /// The text of the current element, up to its end tag.
    pub(super) fn text(&mut self) -> Result<String, XmlError> {
        let mut text = String::new();
        loop {
            match self.node()? {
                Node::Open(_) => self.skip()?,
                Node::Close => return Ok(text.trim().to_owned()),
                Node::Text(piece) => text.push_str(&piece),
            }
            if text.len() > MOST_TEXT_BYTES {
                return Err(XmlError::TooLong);
            }
        }
    }

    /// Passes over the current element, up to its end tag.
    pub(super) fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.node()?;
        }
        Ok(())
    }

    fn node(&mut self) -> Result<Node<'a>, XmlError> {
        loop {
            let (namespace, event) = self.reader.read_resolved_event()?;
            let vocabulary = vocabulary(&namespace);
            match event {
                Event::Start(start) => {
                    self.depth += 1;
                    // Checked at each step, because the reader itself counts
                    // levels in 16 bits.
                    if self.depth > MOST_DEPTH {
                        return Err(XmlError::TooDeep);
                    }
                    return Ok(Node::Open(Element { vocabulary, start }));
                }
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(Node::Close);
                }
                Event::Text(text) => return Ok(Node::Text(text.xml10_content()?)),
                Event::CData(text) => return Ok(Node::Text(text.xml10_content()?)),
                Event::GeneralRef(reference) => return Ok(Node::Text(resolved(&reference)?)),
                Event::DocType(_) => return Err(XmlError::DocumentType),
                Event::Eof => return Err(XmlError::Truncated),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }
}

fn vocabulary(namespace: &ResolveResult<'_>) -> Vocabulary {
    match namespace {
        ResolveResult::Bound(namespace) if namespace.as_ref() == METALINK_4 => Vocabulary::Metalink4,
        ResolveResult::Bound(namespace) if namespace.as_ref() == METALINK_3 => Vocabulary::Metalink3,
        _ => Vocabulary::Other,
    }
}

/// The text of `&#65;` or `&amp;`.
fn resolved<'a>(reference: &BytesRef<'a>) -> Result<Cow<'a, str>, XmlError> {
    if let Some(c) = reference.resolve_char_ref()? {
        return Ok(Cow::Owned(c.to_string()));
    }
    let name = reference.decode()?;
    let text = quick_xml::escape::resolve_xml_entity(&name);
    text.map(Cow::Borrowed).ok_or_else(|| XmlError::Entity(excerpt(&name)))
}
