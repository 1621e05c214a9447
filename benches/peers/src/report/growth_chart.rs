//! Growth as a chart: a field for each figure, and in it a line for each peer, from the fewest rows to the most. Both
//! axes are logarithmic: what does not depend on the number of rows is level.

use std::fmt::Write as _;

use super::growth::{WORKLOADS, series};
use super::svg::{self, Scale, WIDTH, text};
use super::{Report, Subject, tables};
use crate::workloads::Workload;

/// Two fields stand side by side.
const FIELD: f64 = WIDTH / 2.0;
const FIELD_HEIGHT: f64 = 190.0;
const TOP: f64 = 74.0;
const HEADING: f64 = 27.0;
/// What a field has around its lines: names of ticks at the left and below, its own above.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 38.0;
const ABOVE: f64 = 42.0;
const BELOW: f64 = 30.0;
/// Between its lines and the names of ticks: the values at the points stand there.
const INSET: f64 = 34.0;

/// The chart of several sizes, of which there is at least one.
pub fn draw(sizes: &[Report]) -> String {
    let mut fields = String::new();
    let mut y = TOP;
    for workload in WORKLOADS {
        let subjects = subjects(sizes, workload);
        if subjects.is_empty() {
            continue;
        }
        let heading = format!("{}: {}", workload.name().to_uppercase(), workload.title());
        text(&mut fields, (20.0, y + 15.0), "heading", "start", &heading);
        y += HEADING;
        for (i, subject) in subjects.iter().enumerate() {
            let top = y + FIELD_HEIGHT * (i / 2) as f64;
            draw_field(&mut fields, sizes, subject, (FIELD * (i % 2) as f64, top));
        }
        y += FIELD_HEIGHT * subjects.len().div_ceil(2) as f64;
    }
    let axes = "CPU time or bytes by the number of rows: less is better; both axes are logarithmic";
    text(&mut fields, (WIDTH / 2.0, y + 18.0), "small", "middle", axes);
    let mut svg =
        svg::begin(y + 30.0, "Growth with the number of rows", "The same work with more and more rows");
    if let Some(Report { peers, .. }) = sizes.first() {
        svg::legend(&mut svg, peers, peers.iter());
    }
    svg + &fields + "</svg>\n"
}

/// What was measured at the first size.
fn subjects(sizes: &[Report], workload: Workload) -> Vec<Subject> {
    let lines = sizes.first().map(|report| report.lines(workload)).unwrap_or_default();
    lines.iter().map(|line| line.subject.clone()).collect()
}

fn draw_field(svg: &mut String, sizes: &[Report], subject: &Subject, (left, top): (f64, f64)) {
    let Some(Report { peers, .. }) = sizes.first() else { return };
    let lines: Vec<(&str, Vec<(f64, f64)>)> =
        peers.iter().map(|peer| (peer.as_str(), series(sizes, subject, peer))).collect();
    let (bottom, end) = (top + FIELD_HEIGHT - BELOW, left + FIELD - RIGHT);
    let across = Across::new(sizes, (left + LEFT + INSET, end - INSET));
    let up = Scale::of(range(&lines), (bottom - INSET / 2.0, top + ABOVE));
    let unit = subject.counted.as_deref().unwrap_or("µs");
    text(svg, (left + 34.0, top + 16.0), "", "start", &format!("{}, {unit}", subject.phase));
    for tick in up.named(5) {
        let y = up.at(tick);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{:.1} {y:.1} H{end:.1}\"/>", left + LEFT);
        text(svg, (left + LEFT - 6.0, y + 4.0), "small", "end", &tick_name(tick));
    }
    for report in sizes {
        let rows = report.rows as f64;
        text(svg, (across.at(rows), bottom + 16.0), "small", "middle", &tables::whole(rows));
    }
    for (peer, points) in &lines {
        let colour = svg::colour(peers, peer);
        let at = |(rows, value): &(f64, f64)| format!("{:.1} {:.1}", across.at(*rows), up.at(*value));
        let path = points.iter().map(at).collect::<Vec<_>>().join(" L");
        if points.len() > 1 {
            let _ = writeln!(svg, "<path class=\"line\" stroke=\"{colour}\" d=\"M{path}\"/>");
        }
        for (rows, value) in points {
            let (x, y) = (across.at(*rows), up.at(*value));
            let name = tables::short(*value);
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{peer}: {name}</title></circle>",
            );
            // Beside the greatest value of a size above, and beside any other below.
            let others = lines.iter().flat_map(|(_, points)| points);
            let greatest = others.filter(|(other, _)| other == rows).all(|(_, other)| other <= value);
            text(svg, (x, if greatest { y - 8.0 } else { y + 17.0 }), "small", "middle", &name);
        }
    }
}

/// The least and the greatest value, or a power of ten around them: so that little differences look little.
fn range(lines: &[(&str, Vec<(f64, f64)>)]) -> (f64, f64) {
    let values = || lines.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
    let (least, greatest) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let (middle, half) = ((least * greatest).sqrt(), 10_f64.sqrt());
    (least.min(middle / half), greatest.max(middle * half))
}

/// A whole number, or as many digits as it has.
fn tick_name(tick: f64) -> String {
    if tick < 1.0 { format!("{tick}") } else { tables::whole(tick) }
}

/// The logarithm of the rows, from the fewest to the most; one size alone is in the middle.
struct Across {
    rows: (f64, f64),
    ends: (f64, f64),
}

impl Across {
    fn new(sizes: &[Report], ends: (f64, f64)) -> Across {
        let rows = || sizes.iter().map(|report| report.rows as f64);
        Across { rows: (rows().fold(f64::INFINITY, f64::min), rows().fold(0.0, f64::max)), ends }
    }

    fn at(&self, rows: f64) -> f64 {
        let (fewest, most) = self.rows;
        let part = if fewest < most { (rows / fewest).ln() / (most / fewest).ln() } else { 0.5 };
        self.ends.0 + (self.ends.1 - self.ends.0) * part
    }
}
