//! The archive itself: the parts of OPC around the nuspec and the files.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::escape::escape;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::{Nuspec, PackError, path};
use crate::model::delivery::OutputFile;

/// What stands in a part's name as it is (RFC 3986 section 2.3), and `/`.
const PART_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// Type of all files: clients look at none.
const FILE_TYPE: &str = "application/octet";
const CORE_TYPE: &str = "application/vnd.openxmlformats-package.core-properties+xml";
/// Digits of the name of the core properties.
const NAME_BYTES: usize = 16;
/// Extensions of what is compressed already: deflate would make it no smaller.
const COMPRESSED: [&str; 14] =
    ["zip", "7z", "gz", "xz", "zst", "bz2", "msix", "nupkg", "png", "jpg", "jpeg", "msixbundle", "whl", "jar"];

/// Writes the package. Files come sorted, and are known to be confined.
pub(super) fn write(nuspec: &Nuspec, files: &[&OutputFile]) -> Result<Vec<u8>, PackError> {
    let core = format!("package/services/metadata/core-properties/{}.psmdcp", core_name(nuspec));
    let manifest = format!("{}.nuspec", nuspec.id);
    let types = content_types(files);
    let relations = relations(&manifest, &core);
    let properties = core_properties(nuspec);
    let own = [part("_rels/.rels", &relations), part(&manifest, nuspec.text())];
    let last = [part("[Content_Types].xml", &types), part(&core, &properties)];
    let given = files.iter().map(|file| (part_name(&file.path), &file.content[..]));
    let total: usize = files.iter().map(|file| file.content.len()).sum();
    let mut archive = ZipWriter::new(Cursor::new(Vec::with_capacity(total / 2 + (4 << 10))));
    for (name, content) in own.into_iter().chain(given).chain(last) {
        let written = archive.start_file(&*name, options(&name));
        written.map_err(|error| PackError::Archive(error.to_string()))?;
        archive.write_all(content).map_err(|error| PackError::Archive(error.to_string()))?;
    }
    Ok(archive.finish().map_err(|error| PackError::Archive(error.to_string()))?.into_inner())
}

fn part<'a>(name: &'a str, content: &'a str) -> (Cow<'a, str>, &'a [u8]) {
    (Cow::Borrowed(name), content.as_bytes())
}

/// Nothing of the machine or the moment: the first instant that a zip can tell,
/// and one system for all.
fn options(name: &str) -> SimpleFileOptions {
    let is_compressed = COMPRESSED.contains(&path::extension(name).as_str());
    let method = if is_compressed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
    SimpleFileOptions::default()
        .compression_method(method)
        .compression_level((!is_compressed).then_some(6))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644)
}

/// Clients decode the names of parts, so that `%` and blanks arrive as they were.
fn part_name(path: &str) -> Cow<'_, str> {
    utf8_percent_encode(path, PART_NAME).into()
}

/// The core properties have a name that is theirs alone; derived, not drawn.
fn core_name(nuspec: &Nuspec) -> String {
    Sha256::digest(nuspec.text()).iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn content_types(files: &[&OutputFile]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
        <Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\n  \
        <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\" />\n"
        .to_owned();
    let _ = writeln!(text, "  <Default Extension=\"psmdcp\" ContentType=\"{CORE_TYPE}\" />");
    let extensions = files.iter().map(|file| path::extension(&part_name(&file.path)));
    let mut extensions: BTreeSet<String> = extensions.filter(|extension| !extension.is_empty()).collect();
    extensions.insert("nuspec".into());
    extensions.remove("rels");
    for extension in extensions {
        let _ = writeln!(text, "  <Default Extension=\"{}\" ContentType=\"{FILE_TYPE}\" />", escape(&extension));
    }
    // A part without a type is no part: readers pass it over.
    for file in files.iter().filter(|file| path::extension(&file.path).is_empty()) {
        let name = part_name(&file.path);
        let _ = writeln!(text, "  <Override PartName=\"/{}\" ContentType=\"{FILE_TYPE}\" />", escape(&*name));
    }
    text + "</Types>\n"
}

fn relations(manifest: &str, core: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\n  \
         <Relationship Type=\"http://schemas.microsoft.com/packaging/2010/07/manifest\" Target=\"/{manifest}\" \
         Id=\"Rmanifest\" />\n  \
         <Relationship Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties\" \
         Target=\"/{core}\" Id=\"Rcore\" />\n\
         </Relationships>\n"
    )
}

fn core_properties(nuspec: &Nuspec) -> String {
    let value = |name: &str| escape(nuspec.value(name)).into_owned();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <coreProperties xmlns=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n  \
         <dc:creator>{}</dc:creator>\n  <dc:description>{}</dc:description>\n  \
         <dc:identifier>{}</dc:identifier>\n  <version>{}</version>\n  <keywords>{}</keywords>\n  \
         <lastModifiedBy>turbo-engine</lastModifiedBy>\n</coreProperties>\n",
        value("authors"),
        value("description"),
        escape(&nuspec.id),
        nuspec.version,
        value("tags"),
    )
}
