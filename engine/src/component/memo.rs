//! Answers already given.
//!
//! A rule's answer depends on its settings and the question alone, so it may
//! be given again for as long as the generation of rules lives; each has a
//! memo of its own. Answers that were spoiled by a failing rule are not kept.

use std::hash::Hash;
use std::sync::Arc;

use moka::Equivalent;
use moka::sync::Cache;

use super::Answer;
use crate::model::Region;

/// What an entry weighs beside its texts.
const ENTRY_BYTES: usize = 256;

/// Answers by URL and region, bounded by weight; none where none may be kept.
pub(super) struct Memo(Option<Cache<Key, Arc<Answer>>>);

#[derive(PartialEq, Eq, Hash)]
struct Key {
    url: Box<str>,
    region: Region,
}

/// A key for looking up without allocating. Hashes as [`Key`] does: field by
/// field, a boxed text like a borrowed one.
#[derive(Hash)]
struct KeyRef<'a> {
    url: &'a str,
    region: Region,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.url == &*key.url && self.region == key.region
    }
}

impl Memo {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self((max_bytes > 0).then(|| Cache::builder().max_capacity(max_bytes).weigher(weigh).build()))
    }

    pub(super) fn get(&self, url: &str, region: Region) -> Option<Arc<Answer>> {
        self.0.as_ref()?.get(&KeyRef { url, region })
    }

    /// Forgets every answer. Whoever asks for one at the same time may still
    /// get it.
    pub(super) fn clear(&self) {
        if let Some(answers) = &self.0 {
            answers.invalidate_all();
            answers.run_pending_tasks();
        }
    }

    pub(super) fn keep(&self, url: &str, region: Region, answer: &Arc<Answer>) {
        if let Some(answers) = &self.0 {
            answers.insert(Key { url: url.into(), region }, Arc::clone(answer));
        }
    }
}

fn weigh(key: &Key, answer: &Arc<Answer>) -> u32 {
    let candidates: usize = answer.candidates.iter().map(|candidate| candidate.url.as_str().len() + ENTRY_BYTES).sum();
    let texts: usize = answer.advice.iter().map(|advice| advice.text.len() + ENTRY_BYTES).sum();
    u32::try_from(key.url.len() + candidates + texts + ENTRY_BYTES).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_by_url_and_region() {
        let memo = Memo::new(1 << 20);
        let answer = Arc::new(Answer::default());
        memo.keep("https://a.example/", Region::WORLD, &answer);
        assert!(memo.get("https://a.example/", Region::WORLD).is_some_and(|found| Arc::ptr_eq(&found, &answer)));
        assert!(memo.get("https://a.example/", "cn".parse().unwrap()).is_none());
        assert!(memo.get("https://a.example/x", Region::WORLD).is_none());
    }
}
