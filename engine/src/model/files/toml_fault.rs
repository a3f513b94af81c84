//! What is wrong with a TOML file of the user's, without what stands in it.
//!
//! The parser's own message shows the line, and somebody may have written a
//! password or a token there.

/// The place and the reason of an error, which names keys and types alone.
pub fn toml_fault(text: &str, error: &toml::de::Error) -> String {
    let reason = without_value(error.message());
    // The end of the text counts as the place of what is missing there.
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return reason };
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
    format!("line {line}, column {column}: {reason}")
}

/// A text of the wrong type is quoted by serde as `string "..."`.
fn without_value(message: &str) -> String {
    match (message.split_once(" string \""), message.rsplit_once("\", expected")) {
        (Some((before, _)), Some((_, wanted))) => format!("{before} string, expected{wanted}"),
        _ => message.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        #[expect(dead_code, reason = "only its type counts")]
        count: Option<u32>,
    }

    fn fault(text: &str) -> String {
        toml_fault(text, &toml::from_str::<Table>(text).expect_err("wrong"))
    }

    #[test]
    fn a_place_and_a_reason_without_the_value() {
        assert_eq!(fault("\n token = 's3cr3t'\n"), "line 2, column 2: unknown field `token`, expected `count`");
        assert_eq!(fault("count = 's3\", expected'"), "line 1, column 9: invalid type: string, expected u32");
        for text in ["count = \"s3cr3t", "count = 1 s3cr3t", "count = s3cr3t", "[s3cr3t", "count = 's3cr3t'\ncount = 1"]
        {
            let said = fault(text);
            assert!(said.starts_with("line ") && !said.contains("s3"), "{text}: {said}");
        }
    }
}
