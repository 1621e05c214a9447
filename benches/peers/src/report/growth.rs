//! What depends on the number of rows, and how: Reunite and plain SQLite at several sizes, side by side.

use std::fmt::Write as _;

use super::tables::{cell, name, whole};
use super::{Line, Report};
use crate::workloads::Workload;

pub const WORKLOADS: [Workload; 5] = [Workload::W1, Workload::W3, Workload::W4, Workload::W7, Workload::W9];

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
