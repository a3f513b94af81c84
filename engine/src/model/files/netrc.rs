//! `.netrc`: logins by host, as ftp wrote it and curl reads it.
//!
//! No error message repeats anything from the file: a misplaced token may be
//! half of a password.

use std::iter::Peekable;
use std::str::Chars;

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

/// Why a file cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetrcError {
    /// Larger than any such file.
    #[error("the netrc file exceeds {MOST_BYTES} bytes")]
    TooLarge,
    /// Not text.
    #[error("the netrc file is not UTF-8")]
    NotText,
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
    pub fn parse(bytes: &[u8]) -> Result<Self, NetrcError> {
        if bytes.len() > MOST_BYTES {
            return Err(NetrcError::TooLarge);
        }
        let text = str::from_utf8(bytes).map_err(|_| NetrcError::NotText)?;
        let mut words = Words { chars: text.chars().peekable(), line: 1 };
        let mut entries = Vec::new();
        while let Some(word) = words.next()? {
            if word.starts_with('#') {
                words.skip_line();
                continue;
            }
            let keyword = Keyword::of(&word).ok_or(NetrcError::Keyword { line: words.line })?;
            read(keyword, &mut words, &mut entries)?;
        }
        Ok(Self(entries))
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
        self.0.iter().find(matches).map(|entry| &entry.login)
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

fn read(keyword: Keyword, words: &mut Words<'_>, entries: &mut Vec<Entry>) -> Result<(), NetrcError> {
    let entry = |host| Entry { host, login: NetrcLogin::default() };
    match keyword {
        Keyword::Machine => entries.push(entry(Some(words.value(keyword)?))),
        Keyword::Default => entries.push(entry(None)),
        Keyword::Macro => words.skip_macro(),
        Keyword::Login => last(keyword, words.line, entries)?.login = Some(words.value(keyword)?),
        Keyword::Password => last(keyword, words.line, entries)?.password = Some(Secret::new(words.value(keyword)?)),
        Keyword::Account => {
            last(keyword, words.line, entries)?;
            words.value(keyword)?;
        }
    }
    Ok(())
}

fn last(keyword: Keyword, line: usize, entries: &mut [Entry]) -> Result<&mut NetrcLogin, NetrcError> {
    let entry = entries.last_mut().ok_or(NetrcError::NoMachine { line, keyword: keyword.name() })?;
    Ok(&mut entry.login)
}

/// The words of the file: separated by blanks and line ends, or quoted.
struct Words<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Words<'_> {
    fn bump(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn next(&mut self) -> Result<Option<String>, NetrcError> {
        while self.chars.peek().is_some_and(|c| c.is_whitespace()) {
            self.bump();
        }
        match self.chars.peek() {
            None => Ok(None),
            Some('"') => self.quoted().map(Some),
            Some(_) => Ok(Some(self.bare())),
        }
    }

    fn value(&mut self, keyword: Keyword) -> Result<String, NetrcError> {
        let line = self.line;
        self.next()?.ok_or(NetrcError::Value { line, keyword: keyword.name() })
    }

    fn bare(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.chars.next_if(|c| !c.is_whitespace()) {
            word.push(c);
        }
        word
    }

    fn quoted(&mut self) -> Result<String, NetrcError> {
        let unclosed = NetrcError::Quote { line: self.line };
        self.bump();
        let mut word = String::new();
        loop {
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
        while self.chars.next_if(|c| *c != '\n').is_some() {}
    }

    /// The name of the macro and its lines end at a blank line.
    fn skip_macro(&mut self) {
        self.skip_line();
        self.bump();
        loop {
            let mut blank = true;
            while let Some(c) = self.chars.next_if(|c| *c != '\n') {
                blank &= c.is_whitespace();
            }
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
        Netrc::parse(text.as_bytes()).unwrap()
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
        let error = |text: &str| Netrc::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error("machine a.example\nlogin me password hunter two"), NetrcError::Keyword { line: 2 });
        assert_eq!(error("login me"), NetrcError::NoMachine { line: 1, keyword: "login" });
        assert_eq!(error("machine a\n\npassword"), NetrcError::Value { line: 3, keyword: "password" });
        assert_eq!(error("machine a\npassword \"abc\n"), NetrcError::Quote { line: 2 });
        assert_eq!(Netrc::parse(b"\xff"), Err(NetrcError::NotText));
        assert_eq!(Netrc::parse(&vec![b' '; MOST_BYTES + 1]), Err(NetrcError::TooLarge));
    }

    #[test]
    fn shows_no_password() {
        let netrc = read("machine a.example login me password hunter2");
        assert!(!format!("{netrc:?}").contains("hunter2"));
        let error = Netrc::parse(b"machine a.example password hunter 2").unwrap_err();
        assert!(!error.to_string().contains("hunter") && !format!("{error:?}").contains('2'));
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
