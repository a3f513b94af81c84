//! Writes YAML that every reader takes for the same: a text that a reader
//! might take for a number, a date or a switch is quoted.

use crate::{Fields, Value, text};

/// A document without its head, lines ended by `\n`.
pub fn write(fields: &Fields) -> String {
    let mut out = String::new();
    map(fields, 0, &mut out);
    out
}

fn map(fields: &Fields, indent: usize, out: &mut String) {
    for (name, value) in fields.iter() {
        pad(indent, out);
        if is_plain(name) {
            out.push_str(name);
        } else {
            double_quoted(name, out);
        }
        out.push(':');
        value_after(value, indent, out);
    }
}

/// What stands behind a name or a dash, with its line end.
fn value_after(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Map(fields) if !fields.is_empty() => {
            out.push('\n');
            map(fields, indent + 2, out);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            list(items, indent, out);
        }
        Value::Map(_) => out.push_str(" {}\n"),
        Value::List(_) => out.push_str(" []\n"),
        Value::Null => out.push('\n'),
        Value::Bool(switch) => out.push_str(if *switch { " true\n" } else { " false\n" }),
        Value::Number(number) => {
            out.push(' ');
            out.push_str(number);
            out.push('\n');
        }
        Value::Text(text) => {
            out.push(' ');
            scalar(text, indent + 2, out);
            out.push('\n');
        }
    }
}

/// Items stand at the indentation of their list's name.
fn list(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        match item {
            Value::Map(fields) if !fields.is_empty() => {
                let mut block = String::new();
                map(fields, indent + 2, &mut block);
                pad(indent, out);
                out.push_str("- ");
                out.push_str(&block[indent + 2..]);
            }
            // A list in a list begins on a line of its own, one step in.
            Value::List(items) if !items.is_empty() => {
                pad(indent, out);
                out.push_str("-\n");
                list(items, indent + 2, out);
            }
            other => {
                pad(indent, out);
                out.push('-');
                value_after(other, indent, out);
            }
        }
    }
}

fn scalar(text: &str, indent: usize, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else if is_literal(text) {
        out.push_str("|-");
        for line in text.split('\n') {
            out.push('\n');
            if !line.is_empty() {
                pad(indent, out);
                out.push_str(line);
            }
        }
    } else if text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        double_quoted(text, out);
    }
}

/// Whether the text can be a block of lines, as it is.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && text.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
        && !text.ends_with('\n')
        && text.chars().all(|letter| letter == '\n' || letter == '\t' || is_printable(letter))
}

fn is_printable(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether no reader takes the bare text for anything but itself.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let begins = first.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '/' | '(' | '_' | '$' | '©'));
    begins
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|letter| is_printable(letter) && letter != '\t')
        && !is_other_type(text)
}

/// What YAML 1.1 or 1.2 reads as null, a switch, a number or a date.
fn is_other_type(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];
    if words.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return true;
    }
    let mut letters = text.bytes();
    let is_number_like = letters.next().is_some_and(|byte| byte.is_ascii_digit())
        && letters.all(|byte| {
            byte.is_ascii_hexdigit()
                || matches!(byte, b'_' | b':' | b'.' | b'-' | b'+' | b'x' | b'o' | b'T' | b'Z' | b' ')
        });
    // Two dots make no number: `1.2.3` is a text to everyone.
    is_number_like && !(text.matches('.').count() > 1 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if is_printable(letter) => out.push(letter),
            letter if u32::from(letter) <= 0xffff => text::push(out, format_args!("\\u{:04X}", u32::from(letter))),
            letter => text::push(out, format_args!("\\U{:08X}", u32::from(letter))),
        }
    }
    out.push('"');
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar_of(text: &str) -> String {
        let mut out = String::new();
        scalar(text, 2, &mut out);
        out
    }

    #[test]
    fn what_reads_as_another_type_is_quoted() {
        for text in
            ["1.10", "1", "0x10", "1e3", "2024-01-01", "yes", "NO", "null", "~", "1:30", "", "-1", ".5", "1_000"]
        {
            assert_eq!(scalar_of(text), format!("'{text}'"));
        }
        for text in ["1.2.3", "v1", "1.0.0-rc.1", "a: b".trim_end_matches(": b"), "https://a.example/b#c", "Über", "/S"]
        {
            assert_eq!(scalar_of(text), text);
        }
    }

    #[test]
    fn what_means_something_in_yaml_is_quoted() {
        assert_eq!(scalar_of("it's: odd"), "'it''s: odd'");
        assert_eq!(scalar_of("a #b"), "'a #b'");
        assert_eq!(scalar_of("- x"), "'- x'");
        assert_eq!(scalar_of("\u{7}\t\"\\"), "\"\\u0007\\t\\\"\\\\\"");
        assert_eq!(scalar_of("a\n\n  b"), "|-\n  a\n\n    b");
        assert_eq!(scalar_of(" a\nb"), "\" a\\nb\"");
        assert_eq!(scalar_of("a\n "), "\"a\\n \"", "a reader may drop a line of blanks");
    }
}
