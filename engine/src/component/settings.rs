//! A rule's table of the configuration, flattened for the interface.

use toml::{Table, Value};

use super::instance::Settings;

/// Every scalar of the table: its path of names and positions joined by dots,
/// and its text.
pub(super) fn flatten(table: &Table) -> Settings {
    let mut settings = Settings::new();
    for (name, value) in table {
        flatten_value(name, value, &mut settings);
    }
    settings
}

fn flatten_value(path: &str, value: &Value, settings: &mut Settings) {
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(name, value)| flatten_value(&format!("{path}.{name}"), value, settings));
        }
        Value::Array(values) => {
            let positions = values.iter().enumerate();
            positions.for_each(|(position, value)| flatten_value(&format!("{path}.{position}"), value, settings));
        }
        Value::String(text) => settings.push((path.to_owned(), text.clone())),
        scalar => settings.push((path.to_owned(), scalar.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::flatten;

    #[test]
    fn tables_and_arrays_become_paths() {
        let table = toml::toml! {
            region = "de"
            depth = 3
            on = true
            since = 2026-01-02
            [[rule]]
            suffix = "a.example"
            to = ["https://b.example/", "https://c.example/"]
            [[rule]]
            suffix = "d.example"
        };
        let mut settings = flatten(&table);
        settings.sort();
        let expected = [
            ("depth", "3"),
            ("on", "true"),
            ("region", "de"),
            ("rule.0.suffix", "a.example"),
            ("rule.0.to.0", "https://b.example/"),
            ("rule.0.to.1", "https://c.example/"),
            ("rule.1.suffix", "d.example"),
            ("since", "2026-01-02"),
        ];
        assert_eq!(settings, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
