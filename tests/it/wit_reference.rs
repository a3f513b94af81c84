//! `wit/README.md`: the reference of the interface, made of the comments in
//! the WIT files. `TURBO_ENGINE_UPDATE=1` writes it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use wit_parser::{Docs, Function, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId, World, WorldItem};

const HEAD: &str = "# The interface turbo:engine

Made of the comments in the WIT files by `cargo test`; change those, and run it with `TURBO_ENGINE_UPDATE=1`. How to
write a component is told in [components/README.md](../components/README.md).

A released version is frozen: its folder here never changes, and the components built for it work for ever. A release
puts the built rules and one manifest generator, with their digests, into `tests/fixtures/components/vX_Y_Z/`, and cases
for what their own examples do not ask into `cases/NAME.toml` there; a test finds the folder by itself and asks them all.
";

#[test]
fn the_reference_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let wanted = HEAD.to_owned() + &package(&root.join("turbo-engine/v0_1"));
    let path = root.join("README.md");
    if std::env::var_os("TURBO_ENGINE_UPDATE").is_some() {
        fs::write(&path, &wanted).expect("the repository is writable");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "wit/README.md is out of date: run this test with TURBO_ENGINE_UPDATE=1");
    for item in ["map-url", "host-suffixes", "git-change", "may-differ", "result<generated, list<diagnostic>>"] {
        assert!(found.contains(item), "no `{item}` in the reference");
    }
}

/// The reference of one version.
fn package(folder: &Path) -> String {
    let mut resolve = Resolve::default();
    let (id, _) = resolve.push_dir(folder).expect("the committed WIT");
    let package = &resolve.packages[id];
    let mut text = format!("\n## {}\n", package.name);
    for id in package.worlds.values() {
        text += &world(&resolve, &resolve.worlds[*id]);
    }
    for id in package.interfaces.values() {
        text += &interface(&resolve, &resolve.interfaces[*id]);
    }
    text
}

fn world(resolve: &Resolve, world: &World) -> String {
    let names = |items: &mut dyn Iterator<Item = &WorldItem>| {
        let named = items.filter_map(|item| match item {
            WorldItem::Interface { id, .. } => resolve.interfaces[*id].name.clone(),
            _ => None,
        });
        let linked: Vec<String> = named.map(|name| format!("[`{name}`](#interface-{name})")).collect();
        linked.join(", ")
    };
    let (imports, exports) = (names(&mut world.imports.values()), names(&mut world.exports.values()));
    let docs = paragraphs(&world.docs);
    format!("\n### World {}\n\n{docs}\n\nA component imports {imports} and exports {exports}.\n", world.name)
}

fn interface(resolve: &Resolve, interface: &Interface) -> String {
    let name = interface.name.as_deref().unwrap_or_default();
    let mut text = format!("\n### Interface {name}\n\n{}\n", paragraphs(&interface.docs));
    for function in interface.functions.values() {
        text += &self::function(resolve, function);
    }
    for id in interface.types.values() {
        let defined = &resolve.types[*id];
        // What `use` brings in is told where it is defined.
        if !is_used(resolve, defined) {
            text += &type_definition(resolve, defined);
        }
    }
    text
}

fn is_used(resolve: &Resolve, defined: &TypeDef) -> bool {
    matches!(defined.kind, TypeDefKind::Type(Type::Id(id)) if resolve.types[id].name == defined.name)
}

fn function(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, type_name(resolve, &parameter.ty)))
        .collect();
    let result = function.result.as_ref().map(|result| format!(" -> {}", type_name(resolve, result)));
    let signature = format!("func({}){}", parameters.join(", "), result.unwrap_or_default());
    format!(
        "\n#### `{}`\n\n```wit\n{}: {signature};\n```\n\n{}\n",
        function.name,
        function.name,
        paragraphs(&function.docs)
    )
}

fn type_definition(resolve: &Resolve, defined: &TypeDef) -> String {
    let name = defined.name.as_deref().unwrap_or_default();
    let mut text = format!("\n#### {} `{name}`\n\n{}\n", defined.kind.as_str(), paragraphs(&defined.docs));
    let optional = |ty: &Option<Type>| ty.as_ref().map_or(String::new(), |ty| type_name(resolve, ty));
    let rows: Vec<(String, String, &Docs)> = match &defined.kind {
        TypeDefKind::Record(record) => {
            record.fields.iter().map(|field| (field.name.clone(), type_name(resolve, &field.ty), &field.docs)).collect()
        }
        TypeDefKind::Variant(variant) => {
            variant.cases.iter().map(|case| (case.name.clone(), optional(&case.ty), &case.docs)).collect()
        }
        TypeDefKind::Enum(cases) => {
            cases.cases.iter().map(|case| (case.name.clone(), String::new(), &case.docs)).collect()
        }
        kind => {
            write!(text, "\n```wit\ntype {name} = {};\n```\n", kind_name(resolve, kind)).expect("a string takes all");
            return text;
        }
    };
    let head = if let TypeDefKind::Record(_) = defined.kind { "field" } else { "case" };
    write!(text, "\n| {head} | type | |\n|---|---|---|\n").expect("a string takes all");
    for (name, ty, docs) in rows {
        let ty = if ty.is_empty() { ty } else { format!("`{ty}`") };
        writeln!(text, "| `{name}` | {ty} | {} |", line(docs)).expect("a string takes all");
    }
    text
}

fn type_name(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => defined_name(resolve, *id),
        Type::Bool => "bool".into(),
        Type::String => "string".into(),
        Type::Char => "char".into(),
        number => format!("{number:?}").to_lowercase(),
    }
}

fn defined_name(resolve: &Resolve, id: TypeId) -> String {
    let defined = &resolve.types[id];
    defined.name.clone().unwrap_or_else(|| kind_name(resolve, &defined.kind))
}

fn kind_name(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let name = |ty: &Type| type_name(resolve, ty);
    let side = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), name);
    match kind {
        TypeDefKind::List(ty) => format!("list<{}>", name(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", name(ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", side(&result.ok), side(&result.err)),
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", tuple.types.iter().map(name).collect::<Vec<_>>().join(", ")),
        TypeDefKind::Type(ty) => name(ty),
        other => panic!("the reference does not know a {}", other.as_str()),
    }
}

fn paragraphs(docs: &Docs) -> &str {
    docs.contents.as_deref().map_or("", str::trim)
}

/// As one line of a table.
fn line(docs: &Docs) -> String {
    let words: Vec<&str> = paragraphs(docs).split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}
