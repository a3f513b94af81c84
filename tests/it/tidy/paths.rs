//! Every path that a source file names, as seen from the crate's root.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{Attribute, File, ItemMod, ItemUse, Macro, Path, UseTree};

/// Paths of `file`, each joined by `::`. The crate's own begin with `crate`.
///
/// `module` is the file's own place, for `self` and `super`. Paths inside
/// macros are found where they are written from the root (`crate::x`, `tokio::y`).
pub fn named(file: &File, module: &[String]) -> BTreeSet<String> {
    let mut collector = Collector { module: module.to_vec(), found: BTreeSet::new() };
    collector.visit_file(file);
    collector.found
}

struct Collector {
    module: Vec<String>,
    found: BTreeSet<String>,
}

impl Collector {
    fn add(&mut self, segments: &[String]) {
        let absolute = absolute(&self.module, segments);
        // A bare name is a local item or one that a `use` already accounts for.
        if absolute.len() > 1 {
            self.found.insert(absolute.join("::"));
        }
    }

    fn add_tree(&mut self, prefix: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_tree(prefix, &path.tree);
                prefix.pop();
            }
            UseTree::Name(name) => self.add(&joined(prefix, &name.ident.to_string())),
            UseTree::Rename(rename) => self.add(&joined(prefix, &rename.ident.to_string())),
            UseTree::Glob(_) => self.add(&joined(prefix, "*")),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(prefix, item)),
        }
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.attrs.iter().any(is_cfg_test) {
            return;
        }
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        let tokens = call.tokens.to_string().replace(" :: ", "::").replace(":: ", "::");
        for word in tokens.split(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter))) {
            let segments: Vec<String> = word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            if word.contains("::") {
                self.add(&segments);
            }
        }
    }
}

/// Unit tests may touch scratch files and servers; the layers are about the product.
fn is_cfg_test(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string().replace(' ', "");
    attribute.path().is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
}

fn joined(prefix: &[String], name: &str) -> Vec<String> {
    let mut segments = prefix.to_vec();
    segments.push(name.to_owned());
    segments
}

/// Resolves `crate`, `self` and `super`; leaves other roots as they are.
fn absolute(module: &[String], segments: &[String]) -> Vec<String> {
    let Some(first) = segments.first() else { return Vec::new() };
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    let (base, rest) = match first.as_str() {
        "crate" | "turbo_engine" => (&module[..0], &segments[1..]),
        "self" => (module, &segments[1..]),
        "super" => (&module[..module.len().saturating_sub(supers)], &segments[supers..]),
        _ => return segments.to_vec(),
    };
    ["crate".to_owned()].iter().chain(base).chain(rest).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        let file = syn::parse_file(source).expect("valid source");
        named(&file, &["net".to_owned(), "retry".to_owned()]).into_iter().collect()
    }

    #[test]
    fn sees_groups_globs_and_renames() {
        let found = names("use crate::{model::{Url as U, exit}, plan::*};");
        assert_eq!(found, ["crate::model::Url", "crate::model::exit", "crate::plan::*"]);
    }

    #[test]
    fn resolves_relative_paths() {
        assert_eq!(
            names("use super::super::store::Cache; use self::inner::X;"),
            ["crate::net::retry::inner::X", "crate::store::Cache"]
        );
        assert_eq!(names("mod inside { use super::Z; }"), ["crate::net::retry::Z"]);
        for condition in ["test", "all(test, unix)"] {
            assert!(names(&format!("#[cfg({condition})] mod tests {{ use std::fs::File; }}")).is_empty());
        }
        assert!(!names("#[cfg(not(test))] mod live { use std::fs::File; }").is_empty());
    }

    #[test]
    fn sees_expressions_types_and_macros() {
        let found =
            names("fn f(x: &std::fs::File) { crate::plan::g(); tokio::join!(crate::store::a(), reqwest::get(1)); }");
        for path in ["crate::plan::g", "crate::store::a", "reqwest::get", "std::fs::File", "tokio::join"] {
            assert!(found.contains(&path.to_owned()), "{path} not in {found:?}");
        }
    }
}
