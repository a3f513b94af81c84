//! The part of `component.toml` that a component says of itself.

use serde::Deserialize;

/// The whole file; what only the engine's tools read is passed over here.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    id: String,
    version: String,
    kind: String,
    summary: String,
    #[serde(default)]
    manager: String,
    #[serde(default)]
    pattern: Vec<Pattern>,
    #[serde(default)]
    example: Vec<Example>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Pattern {
    #[serde(default)]
    schemes: Vec<String>,
    #[serde(default)]
    host_suffixes: Vec<String>,
    #[serde(default)]
    path_prefixes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    url: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    candidates: Vec<String>,
}

impl Manifest {
    /// Reads a manifest, which must be of the kind that the macro is for.
    pub(crate) fn parse(text: &str, kind: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if manifest.kind != kind {
            return Err(format!("`kind` is {:?}, and this macro is for {kind:?}", manifest.kind));
        }
        if kind == "manifest-generator" && manifest.manager.is_empty() {
            return Err("`manager` is missing: the package manager it writes for".to_owned());
        }
        Ok(manifest)
    }

    /// The expression of a rule's description.
    pub(crate) fn rule_info(&self) -> String {
        let Self { id, version, summary, .. } = self;
        let patterns: Vec<String> = self.pattern.iter().map(Pattern::call).collect();
        let examples: Vec<String> = self.example.iter().map(Example::call).collect();
        let info = format!("::turbo_component::RuleInfo::new({id:?}, {version:?}, {summary:?})");
        [info, patterns.concat(), examples.concat()].concat()
    }

    /// The expression of a generator's description.
    pub(crate) fn generator_info(&self) -> String {
        let Self { id, version, summary, manager, .. } = self;
        format!("::turbo_component::GeneratorInfo::new({id:?}, {version:?}, {summary:?}, {manager:?})")
    }
}

impl Pattern {
    fn call(&self) -> String {
        let Self { schemes, host_suffixes, path_prefixes } = self;
        let [schemes, hosts, paths] = [schemes, host_suffixes, path_prefixes].map(|list| owned(list));
        let fields = format!("schemes: {schemes}, host_suffixes: {hosts}, path_prefixes: {paths}");
        format!(".pattern(::turbo_component::Pattern {{ {fields} }})")
    }
}

impl Example {
    fn call(&self) -> String {
        let Self { url, region, candidates } = self;
        format!(".example_in({region:?}, {url:?}, &{candidates:?})")
    }
}

/// A vector of strings, as an expression.
fn owned(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("::std::string::String::from({text:?})")).collect();
    format!("::std::vec![{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"
        id = "files"
        version = "1.2.3"
        kind = "mirror-rule"
        summary = 'Copies of "files.example"'
        [grants]
        memory_bytes = 1
        [[pattern]]
        host-suffixes = ["files.example"]
        [[example]]
        url = "https://files.example/a"
        candidates = ["https://cdn.example/a"]
    "#;

    #[test]
    fn a_rule_is_described_by_its_manifest() {
        let code = Manifest::parse(RULE, "mirror-rule").unwrap().rule_info();
        assert_eq!(
            code,
            r#"::turbo_component::RuleInfo::new("files", "1.2.3", "Copies of \"files.example\"").pattern(::turbo_component::Pattern { schemes: ::std::vec![], host_suffixes: ::std::vec![::std::string::String::from("files.example")], path_prefixes: ::std::vec![] }).example_in("", "https://files.example/a", &["https://cdn.example/a"])"#
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str, kind| Manifest::parse(text, kind).unwrap_err();
        assert!(error(RULE, "manifest-generator").contains("mirror-rule"));
        assert!(error("id = 'x'", "mirror-rule").contains("version"));
        assert!(error(&RULE.replace("host-suffixes", "hosts"), "mirror-rule").contains("hosts"));
        let generator = RULE.replace("mirror-rule", "manifest-generator");
        assert!(error(&generator, "manifest-generator").contains("manager"));
    }
}
