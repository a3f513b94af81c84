//! Files that steer downloads. What was read can be written, and read again.

use std::fmt::Write as _;

use turbo_engine::model::Secret;
use turbo_engine::model::files::{
    CookieFile, InputEntry, MetalinkError, MetalinkFile, Netrc, SumEntry, Sums, parse_input_file, parse_metalink,
};
use turbo_engine::plan::names;

use super::fields::local_name;

/// Reads the data as a list in aria2's syntax.
pub fn input_file(data: &[u8]) {
    let Ok(entries) = parse_input_file(data) else { return };
    for entry in &entries {
        assert!(!entry.urls.is_empty() && entry.urls.iter().all(|url| matches!(url.scheme(), "http" | "https")));
    }
    assert!(entries.is_sorted_by(|before, after| before.line < after.line));
    let written: String = entries.iter().map(write_entry).collect();
    let again = parse_input_file(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written:?}"));
    assert_eq!(entries.len(), again.len());
    for (before, after) in entries.iter().zip(&again) {
        assert_eq!((&before.urls, &before.options), (&after.urls, &after.options), "{written:?}");
    }
}

fn write_entry(entry: &InputEntry) -> String {
    let urls: Vec<&str> = entry.urls.iter().map(url::Url::as_str).collect();
    let mut text = urls.join("\t");
    let options = &entry.options;
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, "\n {name}={value}");
        }
    };
    let field = |value: &http::HeaderValue| str::from_utf8(value.as_bytes()).expect("read from text").to_owned();
    option("out", options.out.as_ref().map(|path| path.display().to_string()));
    option("dir", options.dir.as_ref().map(|path| path.display().to_string()));
    option("checksum", options.checksum.as_ref().map(ToString::to_string));
    for (name, value) in &options.headers {
        option("header", Some(format!("{name}: {}", field(value))));
    }
    option("user-agent", options.user_agent.as_ref().map(field));
    option("referer", options.referer.as_ref().map(field));
    option("split", options.split.map(|count| count.to_string()));
    option("max-connection-per-server", options.max_connection_per_server.map(|count| count.to_string()));
    text + "\n"
}

/// Reads the data as a Metalink 4 document.
pub fn metalink(data: &[u8]) {
    let files = match parse_metalink(data) {
        Ok(files) => files,
        Err(MetalinkError::Xml { line, .. } | MetalinkError::Content { line, .. }) => {
            let lines = data.split(|byte| *byte == b'\n').count();
            return assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
        Err(_) => return,
    };
    assert!(files.len() <= 1000);
    files.iter().for_each(assert_file);
    // Escaped, a text may exceed the limit that it kept to before.
    let texts = files.iter().flat_map(|file| file.urls.iter().map(|url| url.url.as_str()).chain([file.name.as_str()]));
    if texts.map(escaped).any(|text| text.len() > 8 * 1024) {
        return;
    }
    let body: String = files.iter().map(write_file).collect();
    let written = format!("<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">{body}</metalink>");
    let again = parse_metalink(written.as_bytes()).unwrap_or_else(|error| panic!("{error:?}: {written}"));
    assert_eq!(files, again, "{written}");
}

fn assert_file(file: &MetalinkFile) {
    assert!(file.urls.len() <= 256 && file.urls.is_sorted_by_key(|url| url.priority));
    for url in &file.urls {
        assert!(matches!(url.url.scheme(), "http" | "https") && (1..=999_999).contains(&url.priority), "{url:?}");
    }
    if let (Some(size), Some(pieces)) = (file.size, &file.pieces) {
        assert_eq!(size.div_ceil(pieces.length.get()), pieces.digests.len() as u64);
    }
    if let Some(name) = names::foreign(&file.name) {
        local_name(&name);
    }
}

fn write_file(file: &MetalinkFile) -> String {
    let mut text = format!("<file name=\"{}\">", escaped(&file.name));
    if let Some(size) = file.size {
        let _ = write!(text, "<size>{size}</size>");
    }
    for digest in &file.digests {
        let _ = write!(text, "<hash type=\"{}\">{}</hash>", digest.algorithm().name(), digest.hex());
    }
    if let Some(pieces) = &file.pieces {
        let _ = write!(text, "<pieces length=\"{}\" type=\"{}\">", pieces.length, pieces.algorithm.name());
        for digest in &pieces.digests {
            let _ = write!(text, "<hash>{}</hash>", digest.hex());
        }
        text += "</pieces>";
    }
    for url in &file.urls {
        let (priority, location) = (url.priority, url.region.as_str());
        let url = escaped(url.url.as_str());
        let _ = write!(text, "<url priority=\"{priority}\" location=\"{location}\">{url}</url>");
    }
    text + "</file>"
}

/// Every character that means something to XML as a number.
fn escaped(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("&#{};", u32::from(c)) }).collect()
}

/// Reads the data as a cookies file.
pub fn cookies(data: &[u8]) {
    let Ok((cookies, skipped)) = CookieFile::parse(data) else { return };
    assert!(skipped.len() <= data.split(|byte| *byte == b'\n').count());
    let text = String::from_utf8_lossy(data);
    let named = text.lines().filter_map(|line| line.split('\t').next());
    for host in named.take(16).chain(["nobody.invalid"]) {
        let host = host.trim_start_matches("#HttpOnly_").trim_matches('.');
        let Ok(url) = format!("https://{host}/d/f").parse() else { continue };
        let field = cookies.field(&url, 0);
        // What is kept for a host says the same of it.
        assert_eq!(field, cookies.of_host(&url).and_then(|own| own.field(&url, 0)), "{host}");
        let Some(field) = field else { continue };
        let pairs = str::from_utf8(field.as_bytes()).expect("made of text");
        assert!(field.is_sensitive() && pairs.len() <= 8190, "{host}");
        assert!(
            pairs.split("; ").all(|pair| pair.contains('=') && text.contains(pair.split('=').next().unwrap_or("")))
        );
        assert!(host != "nobody.invalid" || text.to_ascii_lowercase().contains("invalid"), "{pairs:?}");
    }
}

/// Reads the data as a netrc file, then as three texts that are put into one.
pub fn netrc(data: &[u8]) {
    if let Ok((netrc, _)) = Netrc::parse(data) {
        // The first login of a host is the same whoever is asked for or not.
        for host in String::from_utf8_lossy(data).split_whitespace().take(16) {
            let any = netrc.login(host, None);
            let user = any.and_then(|login| login.login.as_deref());
            assert_eq!(user.map_or(any, |user| netrc.login(host, Some(user))), any, "{host}");
        }
    }
    let Ok(text) = str::from_utf8(data) else { return };
    let mut values = text.splitn(3, '\0');
    let (Some(host), Some(login), Some(password)) = (values.next(), values.next(), values.next()) else { return };
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    // It stands for bytes that are no text, and so is none.
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return;
    }
    let quoted = |text: &str| format!("\"{}\"", escaped(text));
    let written = format!("machine {} login {} password {}", quoted(host), quoted(login), quoted(password));
    let (netrc, skipped) = Netrc::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written:?}"));
    assert_eq!(skipped, [], "{written:?}");
    let found = netrc.login(host, Some(login)).expect("the host is in it");
    assert_eq!((found.login.as_deref(), found.password.as_ref().map(Secret::expose)), (Some(login), Some(password)));
}

/// Reads the data as a checksum list.
pub fn sums(data: &[u8]) {
    let Ok(sums) = Sums::parse(data) else { return };
    let entries = sums.entries();
    let Some(first) = entries.first() else {
        assert_eq!(sums.digests_of("any").expect("a bare digest is that of any file").len(), 1);
        return;
    };
    assert!(entries.is_sorted_by(|before, after| before.line < after.line));
    for entry in entries.iter().take(8) {
        // Entries that contradict each other give no digest at all.
        let Ok(digests) = sums.digests_of(&entry.name) else { continue };
        assert!(digests.is_sorted_by(|before, after| before.algorithm() > after.algorithm()), "{digests:?}");
    }
    assert!(!first.name.is_empty());
    let written: String = entries.iter().map(write_sum).collect();
    let again = Sums::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written:?}"));
    let content = |entries: &[SumEntry]| -> Vec<_> {
        entries.iter().map(|entry| (entry.name.clone(), entry.digest.clone())).collect()
    };
    assert_eq!(content(entries), content(again.entries()), "{written:?}");
}

fn write_sum(entry: &SumEntry) -> String {
    let escaped = entry.name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let name = if entry.digest.algorithm().name() == "sha-256" { "SHA256" } else { entry.digest.algorithm().name() };
    format!("\\{name} ({escaped}) = {}\n", entry.digest.hex())
}
