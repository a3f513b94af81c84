//! What installers of Windows say of themselves: Windows Installer's tables and
//! the manifest of an MSIX.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;
use sha2::{Digest as _, Sha256};

use super::ContentError;
use super::caught::caught;
use super::compound::check_claims;
use crate::model::release::InstallerFacts;
use crate::store::ReadSeek;

/// What an installer tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) arch: Option<&'static str>,
    pub(super) installer_type: &'static str,
    pub(super) facts: InstallerFacts,
}

/// Longest text taken out of an installer.
const TEXT_BYTES: usize = 512;
/// Rows of a table that are looked at.
const ROWS: usize = 10_000;

/// The names of members in an MSIX and in a bundle of them that tell what it is.
pub(super) const MANIFESTS: [&str; 2] = ["AppxManifest.xml", "AppxMetadata/AppxBundleManifest.xml"];

/// Reads Windows Installer's tables.
pub(super) fn msi(file: Box<dyn ReadSeek>, path: &Path) -> Result<Told, ContentError> {
    let damaged = |why: String| ContentError::Damaged { path: path.to_owned(), format: "msi", why };
    // The crate indexes where a hostile file may lead it astray.
    let read = caught(|| tables(file));
    read.unwrap_or_else(|| Err("its tables contradict each other".into())).map_err(damaged)
}

fn tables(mut file: Box<dyn ReadSeek>) -> Result<Told, String> {
    check_claims(&mut *file).map_err(|error| error.to_string())?;
    let mut package = msi::Package::open(file).map_err(|error| error.to_string())?;
    let summary = package.summary_info();
    let arch = match summary.arch().unwrap_or_default() {
        "Intel" | "" => Some("x86"),
        "x64" | "AMD64" => Some("x64"),
        "Arm64" => Some("arm64"),
        "Arm" => Some("arm"),
        _ => None,
    };
    let maker = summary.creating_application().unwrap_or_default().to_ascii_lowercase();
    let is_wix = maker.contains("wix") || maker.contains("windows installer xml");
    let mut told = Told { arch, installer_type: if is_wix { "wix" } else { "msi" }, ..Told::default() };
    if !package.has_table("Property") {
        return Err("it has no table of properties".into());
    }
    let rows = package.select_rows(msi::Select::table("Property")).map_err(|error| error.to_string())?;
    for row in rows.take(ROWS) {
        if row.len() < 2 {
            continue;
        }
        let (Some(name), Some(value)) = (row[0].as_str(), row[1].as_str()) else { continue };
        let value = tame(value);
        match name {
            "ProductCode" => told.facts.product_code = Some(value),
            "UpgradeCode" => told.facts.upgrade_code = Some(value),
            "ProductName" => told.facts.display_name = Some(value),
            "Manufacturer" => told.facts.extra.push(("publisher".into(), value)),
            "ProductVersion" => told.facts.extra.push(("version".into(), value)),
            _ => {}
        }
    }
    told.facts.extra.sort();
    Ok(told)
}

/// Reads the manifest of an MSIX or of a bundle of them.
pub(super) fn msix(manifest: &[u8], path: &Path) -> Result<Told, ContentError> {
    let damaged = |why: String| ContentError::Damaged { path: path.to_owned(), format: "msix", why };
    let mut reader = Reader::from_reader(manifest);
    let mut told = Told { installer_type: "msix", ..Told::default() };
    let mut inside = Vec::new();
    loop {
        match reader.read_event().map_err(|error| damaged(error.to_string()))? {
            Event::Start(element) if inside.len() < 16 => {
                identity(&element, &mut told).map_err(damaged)?;
                inside.push(element.local_name().as_ref().to_vec());
            }
            Event::Start(_) => return Err(damaged("its elements nest too deep".into())),
            Event::Empty(element) => identity(&element, &mut told).map_err(damaged)?,
            Event::End(_) => drop(inside.pop()),
            Event::Text(text) if inside.ends_with(&[b"Properties".to_vec(), b"DisplayName".to_vec()]) => {
                let text = text.decode().map_err(|error| damaged(error.to_string()))?;
                // A name that the system looks up in the package's resources.
                told.facts.display_name = Some(tame(&text)).filter(|name| !name.starts_with("ms-resource:"));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if told.facts.package_family_name.is_none() {
        return Err(damaged("its manifest has no Identity".into()));
    }
    Ok(told)
}

fn identity(element: &quick_xml::events::BytesStart<'_>, told: &mut Told) -> Result<(), String> {
    if element.local_name().as_ref() != b"Identity" || told.facts.package_family_name.is_some() {
        return Ok(());
    }
    let (mut name, mut publisher) = (String::new(), String::new());
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?
            .into_owned();
        match attribute.key.as_ref() {
            b"Name" => name = tame(&value),
            b"Publisher" => publisher = value,
            b"Version" => told.facts.extra.push(("version".into(), tame(&value))),
            b"ProcessorArchitecture" => {
                told.arch = ["x86", "x64", "arm", "arm64", "neutral"].into_iter().find(|arch| *arch == value);
            }
            _ => {}
        }
    }
    if name.is_empty() || publisher.is_empty() {
        return Err("its Identity has no Name or no Publisher".into());
    }
    told.facts.package_family_name = Some(format!("{name}_{}", publisher_id(&publisher)));
    told.facts.extra.push(("publisher".into(), tame(&publisher)));
    Ok(())
}

/// The thirteen letters that stand for a publisher: the first 64 bits of the
/// SHA-256 of its name in UTF-16, and a zero bit, five at a time.
fn publisher_id(publisher: &str) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let name: Vec<u8> = publisher.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hash = Sha256::digest(&name);
    let bits = hash[..8].iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte)) << 1;
    let letter = |nth: u32| {
        let five = usize::try_from(bits >> (60 - 5 * nth) & 31).expect("five bits");
        char::from(LETTERS[five])
    };
    (0..13).map(letter).collect()
}

fn tame(text: &str) -> String {
    let mut tame: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let mut end = tame.len().min(TEXT_BYTES);
    while !tame.is_char_boundary(end) {
        end -= 1;
    }
    tame.truncate(end);
    tame.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_has_its_well_known_letters() {
        let microsoft = "CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US";
        assert_eq!(publisher_id(microsoft), "8wekyb3d8bbwe");
    }

    #[test]
    fn a_manifest_tells_its_family() {
        let manifest =
            br#"<?xml version="1.0"?><Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10">
            <Identity Name="Contoso.Tool" Publisher="CN=Contoso" Version="1.2.0.0" ProcessorArchitecture="x64"/>
            <Properties><DisplayName>Tool &amp; more</DisplayName></Properties></Package>"#;
        let told = msix(manifest, Path::new("t.msix")).unwrap();
        assert!(told.facts.package_family_name.unwrap().starts_with("Contoso.Tool_"));
        assert_eq!(told.arch, Some("x64"));
        assert!(msix(b"<Package/>", Path::new("t.msix")).is_err());
        assert!(msix("<a>".repeat(100).as_bytes(), Path::new("t.msix")).is_err());
    }

    #[test]
    fn what_is_no_installer_is_an_error() {
        let nonsense = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".repeat(200);
        assert!(msi(Box::new(std::io::Cursor::new(nonsense)), Path::new("t.msi")).is_err());
    }
}
