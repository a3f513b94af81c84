//! Shapes of paths: what a rule of the table matches, and what it makes of it.
//!
//! A shape is literal text with captures. `{name}` takes text without a slash,
//! up to the next occurrence of the character behind the capture; as the last
//! capture it takes all but the text that the shape ends with. `{name..}` may
//! only come last and takes slashes too. A capture never takes nothing, and a
//! name used twice must take the same text twice.
//!
//! The build script compiles this file too: the table is checked when it is
//! built, the user's settings when they are read.

/// What the captures of one path took, by name.
pub type Captures<'a> = Vec<(&'static str, &'a str)>;

/// One part of a shape.
enum Part {
    Literal(&'static str),
    /// A capture, and the text of the shape behind it.
    Capture {
        name: &'static str,
        takes_slashes: bool,
        behind: &'static str,
    },
}

/// Takes a path apart; `None` when it has another shape.
pub fn capture<'a>(shape: &'static str, path: &'a str) -> Option<Captures<'a>> {
    let mut captures = Captures::new();
    let mut rest = path;
    for part in parts(shape) {
        match part {
            Part::Literal(text) => rest = rest.strip_prefix(text)?,
            Part::Capture { name, takes_slashes, behind } => {
                let value = match value_of(&captures, name) {
                    Some(known) => known,
                    None => take(rest, behind)?,
                };
                if value.is_empty() || (!takes_slashes && value.contains('/')) {
                    return None;
                }
                rest = rest.strip_prefix(value)?;
                captures.push((name, value));
            }
        }
    }
    rest.is_empty().then_some(captures)
}

/// Fills a template's captures in.
pub fn fill(template: &'static str, captures: &[(&'static str, &str)]) -> String {
    parts(template)
        .map(|part| match part {
            Part::Literal(text) => text,
            Part::Capture { name, .. } => value_of(captures, name).unwrap_or_default(),
        })
        .collect()
}

/// The text that every path of a shape begins with.
pub fn prefix(shape: &'static str) -> &'static str {
    shape.split('{').next().unwrap_or(shape)
}

/// Says what is wrong with a shape, or with a template that names captures
/// its shape does not have.
pub fn check(shape: &'static str, templates: &[&'static str]) -> Result<(), String> {
    check_shape(shape).map_err(|problem| [shape, ": ", &problem].concat())?;
    for template in templates {
        check_braces(template).map_err(|problem| [template, ": ", &problem].concat())?;
        for name in captures_of(template) {
            if name.ends_with("..") {
                return Err([template, ": write {", name.trim_end_matches('.'), "} without dots here"].concat());
            }
            if !captures_of(shape).any(|known| known.trim_end_matches('.') == name) {
                return Err([template, ": the path captures no {", name, "}"].concat());
            }
        }
    }
    Ok(())
}

fn check_shape(shape: &'static str) -> Result<(), String> {
    if !shape.starts_with('/') {
        return Err("a path begins with /".to_owned());
    }
    check_braces(shape)?;
    let last = captures_of(shape).count();
    for (position, name) in captures_of(shape).enumerate() {
        if name.ends_with("..") && position + 1 != last {
            return Err(["{", name, "} may only be the last capture"].concat());
        }
    }
    if shape.split('}').skip(1).any(|behind| behind.starts_with('{')) {
        return Err("two captures need text between them".to_owned());
    }
    Ok(())
}

fn check_braces(text: &'static str) -> Result<(), String> {
    for piece in text.split('{').skip(1) {
        let name = piece.split_once('}').map(|(name, _)| name.strip_suffix("..").unwrap_or(name));
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !name.is_some_and(is_name) {
            return Err("a capture is {name} or {name..}, of letters and digits".to_owned());
        }
    }
    // Each piece but the first has one closing brace, so others are stray.
    if text.split('}').count() != text.split('{').count() {
        return Err("a } without its {".to_owned());
    }
    Ok(())
}

fn captures_of(shape: &'static str) -> impl Iterator<Item = &'static str> {
    shape.split('{').skip(1).filter_map(|piece| piece.split_once('}')).map(|(name, _)| name)
}

fn parts(shape: &'static str) -> impl Iterator<Item = Part> {
    let mut rest = shape;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match rest.split_once('{') {
            Some(("", capture)) => {
                let (name, behind) = capture.split_once('}')?;
                rest = behind;
                let bare = name.strip_suffix("..").unwrap_or(name);
                Some(Part::Capture { name: bare, takes_slashes: bare.len() < name.len(), behind })
            }
            Some((literal, _)) => {
                rest = rest.strip_prefix(literal)?;
                Some(Part::Literal(literal))
            }
            None => Some(Part::Literal(std::mem::take(&mut rest))),
        }
    })
}

/// The text that a capture takes, by what stands behind it in the shape.
fn take<'a>(rest: &'a str, behind: &'static str) -> Option<&'a str> {
    match behind.chars().next() {
        Some(stop) if behind.contains('{') => rest.split_once(stop).map(|(value, _)| value),
        _ => rest.strip_suffix(behind),
    }
}

fn value_of<'a>(captures: &[(&'static str, &'a str)], name: &str) -> Option<&'a str> {
    captures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value<'a>(shape: &'static str, path: &'a str, name: &str) -> Option<&'a str> {
        value_of(&capture(shape, path)?, name)
    }

    #[test]
    fn a_capture_ends_at_the_next_character_of_the_shape() {
        assert_eq!(value("/{a}/{b}", "/x/y", "a"), Some("x"));
        assert_eq!(value("/{a}-{b}.tar", "/x-y-z.tar", "a"), Some("x"));
        assert_eq!(value("/{a}-{b}.tar", "/x-y-z.tar", "b"), Some("y-z"));
    }

    #[test]
    fn the_last_capture_takes_all_but_the_end_of_the_shape() {
        assert_eq!(value("/{file}.tgz", "/a-1.2.tgz", "file"), Some("a-1.2"));
        assert_eq!(value("/pool/{rest..}", "/pool/a/b/c", "rest"), Some("a/b/c"));
        assert_eq!(value("/{rest..}.iso", "/a/b.iso", "rest"), Some("a/b"));
    }

    #[test]
    fn a_name_used_twice_takes_the_same_text_twice() {
        let shape = "/crates/{name}/{name}-{version}.crate";
        assert_eq!(value(shape, "/crates/a-b/a-b-1.0.0.crate", "version"), Some("1.0.0"));
        assert_eq!(value(shape, "/crates/a-b/a-1.0.0.crate", "version"), None);
    }

    #[test]
    fn another_shape_is_no_match() {
        for path in ["/x", "/x/", "//y", "/x/y/z", "x/y", ""] {
            assert_eq!(capture("/{a}/{b}", path), None, "{path}");
        }
    }

    #[test]
    fn a_wrong_shape_is_told() {
        for (shape, template, wanted) in [
            ("pool", "", "pool: a path begins with /"),
            ("/{}", "", "/{}: a capture is"),
            ("/{a", "", "/{a: a capture is"),
            ("/a}", "", "/a}: a } without"),
            ("/{a..}/{b}", "", "/{a..}/{b}: {a..} may only be the last"),
            ("/{a}{b}", "", "/{a}{b}: two captures"),
            ("/{a}", "/{b}", "/{b}: the path captures no {b}"),
            ("/{a..}", "/{a..}", "/{a..}: write {a} without dots"),
        ] {
            assert!(check(shape, &[template]).unwrap_err().starts_with(wanted), "{shape}");
        }
        assert_eq!(check("/{a}/{b..}.iso", &["/x/{b}-{a}"]), Ok(()));
    }

    proptest! {
        #[test]
        fn filling_the_shape_itself_gives_the_path(path in "/[a-z/.-]{0,20}") {
            for (shape, template) in [("/{a}/{b..}", "/{a}/{b}"), ("/{a}-{b}.{c}", "/{a}-{b}.{c}"), ("/{a}/{a}-{b}", "/{a}/{a}-{b}")] {
                if let Some(captures) = capture(shape, &path) {
                    prop_assert_eq!(fill(template, &captures), path.clone());
                }
            }
        }
    }
}
