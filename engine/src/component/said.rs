//! What guests said in this run: each line is told once, and none without end.
//!
//! A rule is asked about every file of a list. What it logs each time is told
//! the first time, so that a thousand files do not make a thousand lines.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Most different lines of one component in a run.
const MOST_LINES: usize = 100;
/// Most components whose lines are remembered.
const MOST_COMPONENTS: usize = 1_000;

/// Lines by the component that said them.
static SAID: Mutex<Said> = Mutex::new(Said(BTreeMap::new()));

struct Said(BTreeMap<String, HashSet<String>>);

/// What to do with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// It is new.
    Line,
    /// It is one too many: the only thing to tell is that there are more.
    ThereIsMore,
    /// It was told before.
    Nothing,
}

/// What to do with a line that a component says now.
pub(super) fn say(component: &str, line: &str) -> Tell {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).say(component, line)
}

impl Said {
    fn say(&mut self, component: &str, line: &str) -> Tell {
        if self.0.len() >= MOST_COMPONENTS && !self.0.contains_key(component) {
            return Tell::Nothing;
        }
        let lines = self.0.entry(component.to_owned()).or_default();
        if lines.contains(line) || lines.len() > MOST_LINES {
            return Tell::Nothing;
        }
        lines.insert(line.to_owned());
        if lines.len() > MOST_LINES { Tell::ThereIsMore } else { Tell::Line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_once_and_a_flood_is_cut() {
        let mut said = Said(BTreeMap::new());
        assert_eq!(said.say("a", "line"), Tell::Line);
        assert_eq!(said.say("a", "line"), Tell::Nothing);
        assert_eq!(said.say("b", "line"), Tell::Line);
        let told: Vec<Tell> = (0..1_000).map(|number| said.say("a", &number.to_string())).collect();
        assert_eq!(told.iter().filter(|tell| **tell == Tell::Line).count(), MOST_LINES - 1);
        assert_eq!(told.iter().filter(|tell| **tell == Tell::ThereIsMore).count(), 1);
    }
}
