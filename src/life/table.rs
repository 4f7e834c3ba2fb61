//! Tables on standard output: as wide as their widest cells, and never wider than the terminal. Whatever the cells say,
//! it steers no terminal.

use crate::error::Result;
use crate::kernel::terminal;
use crate::life::output;
use crate::log::visible;

/// Where standard output is no terminal, or one that does not know its size.
const USUAL: usize = 120;
const NARROW: usize = 80;
/// Between two columns.
const GAP: usize = 2;
/// What the last column should have; else the others shrink to what they need.
const ROOM: usize = 20;

/// What is told of one container, and how new that is.
pub type Line = (u64, String);

/// The newest first. What is told begins with the id, which decides where two are as old. By ever smaller steps (Shell, "A
/// High-Speed Sorting Procedure", 1959): a third of the code of a sort of std's.
pub fn sort(lines: &mut [Line]) {
    let mut step = lines.len() / 2;
    while step > 0 {
        for mut at in step..lines.len() {
            while let Some(before) = at.checked_sub(step)
                && (lines[before].0, &lines[at].1) < (lines[at].0, &lines[before].1)
            {
                lines.swap(before, at);
                at = before;
            }
        }
        step /= 2;
    }
}

pub struct Table {
    columns: Columns,
    /// How wide the widest cell of each column is.
    widest: Vec<usize>,
    /// Each cell ends with a NUL. The headings come first.
    rows: Vec<Line>,
}

/// The heading of each column, and how wide it is at least where there is room.
pub type Columns = &'static [(&'static str, usize)];

impl Table {
    pub fn new(columns: Columns) -> Table {
        let mut table = Table { columns, widest: vec![0; columns.len()], rows: Vec::new() };
        let mut headings = Vec::new();
        columns.iter().for_each(|(heading, _)| headings.push(*heading));
        table.row(0, &headings);
        table
    }

    /// Adds a row.
    pub fn row(&mut self, newness: u64, cells: &[&str]) {
        let mut row = String::with_capacity(128);
        for (cell, widest) in cells.iter().zip(&mut self.widest) {
            let is_plain = cell.bytes().all(|b| matches!(b, b' '..=b'~'));
            let cell = if is_plain { *cell } else { visible(cell).leak() };
            *widest = width(cell).max(*widest);
            row.push_str(cell);
            row.push('\0');
        }
        self.rows.push((newness, row));
    }

    pub fn sort(&mut self) {
        sort(&mut self.rows[1..]);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// As text, a line each row, `before` at the beginning of each. A line that is wider than `most` ends with dots.
    pub fn text(&self, most: usize, before: &str) -> String {
        let (mut wide, mut whole, mut last) = (Vec::new(), 0, 0);
        for (widest, (_, least)) in self.widest.iter().zip(self.columns) {
            whole += last;
            last = GAP + widest.max(least);
            wide.push(last);
        }
        // The last column takes what is left.
        if whole + ROOM > most {
            for (wide, widest) in wide.iter_mut().zip(&self.widest) {
                *wide = GAP + widest;
            }
        }
        let mut text = String::with_capacity(self.rows.len() * most.min(USUAL));
        for (_, row) in &self.rows {
            text.push_str(before);
            let (start, mut rest) = (text.len(), row.as_str());
            // Columns that are filled, and blanks that are owed before the next cell.
            let (mut used, mut owed) = (0, 0);
            for wide in &wide {
                let end = rest.bytes().position(|b| b == 0).unwrap_or(rest.len());
                let width = width(&rest[..end]);
                if end > 0 {
                    many(&mut text, BLANKS, owed);
                    text.push_str(&rest[..end]);
                    used += owed + width;
                    owed = 0;
                }
                owed += wide - width;
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            if used > most {
                cut(&mut text, start, most);
            }
            text.push('\n');
        }
        text
    }

    /// Prints it as wide as the terminal, or `whole`.
    pub fn print(&self, whole: bool) -> Result<u8> {
        let most = match terminal::size() {
            _ if whole => usize::MAX,
            None => USUAL,
            Some((0, _)) => NARROW,
            Some((columns, _)) => columns,
        };
        output::print(&self.text(most, ""))
    }
}

pub const BLANKS: &str = "                                ";
pub const BARS: &str = "################################";

/// Adds as many as wanted of these.
pub fn many(text: &mut String, letters: &str, mut count: usize) {
    while count > 0 {
        let some = count.min(letters.len());
        text.push_str(&letters[..some]);
        count -= some;
    }
}

/// How many columns of a terminal a text takes, at most. Some characters beyond the alphabets take two. Which, terminals do
/// not agree on: rather a line too short than one that wraps.
fn width(text: &str) -> usize {
    text.bytes().map(columns).sum()
}

/// By the first byte of a character, which has all its columns; E1 begins those from U+1000 on.
fn columns(b: u8) -> usize {
    match b {
        0x80..=0xbf => 0,
        0xe1.. => 2,
        _ => 1,
    }
}

/// Makes the text from `start` on no wider than `most`.
fn cut(text: &mut String, start: usize, most: usize) {
    let dots = if most > 10 { "..." } else { "" };
    let mut used = dots.len();
    let is_beyond = |b| {
        used += columns(b);
        used > most
    };
    if let Some(length) = text.bytes().skip(start).position(is_beyond) {
        text.truncate(start + length);
    }
    text.push_str(dots);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("ID", 5), ("NAME", 0), ("COMMAND", 0)]);
        for (created, cells) in [(7, ["22", "-", "\u{6f22}\u{5b57}"]), (8, ["1", "web", "a \x1b[2J\0"])] {
            table.row(created, &cells);
        }
        table.sort();
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let wanted = "ID     NAME  COMMAND\n1      web   a \\x1b[2J\\x00\n22     -     \u{6f22}\u{5b57}\n";
        assert_eq!(table().text(usize::MAX, ""), wanted);
        assert_eq!(table().text(33, ""), wanted);
    }

    #[test]
    fn the_newest_stand_first() {
        for count in 0..40 {
            let mut lines: Vec<Line> = (0..count).map(|at| (at * 7 % 13, (at * 5 % 11).to_string())).collect();
            let mut wanted = lines.clone();
            wanted.sort_by_key(|(newness, text)| (u64::MAX - newness, text.clone()));
            sort(&mut lines);
            assert_eq!(lines, wanted);
        }
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        assert_eq!(table().text(15, "|"), "|ID  NAME  CO...\n|1   web   a ...\n|22  -     \u{6f22}\u{5b57}\n");
        assert_eq!(table().text(13, ""), "ID  NAME  ...\n1   web   ...\n22  -     ...\n");
        for most in 0..30 {
            assert!(table().text(most, "").lines().all(|line| width(line) <= most), "{most}");
        }
        assert_eq!(table().text(4, ""), "ID  \n1   \n22  \n");
    }
}
