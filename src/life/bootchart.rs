//! `contain bootchart`: what of a boot took how long, as process 1 wrote it down, drawn as text or as a picture (SVG).

use rustix::fs::CWD;

use crate::error::{Error, Result};
use crate::kernel::file;
use crate::life::output;
use crate::life::stats::tenth;
use crate::life::table::Table;
use crate::text::{Word, cut, decimal, digits, fill, has, lines, shown};

/// How wide the longest bar is: letters, and what SVG calls pixels.
const LETTERS: u64 = 50;
const PIXELS: u64 = 600;

/// A part of the boot, and when it began and ended, in microseconds.
type Stage<'a> = (&'a str, u64, u64);

pub fn bootchart(path: Word, as_svg: bool) -> Result<u8> {
    let text = file::read_text(CWD, path).map_err(|errno| {
        Error::os(["read ", shown(path)].concat(), errno)
            .with_hint("contain.bootchart=1 on the kernel command line has it written")
    })?;
    let mut stages = Vec::new();
    for line in lines(&text) {
        stages.push(
            stage(line).ok_or_else(|| {
                Error::new(fill("%: '%' is not BEGIN END NAME, in microseconds", &[shown(path), line]))
            })?,
        );
    }
    output::print(&if as_svg { svg(&stages) } else { table(&stages) }).map(|()| 0)
}

fn stage(line: &str) -> Option<Stage<'_>> {
    let (begin, rest) = cut(line, b' ')?;
    let (end, name) = cut(rest, b' ')?;
    let (begin, end) = (decimal(begin)?, decimal(end)?);
    (begin <= end).then_some((name, begin, end))
}

/// Where a time is in a chart that is so wide. What the kernel did before process 1 is left out: next to that all else would be
/// short.
fn place(stages: &[Stage<'_>], time: u64, wide: u64) -> u64 {
    let first = stages.first().map_or(0, |first| first.2);
    let last = stages.iter().map(|stage| stage.2).max().unwrap_or(0);
    time.saturating_sub(first).saturating_mul(wide) / last.saturating_sub(first).max(1)
}

fn table(stages: &[Stage<'_>]) -> String {
    let mut table = Table::new(&[("STAGE", 0), ("BEGAN (MS)", 0), ("TOOK (MS)", 0), ("", 0)]);
    for (name, begin, end) in stages {
        let (from, to) = (place(stages, *begin, LETTERS), place(stages, *end, LETTERS));
        let bar: String = (0..to).map(|at| if at < from { ' ' } else { '#' }).collect();
        table.row(0);
        [*name, &tenth(begin / 100), &tenth((end - begin) / 100), &bar].iter().for_each(|cell| table.add(cell));
    }
    table.text(usize::MAX, "")
}

fn svg(stages: &[Stage<'_>]) -> String {
    const ROW: u64 = 20;
    let mut text = fill(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"%\" font-family=\"sans-serif\" font-size=\"12\">\n",
        &[digits(ROW * stages.len() as u64)],
    );
    let mut y = 0;
    for (name, begin, end) in stages {
        let from = place(stages, *begin, PIXELS);
        let width = place(stages, *end, PIXELS) - from;
        let name = if has(name, b'<') || has(name, b'&') { "?" } else { name };
        text.push_str(&fill(
            "<rect x=\"%\" y=\"%\" width=\"%\" height=\"16\" fill=\"#9bd\"/><text x=\"%\" y=\"%\">% % ms</text>\n",
            &[
                digits(from),
                digits(y),
                digits(width.max(1)),
                digits(from + 4),
                digits(y + 12),
                name,
                &tenth((end - begin) / 100),
            ],
        ));
        y += ROW;
    }
    text.push_str("</svg>\n");
    text
}
