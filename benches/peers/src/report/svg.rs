//! What the charts share: how they look, and a logarithmic scale. SVG is written by hand.

use std::fmt::Write as _;

use crate::peers;

pub const WIDTH: f64 = 900.0;

/// Told apart on white and on black, and by those who see no red or no green (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0e86d4", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#8f8f8f"];
/// What all others are compared with.
const BASE_COLOUR: &str = "#8f8f8f";

const STYLE: &str = "\
text { font: 12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.heading { font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.page { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.base { stroke: #1f2328; stroke-width: 1.5 }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.small { fill: #9198a1 }
.page { fill: #0d1117 }
.grid { stroke: #3d444d }
.base { stroke: #f0f6fc }
}
";

/// The beginning of a picture: what it is for those who cannot see it, and the heading for those who can.
pub fn begin(height: f64, description: &str, title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{description}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
    );
    text(&mut svg, (20.0, 30.0), "title", "start", title);
    svg
}

/// The colours of these of all peers.
pub fn legend<'a>(svg: &mut String, all: &[String], peers: impl Iterator<Item = &'a String>) {
    let mut x = 20.0;
    for peer in peers {
        let colour = colour(all, peer);
        let _ =
            writeln!(svg, "<rect x=\"{x}\" y=\"44\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{colour}\"/>");
        text(svg, (x + 17.0, 54.0), "", "start", peer);
        x += 38.0 + 7.5 * peer.len() as f64;
    }
}

/// The same in every chart that has the same peers.
pub fn colour(all: &[String], peer: &str) -> &'static str {
    if peer == peers::BASELINE {
        return BASE_COLOUR;
    }
    let others = all.iter().filter(|known| *known != peers::BASELINE);
    let position = others.into_iter().position(|known| known == peer).unwrap_or(0);
    COLOURS[position % COLOURS.len()]
}

pub fn text(svg: &mut String, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\"{class} text-anchor=\"{anchor}\">{text}</text>");
}

/// A logarithmic scale from one power of ten, or its double or fivefold, to another.
pub struct Scale {
    ticks: Vec<f64>,
    /// Where the first tick is, and the last.
    ends: (f64, f64),
}

impl Scale {
    /// One that has room for all values from the least to the greatest.
    pub fn of((least, greatest): (f64, f64), ends: (f64, f64)) -> Scale {
        let all = (-6..12).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let all: Vec<f64> = all.collect();
        let first = all.iter().rposition(|tick| *tick <= least).unwrap_or(0);
        let last = all.iter().position(|tick| *tick >= greatest).unwrap_or(all.len() - 1);
        let last = last.max(first + 1).min(all.len() - 1);
        Scale { ticks: all[first.min(last - 1)..=last].to_vec(), ends }
    }

    pub fn at(&self, value: f64) -> f64 {
        let (first, last) = (self.ticks[0].ln(), self.ticks[self.ticks.len() - 1].ln());
        self.ends.0 + (self.ends.1 - self.ends.0) * (value.ln() - first) / (last - first)
    }

    /// The ticks that are named: if there are more than so many, only the powers of ten.
    pub fn named(&self, at_most: usize) -> impl Iterator<Item = f64> {
        let many = self.ticks.len() > at_most;
        self.ticks
            .iter()
            .copied()
            .filter(move |tick| !many || (tick.log10() - tick.log10().round()).abs() < 1e-9)
    }
}
