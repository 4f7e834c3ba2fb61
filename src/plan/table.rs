//! Tables of steps as the program holds them: the texts of all in one, and rows that say where. Written out, a row is four
//! times as large, and most of that zeros. All of it is done while compiling.

use std::ffi::CStr;

use crate::plan::step::{Act, Base, Case, Flags, Step};

#[derive(Clone, Copy)]
pub struct Table {
    rows: &'static [Row],
    /// Each ends in a NUL. The first is empty.
    texts: &'static [u8],
}

/// A step, its texts by their places.
#[derive(Clone, Copy)]
pub struct Row {
    act: Act,
    base: Base,
    flags: Flags,
    case: Case,
    number: u32,
    texts: [u16; 3],
}

impl Table {
    pub const fn new(rows: &'static [Row], texts: &'static [u8]) -> Table {
        Table { rows, texts }
    }

    pub fn steps(&self) -> impl Iterator<Item = Step> {
        self.those(&|_| true)
    }

    /// The steps of these cases.
    pub fn those(&self, wanted: &dyn Fn(Case) -> bool) -> impl Iterator<Item = Step> {
        self.rows.iter().filter(|row| wanted(row.case)).map(|row| self.step(row))
    }

    fn step(&self, row: &Row) -> Step {
        let &Row { act, base, flags, case, number, texts } = row;
        let [path, with, options] = texts.map(|at| self.text(at));
        Step { act, base, flags, case, number, path, with, options }
    }

    fn text(&self, at: u16) -> &'static CStr {
        // As most are: to look for its end is a good part of making a plan.
        if at == 0 {
            return c"";
        }
        self.texts.get(usize::from(at)..).and_then(|text| CStr::from_bytes_until_nul(text).ok()).unwrap_or_default()
    }
}

/// A [`Table`] of these steps.
macro_rules! table {
    ($steps:expr) => {{
        const STEPS: &[Step] = $steps;
        const ROWS: [Row; STEPS.len()] = table::rows(STEPS);
        const TEXTS: [u8; table::length(STEPS)] = table::texts(STEPS);
        Table::new(&ROWS, &TEXTS)
    }};
}
pub(super) use table;

/// A blank row, to be filled in.
const NONE: Row =
    Row { act: Act::Session, base: Base::Root, flags: Flags::NONE, case: Case::Always, number: 0, texts: [0; 3] };

pub const fn rows<const COUNT: usize>(steps: &[Step]) -> [Row; COUNT] {
    let (mut rows, mut at, mut end) = ([NONE; COUNT], 0, 1);
    while at < COUNT {
        let Step { act, base, flags, case, number, path, with, options } = steps[at];
        let (path, end_of_path) = place(path, end);
        let (with, end_of_with) = place(with, end_of_path);
        let (options, end_of_options) = place(options, end_of_with);
        rows[at] = Row { act, base, flags, case, number, texts: [path, with, options] };
        (at, end) = (at + 1, end_of_options);
    }
    rows
}

/// Where a text comes to be when those before it end here, and where it ends itself.
const fn place(text: &CStr, end: u16) -> (u16, u16) {
    match text.count_bytes() {
        0 => (0, end),
        length => (end, end + length as u16 + 1),
    }
}

pub const fn length(steps: &[Step]) -> usize {
    let (mut at, mut end) = (0, 1);
    while at < steps.len() {
        let Step { path, with, options, .. } = steps[at];
        end = place(options, place(with, place(path, end).1).1).1;
        at += 1;
    }
    end as usize
}

pub const fn texts<const LENGTH: usize>(steps: &[Step]) -> [u8; LENGTH] {
    let (mut texts, mut at, mut end) = ([0; LENGTH], 0, 1);
    while at < steps.len() * 3 {
        let step = steps[at / 3];
        let text = [step.path, step.with, step.options][at % 3].to_bytes();
        let mut from = 0;
        while from < text.len() {
            texts[end + from] = text[from];
            from += 1;
        }
        if from > 0 {
            end += from + 1;
        }
        at += 1;
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        const WRITTEN: &[Step] = &[
            Step::of(Act::Session),
            Step::of(Act::MountBelow).on(Base::Dev, c"pts").with(c"devpts").options(c"mode=0620").number(7),
            Step::of(Act::Take).on(Base::Root, c"/a").options(c"b").flags(Flags::READ_ONLY).case(Case::Tty),
        ];
        use crate::plan::table;
        let table = table!(WRITTEN);
        assert!(table.steps().eq(WRITTEN.iter().copied()));
        assert!(table.those(&|case| case == Case::Tty).eq([WRITTEN[2]]));
    }
}
