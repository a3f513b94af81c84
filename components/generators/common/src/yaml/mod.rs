//! YAML as winget's manifests use it.

mod flow;
mod read;
mod write;

pub use read::read;
pub use write::write;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Fields, Value};

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<String>().prop_map(Value::Text),
            "[-0-9a-zA-Z:#'\"\\n \\[\\]{},&*!|>%@`~?.=<]{0,24}".prop_map(Value::Text),
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(|number| Value::Number(number.to_string())),
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            let named = prop::collection::vec(("[A-Z][a-zA-Z0-9]{0,8}", inner.clone()), 1..4);
            prop_oneof![
                prop::collection::vec(inner, 1..4).prop_map(Value::List),
                named.prop_map(|pairs| {
                    let mut fields = Fields::new();
                    for (name, value) in pairs {
                        fields.push(name, value);
                    }
                    Value::Map(fields)
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(value in value()) {
            let mut fields = Fields::new();
            fields.push("Root".to_owned(), value);
            let text = write(&fields);
            prop_assert_eq!(read(&text).unwrap(), Value::Map(fields), "{}", text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), yaml in "([ \\-a:'\"|>#\\[\\]{},\\n]{0,3}){0,20}") {
            let _ = (read(&text), read(&yaml));
        }
    }
}
