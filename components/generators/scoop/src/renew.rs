//! How Scoop finds new versions by itself: `checkver` and `autoupdate`.

use generator_common::{Fields, Findings, Value, web};

use crate::app::App;
use crate::blocks::Block;

/// Writes both, unless they are switched off. What people wrote stays while it
/// leads to the files of this release.
pub fn put(app: &App<'_>, blocks: &[Block], old: Option<&Fields>, fields: &mut Fields, findings: &mut Findings) {
    let is_checked = app.settings.switch("checkver", true, findings);
    let is_updated = app.settings.switch("autoupdate", true, findings);
    let kept = |name: &str| old.and_then(|old| old.get(name)).cloned();
    if !is_checked {
        return;
    }
    // `github` stands for the homepage, which may be another one now.
    let is_on_github = fields.text("homepage").and_then(web::github_repository).is_some();
    let old_check = kept("checkver").filter(|old| is_on_github || old.as_text() != Some("github"));
    let Some(checkver) = old_check.or_else(|| checkver(app, fields)) else {
        let message = "nobody knows where new versions are announced: no `checkver`, no `autoupdate`";
        findings.note(
            "scoop-no-checkver",
            message,
            "give the release a source on GitHub, or write `checkver` in the bucket",
        );
        fields.put("autoupdate", kept("autoupdate").unwrap_or(Value::Null));
        return;
    };
    fields.put("checkver", checkver);
    if !is_updated {
        return;
    }
    let old_update = kept("autoupdate");
    if let Some(update) = old_update.as_ref().filter(|update| leads_here(app, update, blocks)) {
        fields.put("autoupdate", update.clone());
        return;
    }
    if old_update.is_some() {
        let message = "the bucket's `autoupdate` does not lead to the files of this release: it is written anew";
        findings.warn(
            "scoop-autoupdate-rewritten",
            message,
            "see whether a hash or a rule of yours has to be added again",
        );
    }
    match autoupdate(app, blocks) {
        Some(update) => fields.put("autoupdate", Value::Map(update)),
        None => findings.note("scoop-no-autoupdate", "the URLs do not name the version: no `autoupdate`", ""),
    }
}

/// Versions are announced by the releases of a repository on GitHub, which the
/// release links to: no URL is made up.
fn checkver(app: &App<'_>, fields: &Fields) -> Option<Value> {
    let homepage = fields.text("homepage");
    let is_root = |url: &&str| {
        let whole = web::github_repository(url).map(|(owner, name)| format!("https://github.com/{owner}/{name}"));
        whole.is_some_and(|whole| url.trim_end_matches('/') == whole)
    };
    let url = homepage.into_iter().chain(app.release.link("source")).find(is_root)?;
    let prefix = app.release.tag.strip_suffix(app.version.as_str())?;
    let is_plain = matches!(prefix, "" | "v" | "V");
    let is_numeric = app.version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain && is_numeric && homepage == Some(url) {
        return Some(Value::text("github"));
    }
    let mut checkver = Fields::new();
    checkver.put("github", Value::text(url));
    if !is_plain || !is_numeric {
        let digits = if is_numeric { "[\\d.]+" } else { "[\\w.+-]+" };
        let prefix = if is_plain { "(?:v|V)?".to_owned() } else { escaped(prefix) };
        checkver.put("regex", Value::Text(format!("/releases/tag/{prefix}({digits})")));
    }
    Some(Value::Map(checkver))
}

/// A text as a regular expression that matches it and nothing else.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if !letter.is_alphanumeric() && !matches!(letter, '-' | '_' | '/' | ' ') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn autoupdate(app: &App<'_>, blocks: &[Block]) -> Option<Fields> {
    let mut arches = Fields::new();
    let mut update = Fields::new();
    let first = blocks.first()?;
    let is_same_dir = blocks.iter().all(|block| block.extract_dir == first.extract_dir);
    let is_same_bin = blocks.iter().all(|block| block.bin == first.bin);
    for block in blocks {
        let mut own = Fields::new();
        own.put("url", Value::Text(template(&block.url, &app.version)?));
        if !is_same_dir {
            own.put_text("extract_dir", block.extract_dir.as_deref().and_then(|dir| template(dir, &app.version)));
        }
        if !is_same_bin {
            own.put("bin", bin_template(&block.bin, &app.version));
        }
        if block.arch.is_empty() {
            update = own;
        } else {
            arches.put(block.arch, Value::Map(own));
        }
    }
    update.put("architecture", Value::Map(arches));
    if is_same_dir {
        update.put_text("extract_dir", first.extract_dir.as_deref().and_then(|dir| template(dir, &app.version)));
    }
    if is_same_bin {
        update.put("bin", bin_template(&first.bin, &app.version));
    }
    if let Some(url) = app.settings.text("autoupdate-hash-url") {
        let mut hash = Fields::new();
        hash.put("url", Value::text(url));
        update.put("hash", Value::Map(hash));
    }
    Some(update)
}

/// The programs, if a name among them changes with the version.
fn bin_template(bin: &Value, version: &str) -> Value {
    let changes = bin.all_texts().iter().any(|text| template(text, version).is_some());
    if changes { mapped(bin, &|text| template(text, version).unwrap_or_else(|| text.to_owned())) } else { Value::Null }
}

fn mapped(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::Text(text) => Value::Text(change(text)),
        Value::List(items) => Value::List(items.iter().map(|item| mapped(item, change)).collect()),
        other => other.clone(),
    }
}

/// The text with the version as a variable; none when it does not name it.
pub fn template(text: &str, version: &str) -> Option<String> {
    let forms = [
        (version.to_owned(), "$version"),
        (version.replace('.', "_"), "$underscoreVersion"),
        (version.replace('.', "-"), "$dashVersion"),
    ];
    for (form, variable) in forms {
        let replaced = replaced(text, &form, variable);
        if replaced != text {
            return Some(replaced);
        }
    }
    None
}

/// Replaces a version where it is not a part of a longer one.
fn replaced(text: &str, form: &str, variable: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(form) {
        let (before, behind) = (&rest[..at], &rest[at + form.len()..]);
        let done = out.clone() + before;
        let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
        // A number follows or precedes, perhaps behind a dot.
        let goes_on = |one: Option<char>, two| is_digit(one) || (one == Some('.') && is_digit(two));
        let (mut last, mut next) = (done.chars().rev(), behind.chars());
        let is_part = goes_on(last.next(), last.next()) || goes_on(next.next(), next.next());
        out = done;
        out.push_str(if is_part { form } else { variable });
        rest = behind;
    }
    out + rest
}

/// Whether every URL of the release is what a template makes of its version.
fn leads_here(app: &App<'_>, update: &Value, blocks: &[Block]) -> bool {
    blocks.iter().all(|block| {
        let own = update.get("architecture").and_then(|all| all.get(block.arch)).and_then(|own| own.get("url"));
        let url = own.or_else(|| update.get("url"));
        let Some(url) = url.and_then(Value::as_text) else { return false };
        // Variables that a rule of the bucket's own fills are beyond us.
        let is_ours = url.matches('$').count()
            == ["$version", "$underscoreVersion", "$dashVersion"]
                .iter()
                .map(|name| url.matches(name).count())
                .sum::<usize>();
        !is_ours || filled(url, &app.version) == block.url
    })
}

fn filled(template: &str, version: &str) -> String {
    template
        .replace("$underscoreVersion", &version.replace('.', "_"))
        .replace("$dashVersion", &version.replace('.', "-"))
        .replace("$version", version)
}
