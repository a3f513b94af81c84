//! `.netrc`: logins by host, as ftp wrote it and curl reads it.
//!
//! No error message repeats anything from the file: a misplaced token may be
//! half of a password.

use crate::model::{ExitCode, Explain, Secret};

/// Largest file that is read.
const MOST_BYTES: usize = 1024 * 1024;

/// What a host is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetrcLogin {
    /// The user.
    pub login: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

/// The entries of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Netrc(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None` is `default`, which matches every host.
    host: Option<String>,
    login: NetrcLogin,
}

/// Why a file, or a line of it, cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetrcError {
    /// Larger than any such file.
    #[error("the netrc file exceeds {MOST_BYTES} bytes")]
    TooLarge,
    /// Not text.
    #[error("line {line} of the netrc file is not UTF-8")]
    NotText {
        /// The line, counted from 1.
        line: usize,
    },
    /// A word where a keyword belongs.
    #[error(
        "line {line} of the netrc file has a word that is none of machine, default, login, password, account, macdef"
    )]
    Keyword {
        /// The line, counted from 1.
        line: usize,
    },
    /// A keyword with nothing behind it.
    #[error("line {line} of the netrc file ends before the value of `{keyword}`")]
    Value {
        /// The line, counted from 1.
        line: usize,
        /// The keyword.
        keyword: &'static str,
    },
    /// A login before any `machine`.
    #[error("line {line} of the netrc file has `{keyword}` before any `machine`")]
    NoMachine {
        /// The line, counted from 1.
        line: usize,
        /// The keyword.
        keyword: &'static str,
    },
    /// A quote that is never closed.
    #[error("the quote that opens on line {line} of the netrc file is never closed")]
    Quote {
        /// The line, counted from 1.
        line: usize,
    },
}

impl Explain for NetrcError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("put quotes around a value that has blanks, quotes or `#` in it".to_owned())
    }
}

impl Netrc {
    /// Reads the file: `machine HOST` or `default`, each followed by any of
    /// `login`, `password` and `account`; values may be quoted, with `\"`,
    /// `\\`, `\n`, `\r` and `\t` as escapes. A `#` in the place of a keyword
    /// starts a comment. Macros (`macdef`) are passed over up to a blank line.
    ///
    /// A line that cannot be read is left out, and given as an error beside
    /// the entries; so is everything up to the next `machine` or `default`: the
    /// line may have been one, and what follows another host's password. The
    /// entry that it is part of names its host but gives no login.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<NetrcError>), NetrcError> {
        if bytes.len() > MOST_BYTES {
            return Err(NetrcError::TooLarge);
        }
        let text = String::from_utf8_lossy(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes));
        let mut reader = Reader { words: Words::of(&text), entries: Vec::new(), line: Line::default(), is_lost: false };
        let mut skipped = Vec::new();
        loop {
            match reader.entry() {
                Ok(true) => {}
                Ok(false) => return Ok((Self(reader.entries), skipped)),
                Err(error) => {
                    skipped.push(error);
                    reader.leave_line_out(error);
                }
            }
        }
    }

    /// The first login for a host (compared without case and without a final
    /// dot), and for a user where one is given. `default` matches any host.
    pub fn login(&self, host: &str, user: Option<&str>) -> Option<&NetrcLogin> {
        let bare = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
        let host = bare(host);
        let matches = |entry: &&Entry| {
            entry.host.as_deref().is_none_or(|known| bare(known) == host)
                && user.is_none_or(|user| entry.login.login.as_deref().is_none_or(|known| known == user))
        };
        let found = self.0.iter().find(matches).map(|entry| &entry.login)?;
        (*found != NetrcLogin::default()).then_some(found)
    }
}

/// Reads entries word by word.
struct Reader<'a> {
    words: Words<'a>,
    entries: Vec<Entry>,
    line: Line,
    /// Whether it is unknown whose login comes next.
    is_lost: bool,
}

/// What there was before the line of the last keyword.
#[derive(Default)]
struct Line {
    number: usize,
    entries: usize,
    login: NetrcLogin,
    /// Keywords that it has had so far.
    keywords: usize,
}

impl Reader<'_> {
    /// Reads a keyword with its value; false at the end.
    fn entry(&mut self) -> Result<bool, NetrcError> {
        self.words.skip_blanks();
        if self.line.number != self.words.line {
            let login = self.entries.last().map(|entry| entry.login.clone()).unwrap_or_default();
            self.line = Line { number: self.words.line, entries: self.entries.len(), login, keywords: 0 };
        }
        let line = self.words.line;
        let Some(word) = self.words.next()? else { return Ok(false) };
        if word.starts_with('#') {
            self.words.skip_line();
            return Ok(true);
        }
        let keyword = Keyword::of(&word).ok_or(NetrcError::Keyword { line })?;
        self.read(keyword)?;
        self.line.keywords += 1;
        Ok(true)
    }

    fn read(&mut self, keyword: Keyword) -> Result<(), NetrcError> {
        let line = self.words.line;
        if matches!(keyword, Keyword::Macro) {
            self.words.skip_macro();
            return Ok(());
        }
        let value = if matches!(keyword, Keyword::Default) { String::new() } else { self.words.value(keyword)? };
        let entry = |host| Entry { host, login: NetrcLogin::default() };
        match keyword {
            Keyword::Machine => self.entries.push(entry(Some(value))),
            Keyword::Default => self.entries.push(entry(None)),
            _ if self.is_lost => return Ok(()),
            _ => {
                let last = self.entries.last_mut();
                let last = last.ok_or(NetrcError::NoMachine { line, keyword: keyword.name() })?;
                match keyword {
                    Keyword::Login => last.login.login = Some(value),
                    Keyword::Password => last.login.password = Some(Secret::new(value)),
                    _ => {}
                }
                return Ok(());
            }
        }
        self.is_lost = false;
        Ok(())
    }

    /// Goes on at the next line, without what this one has said.
    fn leave_line_out(&mut self, error: NetrcError) {
        self.words.leave_line(self.line.number);
        // An entry that began on this line keeps its host, for which `default`
        // is not meant, and half a login is none.
        let began_here = self.entries.len() > self.line.entries;
        self.entries.truncate(self.line.entries + 1);
        let is_no_part = matches!(error, NetrcError::Keyword { .. }) && self.line.keywords == 0;
        if let Some(entry) = self.entries.last_mut() {
            entry.login = if is_no_part && !began_here { self.line.login.clone() } else { NetrcLogin::default() };
        }
        self.is_lost = true;
    }
}

#[derive(Clone, Copy)]
enum Keyword {
    Machine,
    Default,
    Login,
    Password,
    Account,
    Macro,
}

impl Keyword {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "machine" => Self::Machine,
            "default" => Self::Default,
            "login" | "user" => Self::Login,
            "password" | "passwd" => Self::Password,
            "account" => Self::Account,
            "macdef" => Self::Macro,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Default => "default",
            Self::Login => "login",
            Self::Password => "password",
            Self::Account => "account",
            Self::Macro => "macdef",
        }
    }
}

/// The words of the file: separated by blanks and line ends, or quoted.
struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn skip_blanks(&mut self) {
        while self.rest.starts_with(char::is_whitespace) {
            self.bump();
        }
    }

    fn next(&mut self) -> Result<Option<String>, NetrcError> {
        self.skip_blanks();
        let line = self.line;
        let word = match self.rest.chars().next() {
            None => return Ok(None),
            Some('"') => self.quoted()?,
            Some(_) => self.bare(),
        };
        // What replaces bytes that are no text cannot have been meant.
        if word.contains(char::REPLACEMENT_CHARACTER) { Err(NetrcError::NotText { line }) } else { Ok(Some(word)) }
    }

    fn value(&mut self, keyword: Keyword) -> Result<String, NetrcError> {
        let line = self.line;
        self.next()?.ok_or(NetrcError::Value { line, keyword: keyword.name() })
    }

    fn bare(&mut self) -> String {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    /// A quote ends on its line: one that is never closed must not swallow the
    /// rest of the file.
    fn quoted(&mut self) -> Result<String, NetrcError> {
        let unclosed = NetrcError::Quote { line: self.line };
        self.bump();
        let mut word = String::new();
        loop {
            if self.rest.starts_with('\n') {
                return Err(unclosed);
            }
            match self.bump().ok_or(unclosed)? {
                '"' => return Ok(word),
                '\\' => word.push(match self.bump().ok_or(unclosed)? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    plain => plain,
                }),
                plain => word.push(plain),
            }
        }
    }

    /// Ends before the line end, which a comment does not own.
    fn skip_line(&mut self) {
        self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
    }

    /// Ends at the end of a line, unless that lies behind.
    fn leave_line(&mut self, line: usize) {
        if self.line <= line {
            self.skip_line();
        }
    }

    /// The name of the macro and its lines end at a blank line.
    fn skip_macro(&mut self) {
        self.skip_line();
        self.bump();
        loop {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let blank = self.rest[..end].trim().is_empty();
            self.rest = &self.rest[end..];
            if self.bump().is_none() || blank {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Netrc {
        let (netrc, skipped) = Netrc::parse(text.as_bytes()).unwrap();
        assert_eq!(skipped, [], "{text}");
        netrc
    }

    fn login(netrc: &Netrc, host: &str) -> Option<(String, String)> {
        let found = netrc.login(host, None)?;
        let password = found.password.as_ref().map_or("", Secret::expose);
        Some((found.login.clone().unwrap_or_default(), password.to_owned()))
    }

    fn pair(user: &str, password: &str) -> (String, String) {
        (user.into(), password.into())
    }

    #[test]
    fn finds_the_first_entry_of_a_host() {
        let netrc = read(
            "machine a.example login me password one\nmachine\tb.example\n\tlogin you\n\tpassword two\nmachine a.example login x password y\n",
        );
        assert_eq!(login(&netrc, "A.example."), Some(pair("me", "one")));
        assert_eq!(login(&netrc, "b.example"), Some(pair("you", "two")));
        assert_eq!(login(&netrc, "sub.a.example"), None);
        assert_eq!(netrc.login("a.example", Some("x")).unwrap().password, Some(Secret::new("y")));
        assert_eq!(netrc.login("b.example", Some("x")), None);
    }

    #[test]
    fn default_stands_for_the_rest() {
        let netrc = read("machine a.example login me password one default login anonymous password user@site");
        assert_eq!(login(&netrc, "a.example"), Some(pair("me", "one")));
        assert_eq!(login(&netrc, "else.example"), Some(pair("anonymous", "user@site")));
    }

    #[test]
    fn reads_quotes_and_comments() {
        let netrc = read(
            "# machine no.example\nmachine a.example # login no\nlogin \"a b\" password \"x\\\"y\\\\z\\tq\" account acc\nmachine b.example password #hash\n",
        );
        assert_eq!(login(&netrc, "a.example"), Some(pair("a b", "x\"y\\z\tq")));
        assert_eq!(login(&netrc, "b.example"), Some(pair("", "#hash")));
        assert_eq!(login(&netrc, "no.example"), None);
    }

    #[test]
    fn passes_over_macros() {
        let netrc = read(
            "machine a.example login me\nmacdef init\ncd /pub\nmachine trap.example\n\nmachine b.example login you\nmacdef end\nmget *",
        );
        assert_eq!(login(&netrc, "b.example"), Some(pair("you", "")));
        assert_eq!(login(&netrc, "trap.example"), None);
    }

    #[test]
    fn says_which_line_it_cannot_follow() {
        let error = |text: &str| {
            let (_, skipped) = Netrc::parse(text.as_bytes()).unwrap();
            assert_eq!(skipped.len(), 1, "{skipped:?}");
            skipped[0]
        };
        assert_eq!(error("machine a.example\nlogin me password hunter two"), NetrcError::Keyword { line: 2 });
        assert_eq!(error("login me"), NetrcError::NoMachine { line: 1, keyword: "login" });
        assert_eq!(error("machine a\n\npassword"), NetrcError::Value { line: 3, keyword: "password" });
        assert_eq!(error("machine a\npassword \"abc\n"), NetrcError::Quote { line: 2 });
        assert_eq!(Netrc::parse(b"machine a\nlogin \xff").unwrap().1, [NetrcError::NotText { line: 2 }]);
        assert_eq!(Netrc::parse(&vec![b' '; MOST_BYTES + 1]), Err(NetrcError::TooLarge));
    }

    #[test]
    fn a_line_that_cannot_be_read_costs_no_other_entry() {
        let file =
            "machine a login one password 1\nmachine b login two password 2 3\nmachine c login three password 3\n";
        let (netrc, skipped) = Netrc::parse(file.as_bytes()).unwrap();
        assert_eq!(skipped, [NetrcError::Keyword { line: 2 }]);
        assert_eq!((login(&netrc, "a"), login(&netrc, "c")), (Some(pair("one", "1")), Some(pair("three", "3"))));
        assert_eq!(login(&netrc, "b"), None);
    }

    /// Half a login is none, and a misspelt `machine` must not give the login
    /// of its host to the one before.
    #[test]
    fn no_login_goes_to_another_host() {
        let file = "machine a\n  login one\n  password 1\nmachin b\n  login two\n  password 2\n\
                    machine c\n  login three\n  password \"3\nmachine d\n  login four\n  password 4\n\
                    default login anonymous password x\n";
        let (netrc, skipped) = Netrc::parse(file.as_bytes()).unwrap();
        assert_eq!(skipped, [NetrcError::Keyword { line: 4 }, NetrcError::Quote { line: 9 }]);
        assert_eq!((login(&netrc, "c"), login(&netrc, "d")), (None, Some(pair("four", "4"))));
        assert_eq!((login(&netrc, "a"), login(&netrc, "b")), (Some(pair("one", "1")), Some(pair("anonymous", "x"))));
    }

    #[test]
    fn shows_no_password() {
        let netrc = read("machine a.example login me password hunter2");
        assert!(!format!("{netrc:?}").contains("hunter2"));
        let (_, skipped) = Netrc::parse(b"machine a.example password hunter 2").unwrap();
        assert!(!skipped[0].to_string().contains("hunter") && !format!("{skipped:?}").contains('2'));
    }

    proptest! {
        #[test]
        fn a_quoted_password_survives(password in "[ -~é]{0,20}") {
            let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
            let netrc = read(&format!("machine a.example login me password \"{quoted}\""));
            prop_assert_eq!(login(&netrc, "a.example"), Some(pair("me", &password)));
        }

        #[test]
        fn any_text_is_survived(text in "(machine|default|login|password|macdef|[ \n\"\\\\#a]){0,30}") {
            let _ = Netrc::parse(text.as_bytes());
        }
    }
}
