//! Everything that was measured: medians over the rounds, and their ratios to a baseline.
//!
//! How it is shown is the affair of the other files here. Nothing here decides whether a figure is good.

pub mod chart;
pub mod document;
pub mod engines;
pub mod growth;
pub mod growth_chart;
mod svg;
pub mod tables;

use std::collections::BTreeMap;

use crate::measure::Measurement;
use crate::workloads::Workload;

/// What a figure is the figure of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub workload: Workload,
    pub phase: String,
    /// What was counted; none if it is the time of an operation.
    pub counted: Option<String>,
}

/// The values of all rounds. A count has no wall time.
#[derive(Default)]
struct Samples {
    values: Vec<f64>,
    wall: Vec<f64>,
}

/// What came out for one peer.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Microseconds of CPU time an operation, or a count.
    pub value: f64,
    /// Microseconds of wall time an operation.
    pub wall: Option<f64>,
    /// How many times the baseline's value.
    pub ratio: Option<f64>,
}

/// One line of a table.
pub struct Line<'a> {
    pub subject: &'a Subject,
    /// The peer that the ratios refer to.
    pub base: Option<&'static str>,
    /// The same, where it is not the one that most lines refer to.
    pub other_base: Option<&'static str>,
    pub figures: BTreeMap<&'a str, Figure>,
}

/// Everything that was measured at one size.
pub struct Report {
    pub rows: usize,
    pub rounds: usize,
    pub peers: Vec<String>,
    /// What a figure is compared with: the first of these that has one.
    baselines: &'static [&'static str],
    samples: Vec<(Subject, BTreeMap<String, Samples>)>,
}

impl Report {
    pub const fn new(rows: usize, rounds: usize, baselines: &'static [&'static str]) -> Report {
        Report { rows, rounds, peers: Vec::new(), baselines, samples: Vec::new() }
    }

    /// Adds a round of a workload on a peer.
    pub fn add(&mut self, peer: &str, workload: Workload, measurements: Vec<Measurement>) {
        if !self.peers.iter().any(|known| known == peer) {
            self.peers.push(peer.to_string());
        }
        for measurement in measurements {
            let subject = |counted| Subject { workload, phase: measurement.phase.clone(), counted };
            if measurement.operations > 0 {
                let each = 1e6 / measurement.operations as f64;
                let samples = self.samples_of(subject(None), peer);
                samples.values.push(measurement.cpu * each);
                samples.wall.push(measurement.wall * each);
            }
            for (name, count) in &measurement.counts {
                let samples = self.samples_of(subject(Some(name.clone())), peer);
                samples.values.push(*count as f64);
            }
        }
    }

    fn samples_of(&mut self, subject: Subject, peer: &str) -> &mut Samples {
        let position = self.samples.iter().position(|(known, _)| *known == subject);
        let position = position.unwrap_or_else(|| {
            self.samples.push((subject, BTreeMap::new()));
            self.samples.len() - 1
        });
        self.samples[position].1.entry(peer.to_string()).or_default()
    }

    /// The lines of a workload's table, in the order in which they were measured.
    pub fn lines(&self, workload: Workload) -> Vec<Line<'_>> {
        let of_workload = self.samples.iter().filter(|(subject, _)| subject.workload == workload);
        of_workload.map(|(subject, by_peer)| line(self.baselines, subject, by_peer)).collect()
    }
}

fn line<'a>(
    baselines: &[&'static str],
    subject: &'a Subject,
    by_peer: &'a BTreeMap<String, Samples>,
) -> Line<'a> {
    let base = baselines.iter().copied().find(|base| by_peer.contains_key(*base));
    let base_value = base.map(|base| median(&by_peer[base].values)).filter(|value| *value > 0.0);
    let figure = |samples: &Samples| {
        let value = median(&samples.values);
        Figure {
            value,
            wall: (!samples.wall.is_empty()).then(|| median(&samples.wall)),
            ratio: base_value.map(|base| value / base),
        }
    };
    let figures = by_peer.iter().map(|(peer, samples)| (peer.as_str(), figure(samples))).collect();
    let other_base = base.filter(|base| baselines.first() != Some(base));
    Line { subject, base, other_base, figures }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
