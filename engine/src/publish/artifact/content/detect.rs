//! What a file is, by its content.

/// What the first and last bytes of a file tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Tar,
    Gzip,
    Xz,
    Zstd,
    Bzip2,
    WindowsProgram,
    /// The compound files of Windows Installer, and of old Office.
    Compound,
    Debian,
    Rpm,
    DiskImage,
    AppleInstaller,
    /// A bare program of Linux or macOS.
    Program,
    SevenZip,
    Font,
    Unknown,
}

/// Length of the trailer of a disk image.
pub(super) const TRAILER_BYTES: usize = 512;

/// What a file is, by its first bytes and its last [`TRAILER_BYTES`].
pub(super) fn kind(start: &[u8], end: &[u8]) -> Kind {
    const MARKS: [(&[u8], Kind); 20] = [
        (b"PK\x03\x04", Kind::Zip),
        (b"PK\x05\x06", Kind::Zip),
        (b"\x1f\x8b", Kind::Gzip),
        (b"\xfd7zXZ\0", Kind::Xz),
        (b"\x28\xb5\x2f\xfd", Kind::Zstd),
        (b"BZh", Kind::Bzip2),
        (b"MZ", Kind::WindowsProgram),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Compound),
        (b"!<arch>\ndebian-binary", Kind::Debian),
        (b"\xed\xab\xee\xdb", Kind::Rpm),
        (b"xar!", Kind::AppleInstaller),
        (b"\x7fELF", Kind::Program),
        (b"\xcf\xfa\xed\xfe", Kind::Program),
        (b"\xce\xfa\xed\xfe", Kind::Program),
        (b"\xca\xfe\xba\xbe", Kind::Program),
        (b"#!", Kind::Program),
        (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
        (b"\0\x01\0\0\0", Kind::Font),
        (b"OTTO", Kind::Font),
        (b"ttcf", Kind::Font),
    ];
    if end.starts_with(b"koly") {
        return Kind::DiskImage;
    }
    if start.get(257..262) == Some(b"ustar") {
        return Kind::Tar;
    }
    MARKS.iter().find(|(mark, _)| start.starts_with(mark)).map_or(Kind::Unknown, |(_, kind)| *kind)
}

/// The format of a zip, which many others are as well, by what is inside.
pub(super) fn zip_format(name: &str, has: impl Fn(&str) -> bool, has_nuspec: bool) -> &'static str {
    let name = name.to_ascii_lowercase();
    if has("AppxManifest.xml") || has("AppxMetadata/AppxBundleManifest.xml") {
        return if name.contains(".appx") { "appx" } else { "msix" };
    }
    if has_nuspec && has("[Content_Types].xml") {
        return "nupkg";
    }
    if name.rsplit('.').next() == Some("jar") && has("META-INF/MANIFEST.MF") { "jar" } else { "zip" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_and_not_the_name() {
        assert_eq!(kind(b"MZ\x90", b""), Kind::WindowsProgram);
        assert_eq!(kind(b"\x1f\x8b\x08", b""), Kind::Gzip);
        assert_eq!(kind(b"", b""), Kind::Unknown);
        assert_eq!(kind(b"x\xda", b"koly\0\0"), Kind::DiskImage);
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(kind(&tar, b""), Kind::Tar);
    }

    #[test]
    fn packages_are_zips_with_something_inside() {
        assert_eq!(zip_format("a.zip", |_| false, false), "zip");
        assert_eq!(zip_format("a.msix", |name| name == "AppxManifest.xml", false), "msix");
        assert_eq!(zip_format("a.appx", |name| name == "AppxManifest.xml", false), "appx");
        assert_eq!(zip_format("a.1.0.nupkg", |name| name == "[Content_Types].xml", true), "nupkg");
    }
}
