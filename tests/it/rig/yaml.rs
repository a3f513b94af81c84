//! Reads YAML as another reader than the engine's own, for tests that judge
//! what was written.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// A YAML document as JSON, by the core schema of YAML 1.2.
pub fn yaml(text: &str) -> Result<Value, String> {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let mut root = Value::Null;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let done = match event {
            Event::MappingStart(..) => {
                open.push((Value::Object(Map::new()), None));
                None
            }
            Event::SequenceStart(..) => {
                open.push((Value::Array(Vec::new()), None));
                None
            }
            Event::MappingEnd | Event::SequenceEnd => open.pop().map(|(value, _)| value),
            Event::Scalar(text, style, ..) => match open.last_mut() {
                Some((Value::Object(_), key @ None)) => {
                    *key = Some(text.into_owned());
                    None
                }
                _ if style == ScalarStyle::Plain => Some(plain(&text)),
                _ => Some(Value::String(text.into_owned())),
            },
            Event::Alias(_) => return Err("an alias".to_owned()),
            _ => None,
        };
        let Some(value) = done else { continue };
        match open.last_mut() {
            None => root = value,
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(fields), key)) => {
                let key = key.take().ok_or("a value without a key")?;
                if fields.insert(key.clone(), value).is_some() {
                    return Err(format!("{key} twice"));
                }
            }
            Some(_) => return Err("only lists and maps are open".to_owned()),
        }
    }
    Ok(root)
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        text => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<f64>().map(Value::from))
            .unwrap_or_else(|_| text.into()),
    }
}
