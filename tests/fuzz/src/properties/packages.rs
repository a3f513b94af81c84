//! Packages of `NuGet`, and the signatures inside of files for Windows.

use turbo_engine::model::delivery::Nupkg;
use turbo_engine::publish::pack::{Nuspec, PackageVersion, nuspec_of, pack};
use turbo_engine::publish::sign::authenticode::{Kind, verify};

/// What is packed says the same as what was given, and is packed as it is.
pub fn nuspec(data: &[u8]) {
    // The bytes of a whole package go another way in.
    let _ = nuspec_of(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(nuspec) = Nuspec::parse(text) else { return };
    let again = Nuspec::parse(nuspec.text()).expect("what is packed can be read");
    assert_eq!((&again.id, &again.version), (&nuspec.id, &nuspec.version));
    assert_eq!(again.text(), nuspec.text());
    assert_eq!(again.value("description"), nuspec.value("description"));
    assert_eq!(again.files, None);
    let version = nuspec.version.to_string();
    assert_eq!(PackageVersion::normalised(&version).expect("a normal form"), nuspec.version);
    let package = Nupkg { nuspec: text.into(), files: Vec::new(), endpoint: String::new() };
    let packed = pack(&package).expect("a nuspec is enough");
    assert_eq!(nuspec_of(&packed.bytes).expect("our own package").text(), nuspec.text());
}

/// A signature is of its file: what is longer by a byte has none.
pub fn authenticode(data: &[u8]) {
    let _ = Kind::of("name", data);
    for kind in [Kind::Pe, Kind::Script] {
        if verify(kind, data).is_ok() {
            let longer = [data, b"x"].concat();
            assert!(verify(kind, &longer).is_err(), "a changed file verifies");
        }
    }
}
