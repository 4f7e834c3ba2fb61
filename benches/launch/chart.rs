//! The bar chart that the README shows: launch times 25 ms apart, as multiples of the C floor, on a linear scale from
//! zero. Hand-written SVG; its colours follow the reader's light or dark mode.

use crate::launchers::Way;
use crate::report::{Line, Report};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const BARS_FROM: f64 = 132.0;
const BARS_TO: f64 = 590.0;
/// The right edges of the three columns of numbers.
const RATIO: f64 = 672.0;
const TIME: f64 = 756.0;
const MEMORY: f64 = 844.0;
const TITLE_HEIGHT: f64 = 88.0;
const GROUP_HEIGHT: f64 = 34.0;
const ROW_HEIGHT: f64 = 26.0;
const BAR_HEIGHT: f64 = 14.0;

const STYLE: &str = "
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: #424a53 }
  .title { font-size: 17px; font-weight: 600; fill: #1f2328 }
  .small { font-size: 11.5px; fill: #6e7781 }
  .group { font-weight: 600; fill: #1f2328 }
  .right { text-anchor: end }
  .middle { text-anchor: middle }
  .ours { font-weight: 700; fill: #0969da }
  .bar { fill: #b6bfc9 }
  .bar-floor { fill: #6e7781 }
  .bar-ours { fill: #0969da }
  .whisker { stroke: #57606a; stroke-width: 1.25; fill: none }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .one { stroke: #6e7781; stroke-width: 1; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #c2cad3 }
    .title, .group { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .ours { fill: #6cb0ff }
    .bar { fill: #4a525c }
    .bar-floor { fill: #9198a1 }
    .bar-ours { fill: #388bfd }
    .whisker { stroke: #aab3bd }
    .grid { stroke: #2f363d }
    .one { stroke: #9198a1 }
  }
";

pub fn draw(report: &Report) -> String {
    let groups = [
        ("no limits; contain with all of its walls, the others without", group(report, Way::Plain)),
        ("with podman's capabilities, masks and seccomp profile", group(report, Way::Walls)),
        ("with memory, cpu and pids limits", group(report, Way::Limits)),
        ("as an ordinary user", group(report, Way::Rootless)),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .collect::<Vec<_>>();
    let rows = groups.iter().map(|(_, lines)| lines.len()).sum::<usize>() as f64;
    let height = TITLE_HEIGHT + groups.len() as f64 * GROUP_HEIGHT + rows * ROW_HEIGHT + 78.0;
    let floor = report.lines[0].with_gaps.median;
    let longest =
        report.lines.iter().map(|line| line.with_gaps.p90.max(line.with_gaps.median) / floor).fold(1.0, f64::max);
    let x = |ratio: f64| BARS_FROM + ratio / longest * (BARS_TO - BARS_FROM);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"Launch times relative to a bare C launcher\">\n<style>{STYLE}</style>\n"
    );
    text(&mut svg, 16.0, 30.0, "title", "Launching a container, compared with a bare C launcher");
    text(
        &mut svg,
        16.0,
        50.0,
        "small",
        "1× is the C floor: only the system calls that a container needs, in C. Shorter is better.",
    );
    for (right, head) in [(RATIO, "× floor"), (TIME, "median"), (MEMORY, "parent PSS")] {
        text(&mut svg, right, TITLE_HEIGHT - 10.0, "small right", head);
    }
    let mut y = TITLE_HEIGHT;
    for (heading, lines) in groups {
        text(&mut svg, 16.0, y + 22.0, "group", heading);
        y += GROUP_HEIGHT;
        let (top, bottom) = (y, y + lines.len() as f64 * ROW_HEIGHT);
        for tick in ticks(longest) {
            vertical(&mut svg, "grid", x(tick), top, bottom);
        }
        for line in lines {
            bar(&mut svg, line, floor, y + ROW_HEIGHT / 2.0, x);
            y += ROW_HEIGHT;
        }
        vertical(&mut svg, "one", x(1.0), top, bottom);
    }
    for tick in ticks(longest) {
        text(&mut svg, x(tick), y + 16.0, "small middle", &format!("{tick}×"));
    }
    let method =
        "Medians, whiskers up to p90. A 512-byte static program started in shuffled order, 25 ms before each launch.";
    text(&mut svg, 16.0, height - 30.0, "small", method);
    text(
        &mut svg,
        16.0,
        height - 13.0,
        "small",
        &format!("unshare does less: chroot and no /dev. {}.", report.machine),
    );
    svg.push_str("</svg>\n");
    svg
}

/// Fastest first. Behind walls there is contain's plain row too, which has them all.
fn group(report: &Report, way: Way) -> Vec<&Line> {
    let walls = |line: &Line| way == Way::Walls && (line.launcher, line.way) == ("contain", Way::Plain);
    let mut lines: Vec<&Line> = report.lines.iter().filter(|line| line.way == way || walls(line)).collect();
    lines.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    lines
}

/// Four to eight round numbers from zero.
fn ticks(longest: f64) -> impl Iterator<Item = f64> {
    let step =
        [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0].into_iter().find(|step| longest / step <= 8.0).unwrap_or(100.0);
    (0..=(longest / step) as usize).map(move |n| n as f64 * step)
}

fn bar(svg: &mut String, row: &Line, floor: f64, middle: f64, x: impl Fn(f64) -> f64) {
    let (bar, words) = match row.launcher {
        "contain" => ("bar-ours", "ours"),
        "floor" => ("bar-floor", "plain"),
        _ => ("bar", "plain"),
    };
    let _ = writeln!(
        svg,
        "<rect class=\"{bar}\" x=\"{BARS_FROM}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR_HEIGHT}\" rx=\"2\"/>",
        middle - BAR_HEIGHT / 2.0,
        x(row.ratio) - BARS_FROM
    );
    let (from, to) = (x(row.ratio), x(row.with_gaps.p90 / floor));
    let _ = writeln!(
        svg,
        "<path class=\"whisker\" d=\"M{from:.1} {middle:.1}H{to:.1}M{to:.1} {:.1}V{:.1}\"/>",
        middle - 4.0,
        middle + 4.0
    );
    let baseline = middle + 4.5;
    let name = if row.launcher == "floor" { "C floor" } else { row.launcher };
    text(svg, 24.0, baseline, words, name);
    text(svg, RATIO, baseline, &format!("{words} right"), &format!("{:.2}", row.ratio));
    text(svg, TIME, baseline, &format!("{words} right"), &format!("{:.2} ms", row.with_gaps.median / 1000.0));
    text(svg, MEMORY, baseline, &format!("{words} right"), &format!("{} KB", row.memory.pss_kb));
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

fn vertical(svg: &mut String, class: &str, x: f64, top: f64, bottom: f64) {
    let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>");
}
