//! What depends on the number of rows, and how: Reunite and plain SQLite at several sizes, side by side.

use std::fmt::Write as _;

use super::tables::{cell, name, whole};
use super::{Line, Report, Subject};
use crate::workloads::Workload;

pub const WORKLOADS: [Workload; 5] = [Workload::W1, Workload::W3, Workload::W4, Workload::W7, Workload::W9];

/// What a peer's figure is at each size, with the number of rows.
pub fn series(sizes: &[Report], subject: &Subject, peer: &str) -> Vec<(f64, f64)> {
    let at_size = |report: &Report| {
        let lines = report.lines(subject.workload);
        let figure = lines.iter().find(|line| line.subject == subject)?.figures.get(peer)?.value;
        (figure > 0.0).then_some((report.rows as f64, figure))
    };
    sizes.iter().filter_map(at_size).collect()
}

/// A table for each workload: a line for each figure, a column for each peer and size.
pub fn tables(sizes: &[Report]) -> String {
    let mut text = String::new();
    let Some(first) = sizes.first() else { return text };
    for workload in WORKLOADS {
        let by_size: Vec<Vec<Line<'_>>> = sizes.iter().map(|report| report.lines(workload)).collect();
        let _ = writeln!(text, "### {} by size: {}\n", workload.name().to_uppercase(), workload.title());
        text.push_str("| |");
        for peer in &first.peers {
            for report in sizes {
                let _ = write!(text, " {peer}, {} |", whole(report.rows as f64));
            }
        }
        let _ = writeln!(text, "\n|---|{}", "--:|".repeat(first.peers.len() * sizes.len()));
        for (i, line) in by_size[0].iter().enumerate() {
            let _ = write!(text, "| {} |", name(line));
            for peer in &first.peers {
                for lines in &by_size {
                    let line = lines.get(i).filter(|found| found.subject == line.subject);
                    let figure = line.and_then(|line| Some((line, line.figures.get(peer.as_str())?)));
                    let cell = figure.map_or("–".to_string(), |(line, figure)| cell(line, figure));
                    let _ = write!(text, " {cell} |");
                }
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}
