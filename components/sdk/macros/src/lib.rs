//! Reads `component.toml` when a component is compiled.
//!
//! What a component is stands in that one file; `describe` says the same
//! because it is made of it. A field that is missing or misspelt is an error
//! of the compiler, at the macro's place.

mod manifest;

use std::path::Path;
use std::{env, fs};

use proc_macro::TokenStream;

use crate::manifest::Manifest;

/// Turns a manifest into an expression, as text.
type Render = fn(&Manifest) -> String;

/// The `RuleInfo` that `component.toml` beside `Cargo.toml` describes.
#[proc_macro]
pub fn rule_info(_: TokenStream) -> TokenStream {
    expand("mirror-rule", Manifest::rule_info)
}

/// The `GeneratorInfo` that `component.toml` beside `Cargo.toml` describes.
#[proc_macro]
pub fn generator_info(_: TokenStream) -> TokenStream {
    expand("manifest-generator", Manifest::generator_info)
}

fn expand(kind: &str, render: Render) -> TokenStream {
    let code = match read(kind) {
        // Named as an input, so that cargo compiles again when it changes.
        Ok(manifest) => {
            let input = r#"include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/component.toml"))"#;
            format!("{{ const _: &[u8] = {input}; {} }}", render(&manifest))
        }
        Err(reason) => format!("compile_error!({:?})", format!("component.toml: {reason}")),
    };
    code.parse().expect("literals inside calls are tokens")
}

fn read(kind: &str) -> Result<Manifest, String> {
    let folder = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo names no folder")?;
    let text = fs::read_to_string(Path::new(&folder).join("component.toml")).map_err(|error| error.to_string())?;
    Manifest::parse(&text, kind)
}
