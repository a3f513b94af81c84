//! The little of XML that a nuspec needs, as a tree with places.
//!
//! There is no document type and no entity but the five predefined ones;
//! nothing is ever fetched.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Unreadable;
use super::place::Lines;
use super::tree::{MOST_DEPTH, MOST_NODES};
use crate::model::diagnostic::Position;
use crate::model::excerpt::excerpt;

/// An element and its place.
#[derive(Debug)]
pub(super) struct Element {
    /// Without its prefix.
    pub(super) name: String,
    pub(super) at: Position,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// Its own text, without that of its children.
    pub(super) text: String,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document to its root element.
pub(super) fn read(text: &str) -> Result<Element, Unreadable> {
    let mut builder = Builder { lines: Lines::new(text), reader: Reader::from_str(text), open: Vec::new(), nodes: 0 };
    // One way to end an element instead of two.
    builder.reader.config_mut().expand_empty_elements = true;
    builder.root()
}

struct Builder<'a> {
    lines: Lines<'a>,
    reader: Reader<&'a [u8]>,
    open: Vec<Element>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn place(&self, byte: u64) -> Position {
        self.lines.position(usize::try_from(byte).unwrap_or(usize::MAX))
    }

    fn root(&mut self) -> Result<Element, Unreadable> {
        let mut root = None;
        loop {
            let start = self.reader.buffer_position();
            let event = self.reader.read_event();
            let at = self.place(start);
            let event = event.map_err(|error| {
                Unreadable::new(self.place(self.reader.error_position()), excerpt(&error.to_string()))
            })?;
            match event {
                Event::Start(start) => {
                    if root.is_some() {
                        return Err(Unreadable::new(at, "there is a second root element"));
                    }
                    self.start(&start, at)?;
                }
                Event::End(_) => {
                    let Some(element) = self.open.pop() else { continue };
                    match self.open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => root = Some(element),
                    }
                }
                Event::Text(text) => {
                    let piece = text.xml10_content().map_err(|error| foreign(at, &error))?;
                    self.append(&piece);
                }
                Event::CData(text) => {
                    let piece = text.xml10_content().map_err(|error| foreign(at, &error))?;
                    self.append(&piece);
                }
                Event::GeneralRef(reference) => {
                    let piece = resolved(&reference, at)?;
                    self.append(&piece);
                }
                Event::DocType(_) => return Err(Unreadable::new(at, "a document type declaration is not accepted")),
                Event::Eof if self.open.is_empty() => {
                    return root.ok_or_else(|| Unreadable::new(at, "the file has no element"));
                }
                Event::Eof => return Err(Unreadable::new(at, "the file ends inside of an element")),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    fn append(&mut self, piece: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(piece);
        }
    }

    fn start(&mut self, start: &BytesStart<'a>, at: Position) -> Result<(), Unreadable> {
        self.nodes += 1;
        // Checked at each step, because the reader itself counts levels in 16 bits.
        if self.open.len() > MOST_DEPTH || self.nodes > MOST_NODES {
            return Err(Unreadable::too_large(at));
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| foreign(at, &error))?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| foreign(at, &error))?;
            let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            attributes.push((name, value.into_owned()));
        }
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        self.open.push(Element { name, at, attributes, children: Vec::new(), text: String::new() });
        Ok(())
    }
}

fn foreign(at: Position, error: &dyn std::fmt::Display) -> Unreadable {
    Unreadable::new(at, excerpt(&error.to_string()))
}

/// The text of `&#65;` or `&amp;`.
fn resolved(reference: &BytesRef<'_>, at: Position) -> Result<String, Unreadable> {
    if let Some(letter) = reference.resolve_char_ref().map_err(|error| foreign(at, &error))? {
        return Ok(letter.to_string());
    }
    let name = reference.decode().map_err(|error| foreign(at, &error))?;
    let text = quick_xml::escape::resolve_xml_entity(&name);
    let unknown = || Unreadable::new(at, format!("the entity `{}` is not one that XML predefines", excerpt(&name)));
    text.map(str::to_owned).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_elements_with_their_places() {
        let root = read("<?xml version=\"1.0\"?>\n<p>\n  <id a=\"b&amp;c\">x &lt; <![CDATA[y]]></id>\n</p>\n").unwrap();
        let id = root.child("id").unwrap();
        assert_eq!((id.at.line, id.at.column, id.text.as_str()), (3, 3, "x < y"));
        assert_eq!(id.attribute("a"), Some("b&c"));
    }

    #[test]
    fn refuses_what_a_nuspec_has_no_use_for() {
        let deep = "<a>".repeat(60);
        for text in ["", "text", "<a>", "<a></b>", "<!DOCTYPE a><a/>", "<a>&x;</a>", "<a/><b/>", "<a b=c/>", &deep] {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(30)]);
        }
    }
}
