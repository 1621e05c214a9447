//! The ratios of CPU time as a chart in SVG, written by hand: bars to both sides of the baseline, on a scale on
//! which half and double are equally far from it.

use std::fmt::Write as _;

use super::{Figure, Line, Report, tables};
use crate::peers;
use crate::workloads::Workload;

const WIDTH: f64 = 900.0;
/// Where bars may be: between the names of the lines and the values.
const LEFT: f64 = 316.0;
const RIGHT: f64 = WIDTH - 60.0;
const TOP: f64 = 92.0;
const BAR: f64 = 12.0;
const GAP: f64 = 9.0;
const HEADING: f64 = 27.0;

/// Told apart on white and on black, and by those who see no red or no green (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0e86d4", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#8f8f8f"];

const STYLE: &str = "\
text { font: 12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.heading { font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.page { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.base { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.small { fill: #9198a1 }
.page { fill: #0d1117 }
.grid { stroke: #3d444d }
.base { stroke: #f0f6fc }
}
";

/// A logarithmic scale from one power of ten, or its double or fivefold, to another.
struct Scale {
    ticks: Vec<f64>,
}

impl Scale {
    /// One that has room for all values, and for a half and the double of the baseline.
    fn of(values: impl Iterator<Item = f64>) -> Scale {
        let (least, greatest) = values
            .fold((0.5_f64, 2.0_f64), |(least, greatest), value| (least.min(value), greatest.max(value)));
        let all = (-6..9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let all: Vec<f64> = all.collect();
        let first = all.iter().rposition(|tick| *tick <= least).unwrap_or(0);
        let last = all.iter().position(|tick| *tick >= greatest).unwrap_or(all.len() - 1);
        Scale { ticks: all[first..=last].to_vec() }
    }

    fn x(&self, value: f64) -> f64 {
        let (first, last) = (self.ticks[0].ln(), self.ticks[self.ticks.len() - 1].ln());
        LEFT + (RIGHT - LEFT) * (value.ln() - first) / (last - first)
    }

    /// The ticks that are named: of many only the powers of ten.
    fn named(&self) -> impl Iterator<Item = f64> {
        let many = self.ticks.len() > 13;
        self.ticks
            .iter()
            .copied()
            .filter(move |tick| !many || (tick.log10() - tick.log10().round()).abs() < 1e-9)
    }
}

/// The chart: a group of bars for each line that has a time, of every peer but plain SQLite.
pub fn draw(report: &Report) -> String {
    let groups: Vec<(Workload, Vec<Line<'_>>)> = Workload::ALL
        .into_iter()
        .map(|workload| (workload, report.lines(workload).into_iter().filter(is_drawn).collect::<Vec<_>>()))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    let all = groups.iter().flat_map(|(_, lines)| lines);
    let scale = Scale::of(all.flat_map(|line| line.figures.values().filter_map(|figure| figure.ratio)));
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
    let height = bottom + 44.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>CPU time as a ratio to plain SQLite</title>\n\
         <style>\n{STYLE}</style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
    );
    let title = format!("CPU time of the same work, {} rows", tables::whole(report.rows as f64));
    text(&mut svg, (20.0, 30.0), "title", "start", &title);
    legend(&mut svg, report);
    grid(&mut svg, &scale, bottom);
    svg.push_str(&bars);
    let base = scale.x(1.0);
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
    let base = scale.x(1.0);
    let mut y = top;
    for (i, peer) in report.peers.iter().enumerate().filter(|(_, peer)| line.base != Some(peer.as_str())) {
        let Some(ratio) = line.figures.get(peer.as_str()).and_then(|figure| figure.ratio) else { continue };
        if ratio <= 0.0 {
            continue;
        }
        let end = scale.x(ratio);
        let (x, width) = (base.min(end), (base - end).abs().max(1.0));
        let colour = colour(i);
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
    for tick in scale.named() {
        let x = scale.x(tick);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {} V{bottom:.1}\"/>", TOP - 4.0);
        let name = format!("×{tick}");
        text(svg, (x, bottom + 15.0), "small", "middle", &name);
    }
    text(svg, (scale.x(1.0), TOP - 9.0), "heading", "middle", "plain SQLite = 1.0");
    let axis = "times the CPU time of plain SQLite: less is better; the scale is logarithmic";
    text(svg, (f64::midpoint(LEFT, RIGHT), bottom + 33.0), "small", "middle", axis);
}

fn legend(svg: &mut String, report: &Report) {
    let mut x = 20.0;
    for (i, peer) in report.peers.iter().enumerate().filter(|(_, peer)| *peer != peers::BASELINE) {
        let colour = colour(i);
        let _ =
            writeln!(svg, "<rect x=\"{x}\" y=\"44\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{colour}\"/>");
        text(svg, (x + 17.0, 54.0), "", "start", peer);
        x += 38.0 + 7.5 * peer.len() as f64;
    }
}

/// Plain SQLite comes first and has no bars.
fn colour(peer: usize) -> &'static str {
    COLOURS[peer.saturating_sub(1) % COLOURS.len()]
}

fn text(svg: &mut String, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\"{class} text-anchor=\"{anchor}\">{text}</text>");
}
