//! The figures as tables in Markdown, which are read as well on a terminal.

use std::fmt::Write as _;

use super::{Figure, Line, Report};
use crate::peers;
use crate::workloads::Workload;

/// A table for each workload that was run.
pub fn tables(report: &Report) -> String {
    let mut text = String::new();
    for workload in Workload::ALL {
        let lines = report.lines(workload);
        if !lines.is_empty() {
            let _ = writeln!(text, "### {}: {}\n", workload.name().to_uppercase(), workload.title());
            text.push_str(&table(report, &lines));
            text.push('\n');
        }
    }
    text
}

fn table(report: &Report, lines: &[Line<'_>]) -> String {
    let mut text = format!("| | {} |\n", report.peers.join(" | "));
    let _ = writeln!(text, "|---|{}", "--:|".repeat(report.peers.len()));
    for line in lines {
        let _ = write!(text, "| {} |", name(line));
        for peer in &report.peers {
            let cell = line.figures.get(peer.as_str()).map_or("–".to_string(), |figure| cell(line, figure));
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

/// What a line is about, and what its ratios refer to where that is not the usual peer.
pub fn name(line: &Line<'_>) -> String {
    let unit = line.subject.counted.as_deref().unwrap_or("µs");
    let base = line.other_base.map_or(String::new(), |base| format!(", × {base}"));
    format!("{}, {unit}{base}", line.subject.phase)
}

/// A figure, its wall time and its ratio.
pub fn cell(line: &Line<'_>, figure: &Figure) -> String {
    let ratio = figure.ratio.map_or(String::new(), |ratio| format!(" **×{}**", short(ratio)));
    match (&line.subject.counted, figure.wall) {
        (Some(_), _) | (None, None) => format!("{}{ratio}", whole(figure.value)),
        (None, Some(wall)) => format!("{} ({}){ratio}", short(figure.value), short(wall)),
    }
}

/// What each peer does not do that Reunite does.
pub fn lacks(peers: &[String]) -> String {
    let mut text = String::new();
    for peer in peers {
        let lacks = peers::lacks(peer);
        if !lacks.is_empty() {
            let _ = writeln!(text, "- **{peer}** lacks {lacks}");
        }
    }
    text
}

/// Three digits that matter, or all before the point.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => whole(value),
    }
}

/// A whole number, in groups of three.
pub fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
