//! Two versions of a file, as the lines in which they differ.

use std::fmt::Write as _;

use similar::TextDiff;

/// The unified difference of a file that is to be written or removed; what is
/// not text is told by its length.
pub(super) fn unified(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    if before == after {
        return format!("  {path} is as it should be\n");
    }
    let side = |content: Option<&[u8]>, prefix: &str| match content {
        Some(_) => format!("{prefix}/{path}"),
        None => "/dev/null".into(),
    };
    let (from, to) = (side(before, "a"), side(after, "b"));
    let text = |content: Option<&[u8]>| std::str::from_utf8(content.unwrap_or_default()).ok().map(str::to_owned);
    let (Some(old), Some(new)) = (text(before), text(after)) else {
        let length = |content: Option<&[u8]>| content.map_or(0, <[u8]>::len);
        return format!("--- {from}\n+++ {to}\nbinary, {} -> {} bytes\n", length(before), length(after));
    };
    let mut shown = String::new();
    let difference = TextDiff::from_lines(&old, &new);
    write!(shown, "{}", difference.unified_diff().header(&from, &to)).expect("a string takes all");
    // A carriage return is content; on a terminal it would hide what it ends.
    shown.replace('\r', "")
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn both_sides_are_named_and_marked() {
        let shown = unified("bucket/t.json", Some(b"{\r\n  1\r\n}\r\n"), Some(b"{\r\n  2\r\n}\r\n"));
        assert_eq!(shown, "--- a/bucket/t.json\n+++ b/bucket/t.json\n@@ -1,3 +1,3 @@\n {\n-  1\n+  2\n }\n");
        assert!(unified("new", None, Some(b"x\n")).starts_with("--- /dev/null\n+++ b/new\n"));
        assert!(unified("old", Some(b"x\n"), None).contains("+++ /dev/null\n"));
        assert_eq!(unified("blob", None, Some(b"\xff\xfe")), "--- /dev/null\n+++ b/blob\nbinary, 0 -> 2 bytes\n");
        assert_eq!(unified("same", Some(b"x"), Some(b"x")), "  same is as it should be\n");
    }
}
