//! Which container a word on the command line means: its id, its name, or the unique beginning of its id.

use super::{Entry, Root};
use crate::error::{Error, Result};
use crate::packed::{sentence, text};
use crate::text::{is_id, joined};

pub fn unknown(word: &str) -> Error {
    Error::new(text!("%: no such container; `contain ps -a` lists them", word))
}

impl Root {
    /// The container of this id, or of this name, or the one whose id begins so. Errors: there is none, or more than one.
    pub fn select(&self, word: &'static str) -> Result<Entry> {
        let unknown = || unknown(word);
        if is_id(word.as_bytes()) {
            return self.entry(word)?.ok_or_else(unknown);
        }
        if let Some(entry) = self.holder(word)? {
            return Ok(entry);
        }
        let mut ids: Vec<&'static str> = Vec::new();
        for id in self.ids()? {
            if !word.is_empty() && id.starts_with(word) {
                let at = ids.iter().position(|other| *other > id).unwrap_or(ids.len());
                ids.insert(at, id);
            }
        }
        match ids.as_slice() {
            [id] => self.entry(id)?.ok_or_else(unknown),
            [] => Err(unknown()),
            several => {
                let text = text!("% is the beginning of several ids: %", word, &joined(several, " "));
                Err(Error::new(text).with_hint(sentence!("write more of the one that is meant")))
            }
        }
    }
}
