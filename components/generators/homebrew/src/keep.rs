//! Blocks of the tap's file that people wrote, and that stay.

/// Longest file that is looked at.
const BYTES: usize = 256 << 10;

/// A block of the file: from a line that begins with `head`, two blanks in, to
/// its `end`; or to the last line that is indented further.
pub fn block(text: Option<&str>, head: &str) -> Option<String> {
    let text = text.filter(|text| text.len() <= BYTES)?;
    let start = format!("  {head}");
    let mut lines = text.lines().skip_while(|line| {
        !line.strip_prefix(&start).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(']))
    });
    let first = lines.next()?;
    let mut kept = format!("{first}\n");
    let has_end = first.trim_end().ends_with(" do") || head.starts_with("def ");
    let mut blanks = String::new();
    for line in lines {
        if line.trim().is_empty() {
            blanks.push('\n');
        } else if line.starts_with("   ") {
            kept.push_str(&blanks);
            blanks.clear();
            kept.push_str(line.trim_end());
            kept.push('\n');
        } else {
            if has_end {
                if line.trim_end() != "  end" {
                    return None;
                }
                kept.push_str("  end\n");
            } else if line.trim() == "]" || line.trim() == "}" {
                kept.push_str(line.trim_end());
                kept.push('\n');
            }
            return Some(kept);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_whole() {
        let text = "class A < Formula\n  desc \"x\"\n\n  test do\n    system \"a\"\n\n    system \"b\"\n  end\n\n  zap trash: [\n    \"~/a\",\n  ]\nend\n";
        assert_eq!(block(Some(text), "test do").unwrap(), "  test do\n    system \"a\"\n\n    system \"b\"\n  end\n");
        assert_eq!(block(Some(text), "zap").unwrap(), "  zap trash: [\n    \"~/a\",\n  ]\n");
        assert_eq!(block(Some(text), "service do"), None);
        assert_eq!(block(Some("  test do\n    x\n"), "test do"), None, "a block without an end is none");
    }
}
