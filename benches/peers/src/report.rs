//! Medians over the rounds, the ratios to the baseline, and how they are shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::measure::Measurement;
use crate::peers;
use crate::workloads::Workload;

/// A figure: the workload, the position and name of its phase, and what was counted; empty for time.
type Line = (Workload, usize, String, String);

/// Everything that was measured.
pub struct Report {
    rows: usize,
    peers: Vec<String>,
    cpu: BTreeMap<Line, BTreeMap<String, Vec<f64>>>,
    wall: BTreeMap<Line, BTreeMap<String, Vec<f64>>>,
}

impl Report {
    pub const fn new(rows: usize) -> Report {
        Report { rows, peers: Vec::new(), cpu: BTreeMap::new(), wall: BTreeMap::new() }
    }

    pub fn add(&mut self, peer: &str, workload: Workload, measurements: Vec<Measurement>) {
        if !self.peers.iter().any(|known| known == peer) {
            self.peers.push(peer.to_string());
        }
        for (position, measurement) in measurements.into_iter().enumerate() {
            let line = |what: &str| (workload, position, measurement.phase.clone(), what.to_string());
            let add = |to: &mut BTreeMap<Line, BTreeMap<String, Vec<f64>>>, line, value| {
                to.entry(line).or_default().entry(peer.to_string()).or_default().push(value);
            };
            if measurement.operations > 0 {
                let each = 1e6 / measurement.operations as f64;
                add(&mut self.cpu, line(""), measurement.cpu * each);
                add(&mut self.wall, line(""), measurement.wall * each);
            }
            for (name, count) in &measurement.counts {
                add(&mut self.cpu, line(name), *count as f64);
            }
        }
    }

    /// The table: a line for each figure, a column for each peer.
    pub fn text(&self) -> String {
        let mut text = format!("{} rows; CPU µs an operation, × plain SQLite (wall µs)\n\n", self.rows);
        let _ = writeln!(text, "| | {} |", self.peers.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(self.peers.len()));
        for (line, by_peer) in &self.cpu {
            let (workload, _, phase, what) = line;
            let unit = if what.is_empty() { String::new() } else { format!(": {what}") };
            let _ = write!(text, "| {} {phase}{unit} |", workload.name().to_uppercase());
            let base = by_peer.get(peers::BASELINE).map(|values| median(values));
            for peer in &self.peers {
                let Some(value) = by_peer.get(peer).map(|values| median(values)) else {
                    text.push_str(" – |");
                    continue;
                };
                let ratio = base.map_or(String::new(), |base| format!(" ×{:.2}", value / base));
                let wall =
                    self.wall.get(line).and_then(|by_peer| by_peer.get(peer)).map(|values| median(values));
                let wall = wall.map_or(String::new(), |wall| format!(" ({wall:.1})"));
                let _ = match what.is_empty() {
                    true => write!(text, " {value:.2}{ratio}{wall} |"),
                    false => write!(text, " {value:.0}{ratio} |"),
                };
            }
            text.push('\n');
        }
        for peer in &self.peers {
            let lacks = peers::lacks(peer);
            if !lacks.is_empty() {
                let _ = write!(text, "\n{peer} lacks: {lacks}\n");
            }
        }
        text
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
