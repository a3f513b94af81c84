//! Turns `table.toml` into constants, and refuses a table that is wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use serde::Deserialize;

#[path = "../src/shape.rs"]
#[expect(dead_code, reason = "the component uses the rest")]
mod shape;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    site: BTreeMap<String, Site>,
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    url: String,
    #[serde(default)]
    region: String,
    weight: u32,
    #[serde(default)]
    kind: Kind,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Mirror,
    Cdn,
    Proxy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Rule {
    host: String,
    path: String,
    #[serde(default)]
    endings: Vec<String>,
    to: String,
    sites: Vec<String>,
    #[serde(default)]
    at: BTreeMap<String, String>,
    example: String,
    #[serde(default)]
    self_test: bool,
}

fn main() {
    println!("cargo:rerun-if-changed=table.toml");
    println!("cargo:rerun-if-changed=build/main.rs");
    println!("cargo:rerun-if-changed=src/shape.rs");
    let text = fs::read_to_string("table.toml").expect("table.toml stands beside Cargo.toml");
    let table: Table = toml::from_str(&text).expect("table.toml has the fields of Table");
    let out = env::var_os("OUT_DIR").expect("cargo names the output folder");
    fs::write(Path::new(&out).join("table.rs"), constants(&table)).expect("the output folder can be written");
}

fn constants(table: &Table) -> String {
    let mut code = String::new();
    for (name, site) in &table.site {
        write_site(&mut code, name, site);
    }
    code.push_str("pub const RULES: &[Rule] = &[\n");
    for rule in &table.rule {
        write_rule(&mut code, rule, &targets(table, rule));
    }
    code.push_str("];\npub const EXAMPLES: &[(&str, &[&str])] = &[\n");
    for rule in table.rule.iter().filter(|rule| rule.self_test) {
        let urls: Vec<_> = targets(table, rule).iter().map(|target| expected(rule, target)).collect();
        writeln!(code, "({:?}, &{urls:?}),", url(rule)).expect("a string takes any text");
    }
    code.push_str("];\n#[cfg(test)]\npub const ASKED: &[(&str, usize)] = &[\n");
    for rule in &table.rule {
        writeln!(code, "({:?}, {}),", url(rule), targets(table, rule).len()).expect("a string takes any text");
    }
    code.push_str("];\n");
    code
}

/// The places of a rule: each site with its template, best first.
fn targets<'a>(table: &'a Table, rule: &'a Rule) -> Vec<(&'a str, &'a Site, &'a str)> {
    let common = rule.sites.iter().map(|name| (name.as_str(), rule.to.as_str()));
    let own = rule.at.iter().map(|(name, tail)| (name.as_str(), tail.as_str()));
    let mut targets: Vec<_> = common
        .chain(own)
        .map(|(name, tail)| {
            let site = table.site.get(name).unwrap_or_else(|| panic!("{}: no site {name}", rule.path));
            (name, site, tail)
        })
        .collect();
    targets.sort_by_key(|(name, site, _)| (std::cmp::Reverse(site.weight), *name));
    let templates: Vec<_> = targets.iter().map(|(.., tail)| keep(tail)).collect();
    shape::check(keep(&rule.path), &templates).unwrap_or_else(|problem| panic!("{problem}"));
    targets
}

fn expected(rule: &Rule, (_, site, tail): &(&str, &Site, &str)) -> String {
    let captures = shape::capture(keep(&rule.path), &rule.example).expect("an example has its rule's shape");
    [&site.url, &*shape::fill(keep(tail), &captures)].concat()
}

fn url(rule: &Rule) -> String {
    format!("https://{}{}", rule.host, rule.example)
}

fn write_site(code: &mut String, name: &str, site: &Site) {
    let kind = match site.kind {
        Kind::Mirror => "mirror",
        Kind::Cdn => "cdn",
        Kind::Proxy => "proxy",
    };
    let Site { url, region, weight, .. } = site;
    writeln!(code, "static {}: Place = Place::{kind}({url:?}).region({region:?}).weight({weight});", constant(name))
        .expect("a string takes any text");
}

fn write_rule(code: &mut String, rule: &Rule, targets: &[(&str, &Site, &str)]) {
    let Rule { host, path, endings, .. } = rule;
    write!(code, "Rule {{ host_suffix: {host:?}, path: {path:?}, endings: &{endings:?}, targets: &[")
        .expect("a string takes any text");
    for (name, _, tail) in targets {
        write!(code, "Target {{ place: &{}, tail: {tail:?} }},", constant(name)).expect("a string takes any text");
    }
    code.push_str("] },\n");
}

fn constant(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

/// Shapes are constants in the component; here they live as long as the build.
fn keep(text: &str) -> &'static str {
    text.to_owned().leak()
}
