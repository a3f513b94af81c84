//! Writes answers into a file of cases, and leaves the rest as it stands.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

/// The text of a file of cases with other expectations: by position, none for
/// those that stay. Comments and order stay.
pub(super) fn rewrite(text: &str, answers: &[Option<toml::Table>]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let cases = document.get_mut("case").and_then(Item::as_array_of_tables_mut);
    let cases = cases.ok_or("its cases are not written as [[case]]")?;
    for (case, answer) in cases.iter_mut().zip(answers) {
        let Some(answer) = answer else { continue };
        if let Some(Item::Table(expect)) = case.get_mut("expect") {
            // The header keeps its place and the comment above it.
            expect.clear();
            answer.iter().for_each(|(key, value)| drop(expect.insert(key, item(value))));
        } else {
            case.insert("expect", item(&toml::Value::Table(answer.clone())));
        }
    }
    Ok(document.to_string())
}

fn item(found: &toml::Value) -> Item {
    match found {
        toml::Value::Table(table) => Item::Table(self::table(table)),
        toml::Value::Array(values) if !values.is_empty() && values.iter().all(toml::Value::is_table) => {
            let tables = values.iter().filter_map(toml::Value::as_table).map(table);
            Item::ArrayOfTables(tables.collect::<ArrayOfTables>())
        }
        toml::Value::Array(values) => Item::Value(Value::Array(list(values))),
        other => value(scalar(other)),
    }
}

fn table(found: &toml::Table) -> Table {
    let mut table = Table::new();
    found.iter().for_each(|(key, value)| drop(table.insert(key, item(value))));
    table
}

/// One value a line.
fn list(values: &[toml::Value]) -> Array {
    let mut list = Array::new();
    for found in values {
        list.push_formatted(scalar(found).decorated("\n    ", ""));
    }
    list.set_trailing("\n");
    list.set_trailing_comma(!values.is_empty());
    list
}

fn scalar(found: &toml::Value) -> Value {
    match found {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Boolean(switch) => (*switch).into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = "# Why these.\n[[case]]\nname = 'one' # the first\nurl = 'https://a.example/'\n\n# The answer.\n[case.expect]\nnot-mine = true\n\n[[case]]\nname = 'two'\nurl = 'https://b.example/'\n";

    #[test]
    fn comments_and_other_cases_stay() {
        let answer = toml::toml! { candidates = ["https://c.example/", "https://d.example/"] };
        let text = rewrite(CASES, &[Some(answer.clone()), None]).unwrap();
        assert_eq!(
            text,
            CASES.replace(
                "not-mine = true\n",
                "candidates = [\n    \"https://c.example/\",\n    \"https://d.example/\",\n]\n"
            )
        );
        let text = rewrite(CASES, &[None, Some(answer)]).unwrap();
        assert!(text.starts_with(CASES.trim_end()) && text.contains("[case.expect]\ncandidates = ["), "{text}");
    }

    #[test]
    fn what_is_written_reads_as_what_was_answered() {
        let answer = toml::toml! {
            wants = ["a"]
            [[deliveries]]
            kind = "files"
            [deliveries.files]
            "a/b.txt" = "# one\n\ttwo \"three\" \u{1b}\n"
            [[deliveries]]
            kind = "files"
            deletes = []
        };
        let text = rewrite(CASES, &[Some(answer.clone()), Some(answer.clone())]).unwrap();
        let read: toml::Table = text.parse().unwrap();
        for case in read["case"].as_array().unwrap() {
            assert_eq!(case["expect"], toml::Value::Table(answer.clone()), "{text}");
        }
    }
}
