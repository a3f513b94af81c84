//! Removes sections of a WebAssembly binary that tell of its build.
//!
//! A module and a component have one framing: a header, then sections of an
//! identifier, a length and a body. A component's sections may hold whole
//! modules and components.

use wasmparser::{BinaryReader, BinaryReaderError};

const HEADER_BYTES: usize = 8;
/// Bytes 4 to 8 of a component: version 13 of layer 1.
const COMPONENT_VERSION: [u8; 4] = [0x0d, 0, 1, 0];
const CUSTOM_SECTION: u8 = 0;
const CORE_MODULE_SECTION: u8 = 1;
const COMPONENT_SECTION: u8 = 4;

/// Whether a binary is a component, and not a core module.
pub(super) fn is_component(binary: &[u8]) -> bool {
    binary.get(4..HEADER_BYTES) == Some(&COMPONENT_VERSION)
}

/// Copies a module or component without symbol names, debug information, the
/// linker's notes and the list of tools that made it.
pub(super) fn strip(binary: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut reader = BinaryReader::new(binary, 0);
    let mut kept = reader.read_bytes(HEADER_BYTES)?.to_vec();
    while !reader.eof() {
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()?;
        let body = reader.read_bytes(length as usize)?;
        match id {
            CUSTOM_SECTION if tells_of_build(BinaryReader::new(body, 0).read_string()?) => {}
            CORE_MODULE_SECTION | COMPONENT_SECTION if is_component(binary) => push(&mut kept, id, &strip(body)?),
            _ => push(&mut kept, id, body),
        }
    }
    Ok(kept)
}

/// Name of the section in which a component says what it asks to be granted.
pub(in crate::component) const GRANTS: &str = "turbo-engine:grants";

/// Longest such section that is read.
pub(in crate::component) const GRANTS_BYTES: usize = 4 << 10;

/// Lets a component say what it asks to be granted, so that whoever installs it
/// is told before it is compiled.
pub(in crate::component) fn with_grants(mut component: Vec<u8>, grants: &str) -> Vec<u8> {
    if !grants.is_empty() {
        let length = u8::try_from(GRANTS.len()).expect("the name is short");
        let body = [&[length], GRANTS.as_bytes(), grants.as_bytes()].concat();
        push(&mut component, CUSTOM_SECTION, &body);
    }
    component
}

fn tells_of_build(name: &str) -> bool {
    matches!(name, "name" | "component-name" | "producers" | "target_features" | "linking")
        || [".debug_", "reloc.", "component-type"].iter().any(|prefix| name.starts_with(prefix))
}

fn push(binary: &mut Vec<u8>, id: u8, body: &[u8]) {
    binary.push(id);
    let mut rest = body.len();
    // LEB128: seven bits a byte, lowest first; the eighth says that more follow.
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            binary.push(low & 0x7f);
            break;
        }
        binary.push(low | 0x80);
    }
    binary.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_producers_go_at_every_depth_and_the_rest_stays() {
        let named = wat::parse_str(
            r#"(component $outer
                (@producers (language "Rust" "1"))
                (@custom "authors" "us")
                (component $inner (core module $m (func $f) (@producers (language "Rust" "1"))))
                (core module (memory 1) (data (i32.const 0) "kept")))"#,
        )
        .unwrap();
        let plain = wat::parse_str(
            r#"(component
                (@custom "authors" "us")
                (component (core module (func)))
                (core module (memory 1) (data (i32.const 0) "kept")))"#,
        )
        .unwrap();
        let stripped = strip(&named).unwrap();
        assert_eq!(stripped, strip(&plain).unwrap());
        assert!(stripped.len() < named.len());
        wasmparser::validate(&stripped).unwrap();
        let text = String::from_utf8_lossy(&stripped);
        assert!(text.contains("authors") && text.contains("kept") && !text.contains("Rust"));
    }

    #[test]
    fn a_long_section_keeps_its_length() {
        let text = format!("(module (memory 1) (data (i32.const 0) \"{}\"))", "x".repeat(20_000));
        let module = wat::parse_str(text).unwrap();
        assert_eq!(strip(&module).unwrap(), module);
    }

    #[test]
    fn grants_are_a_section_that_stays() {
        let component = wat::parse_str("(component)").unwrap();
        assert_eq!(with_grants(component.clone(), ""), component);
        let asking = with_grants(component, "file=16MiB memory=32MiB");
        wasmparser::validate(&asking).unwrap();
        assert_eq!(strip(&asking).unwrap(), asking);
    }

    #[test]
    fn a_cut_off_binary_is_an_error() {
        let module = wat::parse_str("(module (func))").unwrap();
        assert!(strip(&module[..module.len() - 1]).is_err());
        assert!(strip(b"\0asm").is_err());
    }
}
