//! The nuspec of a package: what it says, and the text that is packed.
//!
//! There is no document type and no entity but the five predefined ones. The
//! packed text is the given one with three changes, as `nuget pack` makes them:
//! an XML declaration of UTF-8, the namespace that every client reads, and no
//! `<files>`, which tells only how the package was made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{PackError, PackageVersion};
use crate::model::excerpt::excerpt;

/// Longest nuspec.
const MOST_BYTES: usize = 1 << 20;
/// Deepest nesting; a nuspec has six levels.
const MOST_DEPTH: usize = 16;
/// Longest identifier that feeds take.
const MOST_ID_BYTES: usize = 100;
/// The namespace that every client reads; those before Chocolatey 2 know no later one.
const NAMESPACE: &str = "http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd";
/// Years of the namespaces that mean the same elements.
const YEARS: [&str; 7] = ["2010/07", "2011/08", "2011/10", "2012/06", "2013/01", "2013/05", "2015/06"];

/// What a nuspec says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nuspec {
    /// The identifier.
    pub id: String,
    /// The version, normalised.
    pub version: PackageVersion,
    /// The rules of `<files>`; none where there is no such element.
    pub files: Option<Vec<FileRule>>,
    metadata: BTreeMap<String, String>,
    text: String,
}

/// One `<file>`: which files go where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRule {
    /// A path or a pattern.
    pub src: String,
    /// A folder of the package, or the path of one file.
    pub target: Option<String>,
    /// Patterns of what is not meant, separated by `;`.
    pub exclude: Option<String>,
}

impl Nuspec {
    /// Reads a nuspec and holds its identifier and version against what feeds
    /// take.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MOST_BYTES {
            return Err(PackError::Syntax { line: 1, what: format!("it has more than {MOST_BYTES} bytes") });
        }
        let mut walk = Walk::new(text);
        walk.run()?;
        let Walk { metadata, files, namespace, cuts, .. } = walk;
        let required = |name: &'static str| {
            metadata.get(name).filter(|value| !value.is_empty()).cloned().ok_or(PackError::Missing(name))
        };
        let id = required("id")?;
        if !is_id(&id) {
            return Err(PackError::Id(excerpt(&id)));
        }
        let version = PackageVersion::normalised(&required("version")?)?;
        required("authors")?;
        required("description")?;
        let text = packed_text(text, namespace, cuts);
        Ok(Self { id, version, files, metadata, text })
    }

    /// The text as it is packed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of an element of `<metadata>`; empty where there is none.
    pub fn value(&self, name: &str) -> &str {
        self.metadata.get(name).map_or("", String::as_str)
    }
}

/// Words of letters, digits and `_`, joined by single dots or hyphens.
fn is_id(id: &str) -> bool {
    id.len() <= MOST_ID_BYTES
        && id
            .split(['.', '-'])
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

fn packed_text(text: &str, namespace: (Range<usize>, String), mut cuts: Vec<Range<usize>>) -> String {
    let (tag, replacement) = namespace;
    cuts.sort_by_key(|cut| std::cmp::Reverse(cut.start));
    let mut packed = text.to_owned();
    // From behind, so that no cut moves what is before it.
    for cut in cuts.iter().filter(|cut| cut.start >= tag.end) {
        packed.replace_range(cut.clone(), "");
    }
    packed.replace_range(tag.clone(), &replacement);
    for cut in cuts.iter().filter(|cut| cut.end <= tag.start) {
        packed.replace_range(cut.clone(), "");
    }
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}\n", packed.trim())
}

/// One pass over the document.
struct Walk<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    /// Names of the elements that are open.
    open: Vec<String>,
    metadata: BTreeMap<String, String>,
    files: Option<Vec<FileRule>>,
    /// The start tag of the root, and what to write in its place.
    namespace: (Range<usize>, String),
    /// What is not packed.
    cuts: Vec<Range<usize>>,
    files_start: usize,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = false;
        Self {
            reader,
            text,
            open: Vec::new(),
            metadata: BTreeMap::new(),
            files: None,
            namespace: (0..0, String::new()),
            cuts: Vec::new(),
            files_start: 0,
        }
    }

    fn run(&mut self) -> Result<(), PackError> {
        loop {
            let start = self.position();
            let event = self.reader.read_event().map_err(|error| self.wrong(&error.to_string()))?;
            let span = start..self.position();
            match event {
                Event::Start(tag) => self.enter(&tag, span)?,
                Event::Empty(tag) => {
                    self.enter(&tag, span.clone())?;
                    self.leave(span.end);
                }
                Event::End(_) => self.leave(span.end),
                Event::Text(text) => {
                    let text = text.xml10_content().map_err(|error| self.wrong(&error.to_string()))?;
                    self.collect(&text)?;
                }
                Event::CData(text) => {
                    let text = text.xml10_content().map_err(|error| self.wrong(&error.to_string()))?;
                    self.collect(&text)?;
                }
                Event::GeneralRef(reference) => {
                    let text = self.resolved(&reference)?;
                    self.collect(&text)?;
                }
                Event::Decl(_) => self.cuts.push(span),
                Event::DocType(_) => return Err(self.wrong("a document type is not accepted")),
                Event::Eof => return self.finish(),
                Event::Comment(_) | Event::PI(_) => {}
            }
        }
    }

    fn finish(&self) -> Result<(), PackError> {
        if !self.open.is_empty() || self.namespace.1.is_empty() {
            return Err(self.wrong("the document ends inside of an element"));
        }
        Ok(())
    }

    fn enter(&mut self, tag: &BytesStart<'_>, span: Range<usize>) -> Result<(), PackError> {
        let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
        match (self.open.len(), name.as_str()) {
            (0, "package") if self.namespace.1.is_empty() => self.namespace = (span, self.root(tag)?),
            (0, _) => return Err(self.wrong("the outermost element is one <package>")),
            (1, "files") => {
                if self.files.is_some() {
                    return Err(PackError::Twice(name));
                }
                self.files = Some(Vec::new());
                self.files_start = span.start;
            }
            (2, "file") if self.open[1] == "files" => {
                let rule = self.rule(tag)?;
                self.files.get_or_insert_default().push(rule);
            }
            (2, _) if self.open[1] == "metadata" && self.metadata.insert(name.clone(), String::new()).is_some() => {
                return Err(PackError::Twice(excerpt(&name)));
            }
            _ => {}
        }
        self.open.push(name);
        if self.open.len() > MOST_DEPTH {
            return Err(self.wrong("elements are nested too deeply"));
        }
        Ok(())
    }

    fn leave(&mut self, end: usize) {
        if self.open.len() == 2 && self.open[1] == "files" {
            self.cuts.push(self.files_start..end);
        }
        if let Some(value) = self.open_value() {
            *value = value.trim().to_owned();
        }
        self.open.pop();
    }

    /// The text that is being read: that of `<metadata>`'s own elements.
    fn open_value(&mut self) -> Option<&mut String> {
        let [package, metadata, name] = &self.open[..] else { return None };
        (package == "package" && metadata == "metadata").then(|| self.metadata.get_mut(name))?
    }

    fn collect(&mut self, text: &str) -> Result<(), PackError> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(self.wrong("there is text outside of <package>"));
        }
        if let Some(value) = self.open_value() {
            value.push_str(text);
        }
        Ok(())
    }

    fn rule(&self, tag: &BytesStart<'_>) -> Result<FileRule, PackError> {
        let src = self.attribute(tag, "src")?.unwrap_or_default();
        if src.is_empty() {
            return Err(self.wrong("a <file> without src"));
        }
        Ok(FileRule { src, target: self.attribute(tag, "target")?, exclude: self.attribute(tag, "exclude")? })
    }

    fn attribute(&self, tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, PackError> {
        let wrong = |error: &dyn std::fmt::Display| self.wrong(&error.to_string());
        let Some(attribute) = tag.try_get_attribute(name).map_err(|error| wrong(&error))? else { return Ok(None) };
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| wrong(&error))?;
        Ok(Some(value.trim().to_owned()))
    }

    /// The start tag of the root in the namespace that every client reads.
    fn root(&self, tag: &BytesStart<'_>) -> Result<String, PackError> {
        let mut written = "<package".to_owned();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.wrong(&error.to_string()))?;
            let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let value = String::from_utf8_lossy(&attribute.value).into_owned();
            if name != "xmlns" {
                let _ = write!(written, " {name}=\"{}\"", value.replace('"', "&quot;"));
            } else if !is_known(&value) {
                return Err(PackError::Namespace(excerpt(&value)));
            }
        }
        let end = if self.is_empty_tag() { "/>" } else { ">" };
        Ok(format!("{written} xmlns=\"{NAMESPACE}\"{end}"))
    }

    fn is_empty_tag(&self) -> bool {
        self.text[..self.position()].ends_with("/>")
    }

    fn resolved(&self, reference: &BytesRef<'_>) -> Result<String, PackError> {
        if let Some(letter) = reference.resolve_char_ref().map_err(|error| self.wrong(&error.to_string()))? {
            return Ok(letter.to_string());
        }
        let name = reference.decode().map_err(|error| self.wrong(&error.to_string()))?;
        let text = quick_xml::escape::resolve_xml_entity(&name);
        text.map(str::to_owned).ok_or_else(|| self.wrong(&format!("there is no entity `{}`", excerpt(&name))))
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX).min(self.text.len())
    }

    fn wrong(&self, what: &str) -> PackError {
        let read = &self.text.as_bytes()[..self.position()];
        PackError::Syntax { line: read.split(|byte| *byte == b'\n').count(), what: excerpt(what) }
    }
}

fn is_known(namespace: &str) -> bool {
    let year = namespace
        .strip_prefix("http://schemas.microsoft.com/packaging/")
        .and_then(|rest| rest.strip_suffix("/nuspec.xsd"));
    namespace.is_empty() || year.is_some_and(|year| YEARS.contains(&year))
}
