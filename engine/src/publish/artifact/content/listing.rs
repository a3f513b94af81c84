//! What is inside an archive, listed without unpacking anything to disk.
//!
//! Archives are hostile: names, counts, depths and the bytes that a compressor
//! may promise are bounded, and a name that would be unpacked elsewhere refuses
//! the whole archive.

use std::io::{self, Read, SeekFrom};
use std::path::Path;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use zip::ZipArchive;

use super::ContentError;
use super::detect::Kind;
use crate::model::release::Entry;
use crate::store::ReadSeek;

/// Most entries of an archive.
const MOST_ENTRIES: usize = 20_000;
/// Longest path inside, and its most folders.
const PATH_BYTES: usize = 1024;
const DEPTH: usize = 64;
/// Most bytes that a compressed tar is unpacked to on its way through memory.
const UNPACKED_BYTES: u64 = 4 << 30;
/// Beyond this, an archive that grows more than [`RATIO`] times is a bomb.
const HARMLESS_BYTES: u64 = 64 << 20;
const RATIO: u64 = 200;
/// Longest header of long names.
const HEADER_BYTES: u64 = 64 << 10;
/// Memory of an xz decoder, in KiB.
const XZ_KIB: u32 = 128 << 10;
/// Longest table of contents of a zip.
const DIRECTORY_BYTES: u64 = 32 << 20;

/// The entries of a zip, and the content of one of them if it is there.
pub(super) fn zip(
    file: &mut dyn ReadSeek,
    path: &Path,
    wanted: &[&str],
) -> Result<(Vec<Entry>, Option<Vec<u8>>), ContentError> {
    let damaged = |why: String| ContentError::Damaged { path: path.to_owned(), format: "zip", why };
    check_directory(file, path)?;
    let mut archive = ZipArchive::new(file).map_err(|error| damaged(error.to_string()))?;
    if archive.len() > MOST_ENTRIES {
        return Err(too_many(path));
    }
    let mut entries = Vec::with_capacity(archive.len());
    let mut content = None;
    for nth in 0..archive.len() {
        let entry = archive.by_index_raw(nth).map_err(|error| damaged(error.to_string()))?;
        let name = entry.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        let (is_folder, mode, size) = (entry.is_dir(), entry.unix_mode(), entry.size());
        drop(entry);
        let Some(name) = checked(&name, path)? else { continue };
        if content.is_none() && wanted.contains(&name.as_str()) {
            let entry = archive.by_index(nth).map_err(|error| damaged(error.to_string()))?;
            let mut bytes = Vec::new();
            entry.take(1 << 20).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
            content = Some(bytes);
        }
        if !is_folder {
            entries.push(Entry { executable: may_run(&name, mode), path: name, size });
        }
    }
    Ok((entries, content))
}

/// Reads how long the table of contents says it is, before anything is made of it.
fn check_directory(file: &mut dyn ReadSeek, path: &Path) -> Result<(), ContentError> {
    let damaged = |why: &str| ContentError::Damaged { path: path.to_owned(), format: "zip", why: why.to_owned() };
    let read = |error: io::Error| damaged(&error.to_string());
    let length = file.seek(SeekFrom::End(0)).map_err(read)?;
    let tail_bytes = length.min(66 << 10);
    file.seek(SeekFrom::Start(length - tail_bytes)).map_err(read)?;
    let mut tail = Vec::new();
    Read::take(&mut *file, tail_bytes).read_to_end(&mut tail).map_err(read)?;
    file.seek(SeekFrom::Start(0)).map_err(read)?;
    let at = memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(|| damaged("it has no table of contents"))?;
    let field = |at: usize| tail.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let mut size = u64::from(field(at + 12).ok_or_else(|| damaged("it is cut off"))?);
    if let Some(large) = memchr::memmem::rfind(&tail[..at], b"PK\x06\x06")
        && let Some(bytes) = tail.get(large + 40..large + 48)
    {
        size = size.max(u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    }
    // All ones says that the other record has the length.
    if size > DIRECTORY_BYTES && size != u64::from(u32::MAX) { Err(too_many(path)) } else { Ok(()) }
}

/// The entries of a tar, compressed or not; none when it is no tar at all.
pub(super) fn tar(
    file: Box<dyn ReadSeek>,
    length: u64,
    path: &Path,
    kind: Kind,
) -> Result<Option<Vec<Entry>>, ContentError> {
    let damaged = |error: io::Error| {
        let is_bomb = error.get_ref().and_then(|inner| inner.downcast_ref::<Bomb>()).is_some();
        if is_bomb {
            let limit = format!("{} times its own size, or {} GiB, inside", RATIO, UNPACKED_BYTES >> 30);
            return ContentError::TooMuch { path: path.to_owned(), limit };
        }
        ContentError::Damaged { path: path.to_owned(), format: "tar", why: error.to_string() }
    };
    let most = UNPACKED_BYTES.min(HARMLESS_BYTES.max(length.saturating_mul(RATIO)));
    let mut unpacked = Bounded { inner: unpacked(file, kind).map_err(damaged)?, left: most };
    let mut first = [0; 512];
    let count = fill(&mut unpacked, &mut first).map_err(damaged)?;
    if count < first.len() || !is_tar_header(&first) {
        return Ok(None);
    }
    let whole = io::Cursor::new(first).chain(unpacked);
    entries(whole, path, damaged).map(Some)
}

fn unpacked(file: Box<dyn ReadSeek>, kind: Kind) -> io::Result<Box<dyn Read>> {
    Ok(match kind {
        Kind::Gzip => Box::new(MultiGzDecoder::new(file)),
        Kind::Xz => Box::new(XzReader::new_mem_limit(file, true, XZ_KIB)),
        Kind::Bzip2 => Box::new(MultiBzDecoder::new(file)),
        Kind::Zstd => Box::new(StreamingDecoder::new(file).map_err(io::Error::other)?),
        _ => Box::new(file),
    })
}

fn entries(
    whole: impl Read,
    path: &Path,
    damaged: impl Fn(io::Error) -> ContentError,
) -> Result<Vec<Entry>, ContentError> {
    let mut found = Vec::new();
    let mut long_name: Option<Vec<u8>> = None;
    let mut archive = ::tar::Archive::new(whole);
    // Raw, because what the crate would keep of long names has no bound.
    for entry in archive.entries().map_err(&damaged)?.raw(true) {
        let mut entry = entry.map_err(&damaged)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let mut text = Vec::new();
            Read::take(&mut entry, HEADER_BYTES).read_to_end(&mut text).map_err(&damaged)?;
            long_name = if kind.is_gnu_longname() { Some(trimmed(text)) } else { pax_path(&text).or(long_name) };
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let name = String::from_utf8_lossy(&name).into_owned();
        if !(kind.is_file() || kind.is_hard_link() || kind.is_symlink() || kind.is_contiguous()) {
            continue;
        }
        let Some(name) = checked(&name, path)? else { continue };
        if found.len() == MOST_ENTRIES {
            return Err(too_many(path));
        }
        let (size, mode) = (entry.size(), entry.header().mode().ok());
        found.push(Entry { executable: may_run(&name, mode), path: name, size });
    }
    Ok(found)
}

fn trimmed(mut text: Vec<u8>) -> Vec<u8> {
    while text.last() == Some(&0) {
        text.pop();
    }
    text
}

/// The path in an extended header: lines of length, key and value.
fn pax_path(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text;
    while !rest.is_empty() {
        let space = memchr::memchr(b' ', rest)?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let line = rest.get(space + 1..length)?;
        if let Some(value) = line.strip_prefix(b"path=") {
            return Some(value.strip_suffix(b"\n").unwrap_or(value).to_vec());
        }
        rest = &rest[length..];
    }
    None
}

/// A checksum that fits tells a header from anything else.
fn is_tar_header(block: &[u8; 512]) -> bool {
    let mut header = ::tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    let sum = block.iter().enumerate().map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }));
    header.cksum().is_ok_and(|told| told == sum.sum::<u32>())
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// More came out than may.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than may be")]
struct Bomb;

struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(Bomb))?;
        Ok(count)
    }
}

/// A name inside, with `/` between its parts; none for the folder itself.
fn checked(name: &str, path: &Path) -> Result<Option<String>, ContentError> {
    let name = name.replace('\\', "/");
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let joined = parts.join("/");
    // What is left when `./` is gone may be rooted where the whole was not: `./C:/x`.
    if !is_inside(&name) || !is_inside(&joined) {
        let entry = name.chars().filter(|letter| !letter.is_control()).take(200).collect();
        return Err(ContentError::Escapes { path: path.to_owned(), entry });
    }
    if parts.is_empty() {
        return Ok(None);
    }
    if name.len() > PATH_BYTES || parts.len() > DEPTH {
        let limit = format!("{PATH_BYTES} bytes or {DEPTH} folders in a path");
        return Err(ContentError::TooMuch { path: path.to_owned(), limit });
    }
    Ok(Some(joined))
}

/// Whether a path with `/` between its parts stays in the folder that it is unpacked to.
pub fn is_inside(path: &str) -> bool {
    let is_rooted = path.starts_with('/') || path.get(1..2) == Some(":");
    !is_rooted && path.split('/').all(|part| part != "..") && !path.contains(char::is_control)
}

fn may_run(name: &str, mode: Option<u32>) -> bool {
    is_windows_program(name) || mode.is_some_and(|mode| mode & 0o111 != 0)
}

/// Whether Windows would run a file of this name.
pub fn is_windows_program(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".exe", ".com", ".bat", ".cmd"].iter().any(|ending| name.ends_with(ending))
}

fn too_many(path: &Path) -> ContentError {
    ContentError::TooMuch { path: path.to_owned(), limit: format!("{MOST_ENTRIES} entries") }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn tarred(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut builder = ::tar::Builder::new(Vec::new());
        for (name, mode, content) in entries {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn list(bytes: Vec<u8>, kind: Kind) -> Result<Option<Vec<Entry>>, ContentError> {
        let length = bytes.len() as u64;
        tar(Box::new(io::Cursor::new(bytes)), length, Path::new("t"), kind)
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn tars_are_listed_however_long_their_names() {
        let long = format!("top/{}/tool", "d".repeat(180));
        let bytes = tarred(&[("top/README", 0o644, b"read"), (&long, 0o755, b"run")]);
        for (packed, kind) in [(bytes.clone(), Kind::Tar), (gzipped(&bytes), Kind::Gzip)] {
            let entries = list(packed, kind).unwrap().unwrap();
            assert_eq!(entries[0], Entry { path: "top/README".into(), size: 4, executable: false });
            assert_eq!(entries[1], Entry { path: long.clone(), size: 3, executable: true });
        }
    }

    #[test]
    fn what_is_no_tar_is_none() {
        assert!(list(gzipped(b"hello"), Kind::Gzip).unwrap().is_none());
        assert!(list(gzipped(&[b'x'; 2000]), Kind::Gzip).unwrap().is_none());
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let mut header = ::tar::Header::new_gnu();
        header.set_path("zeros").unwrap();
        header.set_size(200 << 20);
        header.set_cksum();
        encoder.write_all(header.as_bytes()).unwrap();
        let zeros = vec![0; 1 << 20];
        (0..200).for_each(|_| encoder.write_all(&zeros).unwrap());
        let refused = list(encoder.finish().unwrap(), Kind::Gzip).unwrap_err();
        assert!(matches!(refused, ContentError::TooMuch { .. }), "{refused}");
    }

    #[test]
    fn names_that_lead_out_refuse_the_archive() {
        for name in ["../x", "a/../../x", "/etc/passwd", "C:/x", "./C:/x", "a\\..\\x", "a\u{1b}"] {
            assert!(matches!(checked(name, Path::new("t")), Err(ContentError::Escapes { .. })), "{name}");
        }
        assert_eq!(checked("./a//b", Path::new("t")).unwrap().as_deref(), Some("a/b"));
        assert_eq!(checked("./", Path::new("t")).unwrap(), None);
        assert!(checked(&"a/".repeat(100), Path::new("t")).is_err());
    }

    #[test]
    fn damaged_archives_are_errors() {
        let bytes = gzipped(&tarred(&[("a", 0o644, &[7; 4096])]));
        assert!(list(bytes[..bytes.len() / 2].to_vec(), Kind::Gzip).is_err());
        let mut file = io::Cursor::new(b"PK\x03\x04 and nothing else".to_vec());
        assert!(zip(&mut file, Path::new("t"), &[]).is_err());
    }
}
