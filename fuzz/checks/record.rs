//! Any bytes as a metadata.json: they are refused or read, at a glance too, and what was read is written and read again
//! as it was.

use crate::state::record::Record;

pub fn check(text: &[u8]) {
    let mut brief = Record::default();
    let glance = brief.fill(text, true);
    let mut record = Record::default();
    if record.fill(text, false).is_err() {
        return;
    }
    assert!(glance.is_ok(), "read as a whole, but not at a glance");
    let written = record.write();
    let mut again = Record::default();
    assert_eq!(again.fill(written.as_bytes(), false), Ok(()), "{written}");
    assert_eq!(again, record, "{written}");
}
