//! URLs as far as a manifest cares.

/// Whether a text can stand as a link: http or https, a host, printable ASCII.
pub fn is_link(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty()
        && url.len() <= 2048
        && url.bytes().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\' | b'^')
        })
}

/// Owner and name of the repository on GitHub that a URL lies in.
pub fn github_repository(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let rest = rest.strip_prefix("github.com/").or_else(|| rest.strip_prefix("www.github.com/"))?;
    let mut parts = rest.split(['/', '?', '#']);
    let owner = parts.next()?;
    let name = parts.next()?.trim_end_matches(".git");
    (is_name(owner) && is_name(name)).then_some((owner, name))
}

/// Whether a text can be an owner's or a repository's name.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_repositories() {
        assert!(is_link("https://tool.example/a?b#c") && is_link("http://tool.example"));
        for bad in ["ftp://a", "https://", "https:///x", "https://a b", "https://é.example", "javascript:1"] {
            assert!(!is_link(bad), "{bad}");
        }
        assert_eq!(github_repository("https://github.com/a/b.git"), Some(("a", "b")));
        assert_eq!(github_repository("https://github.com/a/b/releases/x"), Some(("a", "b")));
        assert_eq!(github_repository("https://github.com.example/a/b"), None);
        assert_eq!(github_repository("https://github.com/a"), None);
    }
}
