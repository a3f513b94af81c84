//! A commit as `git fast-import` reads it: one stream, no work tree, no index,
//! and nothing that a filter or an attribute could change.

use std::io::Write as _;

use crate::model::delivery::{GitChange, OutputFile};
use crate::publish::deliver::Author;

/// A file to write, with the mode that it has in the repository.
pub(super) struct Write<'a> {
    pub file: &'a OutputFile,
    pub is_executable: bool,
}

/// The stream of one commit on top of `base`, on the branch `refs/heads/work`.
pub(super) fn stream(change: &GitChange, author: &Author, base: &str, writes: &[Write<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let who = format!("{} <{}> {} +0000", author.name, author.email, author.seconds);
    let message = message(&change.title, &change.body);
    let mut put = |bytes: &[u8]| out.write_all(bytes).expect("memory takes all");
    put(format!("commit refs/heads/work\nauthor {who}\ncommitter {who}\ndata {}\n", message.len()).as_bytes());
    put(message.as_bytes());
    put(format!("\nfrom {base}\n").as_bytes());
    for path in &change.deletes {
        put(format!("D {}\n", quoted(path)).as_bytes());
    }
    for Write { file, is_executable } in writes {
        let mode = if *is_executable { "100755" } else { "100644" };
        put(format!("M {mode} inline {}\ndata {}\n", quoted(&file.path), file.content.len()).as_bytes());
        put(&file.content);
        put(b"\n");
    }
    put(b"\ndone\n");
    out
}

/// Subject and body of a commit.
pub(in crate::publish::deliver) fn message(title: &str, body: &str) -> String {
    let title: String = title.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let body: String = body.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect();
    match body.trim() {
        "" => format!("{}\n", title.trim()),
        body => format!("{}\n\n{body}\n", title.trim()),
    }
}

fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::GitRoute;

    #[test]
    fn content_cannot_become_a_command() {
        let file = OutputFile { path: "bucket/t.json".into(), content: b"x\nD \"bucket\"\ndone\n".to_vec() };
        let change = GitChange {
            repository: "me/bucket".into(),
            base: "main".into(),
            branch: None,
            title: "t: Add\nD \"x\"".into(),
            body: "line\r\nother\n".into(),
            writes: vec![file.clone()],
            deletes: vec!["old".into()],
            route: GitRoute::Push,
        };
        let author = Author { name: "Me".into(), email: "me@example.org".into(), seconds: 1 };
        let text = stream(&change, &author, "0123", &[Write { file: &file, is_executable: false }]);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "commit refs/heads/work\nauthor Me <me@example.org> 1 +0000\ncommitter Me <me@example.org> 1 +0000\n\
             data 25\nt: Add D \"x\"\n\nline\nother\n\nfrom 0123\nD \"old\"\n\
             M 100644 inline \"bucket/t.json\"\ndata 18\nx\nD \"bucket\"\ndone\n\n\ndone\n"
        );
    }
}
