//! Local file names out of what servers and documents propose.
//!
//! The one invariant: a name made here is a single path component that means
//! an ordinary, visible file on every platform, whoever chose the text. The
//! same text gives the same name everywhere.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// The name of a file that nothing names.
const DEFAULT: &str = "download";

/// Longest name. File systems end at 255 bytes, and the staging files carry
/// the name with a suffix of ours behind it.
const MAX_BYTES: usize = 240;

/// The longest suffix of the engine's own files beside a file.
const LONGEST_SUFFIX: usize = ".turbo-state.tmp".len();

/// Longest extension that survives the shortening of a name; beyond it a dot
/// is part of a title rather than the start of an extension.
const MAX_EXTENSION_BYTES: usize = 16;

/// Names that Windows gives to devices, whatever the extension and case.
const DEVICES: [&str; 7] = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// Suffixes of the engine's own staging files. A server that could place one
/// could feed a prepared journal to the next download in that folder.
const STAGING: [&str; 5] = [".turbo-part", ".turbo-state", ".turbo-state.tmp", ".turbo-part-old", ".turbo-state-old"];

/// The name of a downloaded file: what the server proposed (the raw name of a
/// `Content-Disposition`), else what the URL that answered ends with, else the
/// URL that was asked for, else `download`.
///
/// Browsers, too, name a file after the last URL of a chain of redirects
/// (`/latest` leads to `/v1.2/tool.zip`). Where that is another name, a server
/// chose it, of whatever origin, and it is read as a foreign one.
pub fn file_name(proposed: Option<&str>, answered: &Url, asked: &Url) -> String {
    let redirected = || (last_segment(answered) != last_segment(asked)).then(|| foreign(&last_segment(answered)))?;
    proposed.and_then(foreign).or_else(redirected).unwrap_or_else(|| from_url(asked))
}

/// A safe name out of one that a server or a document chose, or `None` where
/// nothing of it can be kept.
///
/// Such a name never hides: a leading dot is replaced, lest a server place a
/// `.profile` in the folder it happens to be saved to. Nor is it an option of
/// the next command: `rm *` must not meet a file `-rf`.
pub fn foreign(proposed: &str) -> Option<String> {
    safe(proposed).map(|name| match name.strip_prefix(['.', '-']) {
        Some(rest) => format!("_{rest}"),
        None => name,
    })
}

/// A safe name out of the last segment of a URL's path, `download` where it
/// has none. A leading dot stays: who asks for `.gitignore` gets it. A leading
/// `-` does not, see [`foreign`].
pub fn from_url(url: &Url) -> String {
    let name = safe(&last_segment(url)).unwrap_or_else(|| DEFAULT.to_owned());
    if let Some(rest) = name.strip_prefix('-') { format!("_{rest}") } else { name }
}

/// What stands in the place of a character of a text that others chose, where
/// that could move the cursor or show the text in another order.
pub const HIDDEN: char = '\u{fffd}';

/// A name as it may be shown on a terminal: on one line, in the order in which
/// it is read, and with nothing invisible in it.
pub fn shown(name: &str) -> String {
    name.chars().map(|c| if is_control(c) { HIDDEN } else { c }).collect()
}

/// Whether a character moves a terminal's cursor, changes the direction of a
/// text, or cannot be seen.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{3164}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn last_segment(url: &Url) -> Cow<'_, str> {
    percent_decoded(url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default())
}

/// A safe name in a folder whose names have `most_bytes` at most, the suffixes
/// of the staging files included. As a browser's, the shortened name is not
/// made unique: of two files the second one is refused.
pub fn fitted(name: String, most_bytes: usize) -> String {
    let room = most_bytes.saturating_sub(LONGEST_SUFFIX);
    if name.len() <= room { name } else { shortened_to(&name, room) }
}

/// What is wrong with a name that a user typed for a file on Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowsFault {
    /// It is a device's, whatever the extension.
    Device,
    /// Behind a colon Windows writes an alternate stream, which no one sees.
    Stream,
    /// It ends with a dot or a blank, which Windows drops.
    Edge,
    /// It has a character that Windows forbids.
    Character,
}

impl std::fmt::Display for WindowsFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Device => "is the name of a device on Windows, with any extension",
            Self::Stream => "has a colon: Windows would write an alternate stream of another file",
            Self::Edge => "ends with a dot or a blank, which Windows drops",
            Self::Character => "has a character that Windows forbids in names: < > \" | ? * or a control character",
        })
    }
}

/// Checks a path that a user typed, as Windows would read it: a drive, a share
/// and the prefixes `\\?\` and `\\.\` may be there, and each part has to be the
/// name of an ordinary file.
///
/// # Errors
///
/// The part that is not, and why.
pub fn check_on_windows(path: &str) -> Result<(), (&str, WindowsFault)> {
    // A verbatim path is taken as it is written; a path to a device says so.
    if path.starts_with(r"\\?\") || path.starts_with(r"\\.\") {
        return Ok(());
    }
    let rest = match path.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() && !is_bare_stream(path) => &path[2..],
        _ => path,
    };
    let parts = rest.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
    for part in parts {
        let fault = if is_device(part.split(':').next().unwrap_or(part)) {
            WindowsFault::Device
        } else if part.contains(':') {
            WindowsFault::Stream
        } else if part.contains(|c: char| c.is_control() || matches!(c, '<' | '>' | '"' | '|' | '?' | '*')) {
            WindowsFault::Character
        } else if part.ends_with(['.', ' ']) {
            WindowsFault::Edge
        } else {
            continue;
        };
        return Err((part, fault));
    }
    Ok(())
}

/// Whether a path such as `a:b` has no slash behind its colon. Windows reads it
/// as a file in whatever folder the drive `a` is at, which no one means.
fn is_bare_stream(path: &str) -> bool {
    !path[2..].starts_with(['/', '\\'])
}

/// Why a text is no safe name as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// It has a character that some system forbids, or that deceives the eye.
    Character,
    /// It is empty, begins with a blank, or ends with a blank or a dot.
    Edge,
    /// It has too many bytes.
    TooLong,
    /// Windows takes it for a device.
    Device,
    /// The engine would take it for a staging file of its own.
    Staging,
}

/// Takes a text that is such a name as it stands; a leading dot may be there.
///
/// # Errors
///
/// When a safe name would not be the same, with why.
pub fn check(name: &str) -> Result<(), NameFault> {
    let fault = if name.contains(['/', '\\']) || name.contains(is_unsafe) {
        NameFault::Character
    } else if name.is_empty() || trimmed(name) != name {
        NameFault::Edge
    } else if name.len() >= MAX_BYTES {
        NameFault::TooLong
    } else if is_device(name) {
        NameFault::Device
    } else if staging_suffix(name).is_some() {
        NameFault::Staging
    } else {
        return Ok(());
    };
    Err(fault)
}

/// Bytes that are no UTF-8 stay percent-encoded: unlike a replacement
/// character, that loses nothing.
fn percent_decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8().unwrap_or(Cow::Borrowed(segment))
}

fn safe(text: &str) -> Option<String> {
    // Both separators on every platform: RFC 6266 section 4.3 keeps the last
    // path segment of a name, and a Windows server writes the other slash.
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let tame: String = last.chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
    // Windows drops trailing dots and blanks, so that `a.` would be `a`; and
    // `.`, `..` and their longer kin are all dots.
    let trimmed = trimmed(&tame);
    if trimmed.is_empty() {
        return None;
    }
    let mut name = shortened(trimmed);
    // Cut within hundreds of dots, nothing but dots was left.
    if name.is_empty() {
        return None;
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    Some(defused(name))
}

fn trimmed(text: &str) -> &str {
    text.trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Whether a character is forbidden in names on some platform, moves a
/// terminal's cursor, or makes a name look like another.
fn is_unsafe(c: char) -> bool {
    is_control(c) || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    // Windows takes superscript digits for digits here.
    let numbered = |number: &str| matches!(number, "¹" | "²" | "³") || matches!(number.as_bytes(), [b'0'..=b'9']);
    DEVICES.contains(&stem.as_str()) || port.is_some_and(numbered)
}

/// Takes the meaning out of a staging file's suffix.
fn defused(mut name: String) -> String {
    if let Some(suffix) = staging_suffix(&name) {
        let dot = name.len() - suffix.len();
        name.replace_range(dot..=dot, "_");
    }
    name
}

fn staging_suffix(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    STAGING.into_iter().find(|suffix| lower.ends_with(suffix))
}

/// Cuts the stem, not the extension, of a name that is too long, and leaves
/// room for one character before it.
fn shortened(name: &str) -> String {
    if name.len() < MAX_BYTES { name.to_owned() } else { shortened_to(name, MAX_BYTES - 1) }
}

fn shortened_to(name: &str, most_bytes: usize) -> String {
    let extension = extension(name);
    let stem = &name[..name.floor_char_boundary(most_bytes.saturating_sub(extension.len()))];
    format!("{}{extension}", if extension.is_empty() { trimmed(stem) } else { stem })
}

/// The extension with its dot, a double one such as `.tar.gz` whole.
fn extension(name: &str) -> &str {
    let Some(dot) = name.rfind('.').filter(|dot| (1..=MAX_EXTENSION_BYTES).contains(&(name.len() - dot))) else {
        return "";
    };
    let start = if name[..dot].to_ascii_lowercase().ends_with(".tar") { dot - ".tar".len() } else { dot };
    &name[start..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_url(text: &str) -> String {
        from_url(&Url::parse(text).unwrap())
    }

    fn of_header(text: &str) -> Option<String> {
        foreign(text)
    }

    #[test]
    fn no_name_is_cut_down_to_nothing() {
        assert_eq!(foreign(&format!("{}{}", ".".repeat(240), "x".repeat(60))), None);
    }

    #[test]
    fn the_proposal_counts_before_the_url() {
        let url = Url::parse("https://h.example/get?id=7").unwrap();
        assert_eq!(file_name(Some("tool.zip"), &url, &url), "tool.zip");
        assert_eq!(file_name(Some(".."), &url, &url), "get");
        assert_eq!(file_name(None, &url, &url), "get");
    }

    #[test]
    fn the_url_that_answered_counts_before_the_one_asked() {
        let asked = Url::parse("https://h.example/dir/.latest?id=5").unwrap();
        for (answered, name) in [
            ("https://h.example/v1.2/tool%20a.zip?sig=x", "tool a.zip"),
            ("https://other.example/..%2f..%2f.bashrc", "_bashrc"),
            ("https://other.example/CON", "_CON"),
            ("https://other.example/%e2%80%aegpj.exe", "_gpj.exe"),
            ("https://other.example/x.turbo-part", "x_turbo-part"),
            // Nothing to name a file by, and the name that the user typed.
            ("https://h.example/dir/", ".latest"),
            ("https://h.example/%2e%2e%2f", ".latest"),
            ("https://other.example/.latest", ".latest"),
        ] {
            let answered = Url::parse(answered).unwrap();
            assert_eq!(file_name(None, &answered, &asked), name, "{answered}");
            assert_eq!(file_name(Some("x"), &answered, &asked), "x");
        }
    }

    #[test]
    fn a_name_is_shown_as_it_is_read() {
        assert_eq!(shown("a\u{1b}[2J\n\u{202e}b\u{200b}"), "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(shown("\u{6587} \u{e9}\u{1f600}.txt"), "\u{6587} \u{e9}\u{1f600}.txt");
    }

    #[test]
    fn the_url_gives_its_last_segment() {
        assert_eq!(of_url("https://h.example/a/b%20c.tar.gz?x=y.zip#z"), "b c.tar.gz");
        assert_eq!(of_url("https://h.example/%e2%82%ac.txt"), "€.txt");
        assert_eq!(of_url("https://h.example/%ff.txt"), "%ff.txt");
        assert_eq!(of_url("https://h.example/dir/.gitignore"), ".gitignore");
        for nameless in
            ["https://h.example", "https://h.example/dir/", "https://h.example/%2e%2e%2f", "https://h.example/%20"]
        {
            assert_eq!(of_url(nameless), "download", "{nameless}");
        }
    }

    #[test]
    fn a_name_never_leaves_its_folder() {
        assert_eq!(of_url("https://h.example/..%2f..%2fetc%2fpasswd"), "passwd");
        assert_eq!(of_header("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(of_header("C:\\Windows\\system32\\x.dll").as_deref(), Some("x.dll"));
        assert_eq!(of_header("a:b").as_deref(), Some("a_b"), "NTFS would write a stream");
        for nothing in ["", ".", "..", "...", "/", "a/", "a\\", " . "] {
            assert_eq!(of_header(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_server_cannot_hide_a_file() {
        assert_eq!(of_header(".profile").as_deref(), Some("_profile"));
        assert_eq!(of_header("  .profile").as_deref(), Some("_profile"));
    }

    #[test]
    fn a_name_is_what_it_looks_like() {
        assert_eq!(of_header("evil\u{202e}gpj.exe").as_deref(), Some("evil_gpj.exe"));
        assert_eq!(of_header("a\u{1b}[2Jb\n").as_deref(), Some("a_[2Jb_"));
        assert_eq!(of_header("setup.exe . ").as_deref(), Some("setup.exe"));
    }

    #[test]
    fn no_name_is_a_device() {
        for device in ["CON", "nul.txt", "Com1.tar.gz", "LPT9", "COM².x", "aux .c", "CONIN$"] {
            assert_eq!(of_header(device), Some(format!("_{device}")), "{device}");
        }
        for ordinary in ["console.log", "com10", "nullable", "com", "lpt"] {
            assert_eq!(of_header(ordinary).as_deref(), Some(ordinary));
        }
    }

    #[test]
    fn no_name_is_an_option() {
        assert_eq!(of_header("-rf").as_deref(), Some("_rf"));
        assert_eq!(of_url("https://h.example/--help"), "_-help");
        assert_eq!(of_url("https://h.example/%2D"), "_");
        assert_eq!(of_url("https://h.example/a-b"), "a-b");
    }

    #[test]
    fn a_name_fits_its_folder() {
        let long = of_url(&format!("https://h.example/{}.tar.gz", "n".repeat(300)));
        assert_eq!(fitted(long.clone(), 255), long);
        let fit = fitted(long, 143);
        assert!(fit.len() == 127 && fit.ends_with("n.tar.gz"), "{fit}");
    }

    #[test]
    fn windows_takes_ordinary_names_only() {
        use WindowsFault::{Character, Device, Edge, Stream};
        for good in
            ["out", r"C:\dir\out.bin", "c:/a b", r"\\share\x\out", "../a", r"..\a.b", r"\\?\C:\nul", "console", "d/.x"]
        {
            assert_eq!(check_on_windows(good), Ok(()), "{good}");
        }
        for (bad, part, fault) in [
            ("NUL", "NUL", Device),
            ("con.bin", "con.bin", Device),
            (r"C:\dir\aux", "aux", Device),
            ("d/CONIN$", "CONIN$", Device),
            ("com¹.txt", "com¹.txt", Device),
            ("LPT9", "LPT9", Device),
            ("nul:", "nul:", Device),
            ("COM1 .x", "COM1 .x", Device),
            ("a:b", "a:b", Stream),
            ("dir/a.txt:b", "a.txt:b", Stream),
            (r"C:\a:b", "a:b", Stream),
            ("a.", "a.", Edge),
            ("dir /a", "dir ", Edge),
            ("a?", "a?", Character),
            ("a\"b", "a\"b", Character),
        ] {
            assert_eq!(check_on_windows(bad), Err((part, fault)), "{bad}");
        }
    }

    #[test]
    fn no_name_is_a_staging_file() {
        assert_eq!(of_header("a.iso.turbo-state").as_deref(), Some("a.iso_turbo-state"));
        assert_eq!(of_url("https://h.example/a.Turbo-Part"), "a_Turbo-Part");
        assert_eq!(of_header("a.turbo-state.tmp").as_deref(), Some("a_turbo-state.tmp"));
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let long = of_header(&format!("{}.tar.gz", "é".repeat(200))).unwrap();
        assert!(long.ends_with("é.tar.gz") && long.len() > MAX_BYTES - 3 && long.len() <= MAX_BYTES, "{long}");
        let dotted = of_header(&format!("a.{}", "x".repeat(300))).unwrap();
        assert_eq!(dotted.len(), MAX_BYTES - 1);
    }

    proptest! {
        #[test]
        fn every_name_is_safe(text in "\\PC{0,20}|[./\\\\ :a-cnul\u{202e}\u{0}]{0,20}|(con)?[a .]{230,260}(.turbo-part)?[ a]{0,9}") {
            if let Some(name) = foreign(&text) {
                prop_assert!(!name.is_empty() && name.len() <= MAX_BYTES);
                prop_assert!(!name.contains(is_unsafe) && !name.contains(['/', '\\']));
                prop_assert!(!name.starts_with(['.', '-']) && !name.ends_with(['.', ' ']));
                prop_assert!(!is_device(&name));
                prop_assert_eq!(defused(name.clone()), name.as_str());
                prop_assert!(name.len() == MAX_BYTES || foreign(&name) == Some(name), "a safe name stays as it is");
            }
        }

        #[test]
        fn a_name_passes_that_would_stay_as_it_is(
            text in "\\PC{0,20}|[./\\\\ :a-cnul\u{202e}\u{0}]{0,9}|\\.?(con|com[0-9]|x)[. ]?x{0,3}|x{237,242}|x\\.(?i:turbo-part)"
        ) {
            prop_assert_eq!(check(&text).is_ok(), safe(&text).as_deref() == Some(&*text));
        }

        #[test]
        fn every_url_gives_a_name(path in "[/%.a-f0-9]{0,30}") {
            let name = of_url(&format!("https://h.example/{path}"));
            prop_assert!(!name.is_empty() && !name.contains(['/', '\\']));
        }
    }
}
