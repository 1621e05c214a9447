//! The ratios of CPU time as a chart in SVG, written by hand: bars to both sides of the baseline, on a scale on
//! which half and double are equally far from it.

use std::fmt::Write as _;

use super::svg::{self, Scale, WIDTH, text};
use super::{Figure, Line, Report, tables};
use crate::peers;
use crate::workloads::Workload;

/// Where bars may be: between the names of the lines and the values.
const LEFT: f64 = 316.0;
const RIGHT: f64 = WIDTH - 60.0;
const TOP: f64 = 92.0;
const BAR: f64 = 12.0;
const GAP: f64 = 9.0;
const HEADING: f64 = 27.0;

/// The chart: a group of bars for each line that has a time, of every peer but plain SQLite.
pub fn draw(report: &Report) -> String {
    let groups: Vec<(Workload, Vec<Line<'_>>)> = Workload::ALL
        .into_iter()
        .map(|workload| (workload, report.lines(workload).into_iter().filter(is_drawn).collect::<Vec<_>>()))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    let all = groups.iter().flat_map(|(_, lines)| lines);
    let ratios = all.flat_map(|line| line.figures.values().filter_map(|figure| figure.ratio));
    // A half and the double of the baseline have room in any case.
    let range =
        ratios.fold((0.5_f64, 2.0_f64), |(least, greatest), value| (least.min(value), greatest.max(value)));
    let scale = Scale::of(range, (LEFT, RIGHT));
    let mut bars = String::new();
    let mut y = TOP;
    for (workload, lines) in &groups {
        let mut heading = format!("{}: {}", workload.name().to_uppercase(), workload.title());
        if let Some(base) = lines[0].other_base {
            let _ = write!(heading, " (1.0 is {base})");
        }
        text(&mut bars, (20.0, y + 15.0), "heading", "start", &heading);
        y += HEADING;
        for line in lines {
            y = draw_line(&mut bars, report, &scale, line, y);
        }
    }
    let bottom = y + 4.0;
    let title = format!("CPU time of the same work, {} rows", tables::whole(report.rows as f64));
    let mut svg = svg::begin(bottom + 44.0, "CPU time as a ratio to plain SQLite", &title);
    let compared = report.peers.iter().filter(|peer| *peer != peers::BASELINE);
    svg::legend(&mut svg, &report.peers, compared);
    grid(&mut svg, &scale, bottom);
    svg.push_str(&bars);
    let base = scale.at(1.0);
    let _ = writeln!(svg, "<path class=\"base\" d=\"M{base:.1} {} V{bottom:.1}\"/>", TOP - 4.0);
    svg.push_str("</svg>\n");
    svg
}

/// Whether it is a time that some other peer shares with the baseline.
fn is_drawn(line: &Line<'_>) -> bool {
    let compared = |peer: &str, figure: &Figure| {
        line.base != Some(peer) && figure.ratio.is_some_and(|ratio| ratio > 0.0)
    };
    line.subject.counted.is_none() && line.figures.iter().any(|(peer, figure)| compared(peer, figure))
}

/// The bars of a line, one under the other, beside its name. Returns where the next one begins.
fn draw_line(svg: &mut String, report: &Report, scale: &Scale, line: &Line<'_>, top: f64) -> f64 {
    let base = scale.at(1.0);
    let mut y = top;
    for peer in report.peers.iter().filter(|peer| line.base != Some(peer.as_str())) {
        let Some(ratio) = line.figures.get(peer.as_str()).and_then(|figure| figure.ratio) else { continue };
        if ratio <= 0.0 {
            continue;
        }
        let end = scale.at(ratio);
        let (x, width) = (base.min(end), (base - end).abs().max(1.0));
        let colour = svg::colour(&report.peers, peer);
        let height = BAR - 1.0;
        let value = tables::short(ratio);
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\">\
             <title>{peer}: ×{value}</title></rect>",
        );
        let (side, anchor) = if ratio < 1.0 { (end - 4.0, "end") } else { (end + 4.0, "start") };
        text(svg, (side, y + BAR - 2.0), "small", anchor, &format!("×{value}"));
        y += BAR;
    }
    text(svg, (34.0, f64::midpoint(top, y) + 3.5), "", "start", &line.subject.phase);
    y + GAP
}

fn grid(svg: &mut String, scale: &Scale, bottom: f64) {
    for tick in scale.named(13) {
        let x = scale.at(tick);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {} V{bottom:.1}\"/>", TOP - 4.0);
        let name = format!("×{tick}");
        text(svg, (x, bottom + 15.0), "small", "middle", &name);
    }
    text(svg, (scale.at(1.0), TOP - 9.0), "heading", "middle", "plain SQLite = 1.0");
    let axis = "times the CPU time of plain SQLite: less is better; the scale is logarithmic";
    text(svg, (f64::midpoint(LEFT, RIGHT), bottom + 33.0), "small", "middle", axis);
}
