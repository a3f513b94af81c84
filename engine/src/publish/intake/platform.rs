//! Operating system, processor and C library out of target triples, Go's names
//! and file names.

/// What a name says of where a file runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::publish) struct Platform {
    pub(in crate::publish) os: Option<&'static str>,
    pub(in crate::publish) arch: Option<&'static str>,
    pub(in crate::publish) libc: Option<&'static str>,
}

/// What a name says: a target triple, a file name, or words of it.
pub(in crate::publish) fn of_name(name: &str) -> Platform {
    // Its underscore would tear it apart.
    let name = name.to_ascii_lowercase().replace("x86_64", "x64").replace("x86-64", "x64");
    let mut platform = Platform::default();
    for word in name.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        platform.os = platform.os.or_else(|| os(word));
        platform.arch = platform.arch.or_else(|| arch(word));
        platform.libc = platform.libc.or_else(|| libc(word));
    }
    platform
}

/// The operating system by any of its names.
pub(in crate::publish) fn os(word: &str) -> Option<&'static str> {
    Some(match word {
        "windows" | "win" | "win32" | "win64" | "win10" | "msvc" | "winx64" => "windows",
        "linux" | "linux64" | "linux32" | "linuxmusl" => "linux",
        "darwin" | "macos" | "osx" | "mac" | "apple" | "macosx" => "macos",
        _ => return None,
    })
}

/// The processor by any of its names.
pub(in crate::publish) fn arch(word: &str) -> Option<&'static str> {
    Some(match word {
        "x64" | "amd64" | "win64" | "linux64" | "64bit" | "winx64" => "x64",
        "x86" | "i386" | "i486" | "i586" | "i686" | "386" | "ia32" | "win32" | "linux32" | "32bit" => "x86",
        "arm64" | "aarch64" | "armv8" => "arm64",
        "arm" | "armv6" | "armv7" | "armv7l" | "armv6l" | "armhf" | "armel" => "arm",
        "universal" | "universal2" | "noarch" | "all" => "neutral",
        _ => return None,
    })
}

fn libc(word: &str) -> Option<&'static str> {
    Some(match word {
        "gnu" | "gnueabihf" | "gnueabi" | "glibc" => "gnu",
        "musl" | "musleabihf" | "musleabi" | "linuxmusl" => "musl",
        "msvc" => "msvc",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_school_are_understood() {
        for (name, os, arch, libc) in [
            ("x86_64-pc-windows-msvc", Some("windows"), Some("x64"), Some("msvc")),
            ("aarch64-apple-darwin", Some("macos"), Some("arm64"), None),
            ("i686-unknown-linux-musl", Some("linux"), Some("x86"), Some("musl")),
            ("armv7-unknown-linux-gnueabihf", Some("linux"), Some("arm"), Some("gnu")),
            ("tool_1.0.0_Darwin_x86_64.tar.gz", Some("macos"), Some("x64"), None),
            ("tool-1.0.0-win32.zip", Some("windows"), Some("x86"), None),
            ("Tool-Setup-1.0.0-x64.exe", None, Some("x64"), None),
            ("tool_windows_386.zip", Some("windows"), Some("x86"), None),
            ("winner-1.0.zip", None, None, None),
        ] {
            let found = of_name(name);
            assert_eq!((found.os, found.arch, found.libc), (os, arch, libc), "{name}");
        }
    }
}
