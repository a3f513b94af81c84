//! The corpora of the fuzz targets, replayed: what the fuzzer once found
//! worth keeping holds without it, and without a nightly compiler.

#[path = "../fuzz/src/properties/mod.rs"]
mod properties;

use std::fs;
use std::path::Path;

#[test]
fn every_kept_input_has_the_properties_of_its_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
    for (target, property) in properties::TARGETS {
        let folder = corpora.join(target);
        let mut inputs = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a readable entry").path();
            let input = fs::read(&path).expect("a readable file");
            // Where a property is broken, the panic does not know the input.
            println!("{}", path.display());
            property(&input);
            inputs += 1;
        }
        assert!((3..=120).contains(&inputs), "{target} has {inputs} inputs");
    }
    assert_eq!(
        fs::read_dir(&corpora).expect("corpora").count(),
        properties::TARGETS.len(),
        "a corpus without a target"
    );
}
