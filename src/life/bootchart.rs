//! `contain bootchart`: what of a boot took how long, as process 1 wrote it down, drawn as text or as a picture (SVG).

use crate::linux::fs::CWD;

use crate::error::{Error, Result};
use crate::kernel::file;
use crate::life::output;
use crate::life::stats::tenth;
use crate::life::table::{BARS, BLANKS, many};
use crate::packed::text;
use crate::text::{Word, cut, decimal, digits, fill, has, lines, shown};

/// How wide the longest bar is: letters, or what SVG calls pixels.
const LETTERS: u64 = 50;
const PIXELS: u64 = 600;
/// How high a row of the picture is.
const ROW: u64 = 20;

pub fn bootchart(path: Word, as_svg: bool) -> Result<u8> {
    let text = file::read_text(CWD, path).map_err(|errno| {
        let hint = text!("contain.bootchart=1 on the kernel command line has it written");
        Error::os(text!("read %", shown(path)), errno).with_hint(hint)
    })?;
    // What the kernel did before process 1 is left out: next to that all else would be short.
    let (mut stages, mut first, mut last) = (Vec::new(), 0, 0);
    for line in lines(text) {
        let wrong = || Error::new(text!("%: '%' is not BEGIN END NAME, in microseconds", shown(path), line));
        let stage = stage(line).ok_or_else(wrong)?;
        first = if stages.is_empty() { stage.2 } else { first };
        last = stage.2.max(last);
        stages.push(stage);
    }
    let wide = if as_svg { PIXELS } else { LETTERS };
    let place = |time: u64| time.saturating_sub(first).saturating_mul(wide) / last.saturating_sub(first).max(1);
    let mut chart = String::new();
    if as_svg {
        let head = text!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"%\" font-size=\"12\">\n");
        chart.push_str(fill(head, &[digits(ROW * stages.len() as u64)]));
    }
    let mut y = 0;
    for &(name, begin, end) in &stages {
        let (x, time) = (place(begin), tenth((end - begin) / 100));
        let width = (place(end) - x).max(1);
        if as_svg {
            let name = if has(name, b'<') || has(name, b'&') { "?" } else { name };
            let row = text!(
                "<g transform=\"translate(%,%)\"><rect width=\"%\" height=\"16\" fill=\"#9bd\"/><text y=\"12\">% % ms</text></g>\n"
            );
            chart.push_str(fill(row, &[digits(x), digits(y), digits(width), name, time]));
            y += ROW;
        } else {
            many(&mut chart, BLANKS, x as usize);
            many(&mut chart, BARS, width as usize);
            // So that times stand one below the other.
            many(&mut chart, BLANKS, (LETTERS + 11 - x - width) as usize - time.len().min(10));
            chart.push_str(text!("% ms  %\n", time, name));
        }
    }
    if as_svg {
        chart.push_str("</svg>\n");
    }
    output::print(&chart)
}

/// A part of the boot, and when it began and ended, in microseconds.
fn stage(line: &str) -> Option<(&str, u64, u64)> {
    let (begin, rest) = cut(line, b' ')?;
    let (end, name) = cut(rest, b' ')?;
    let (begin, end) = (decimal(begin)?, decimal(end)?);
    (begin <= end).then_some((name, begin, end))
}
