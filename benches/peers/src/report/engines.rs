//! The part of the page about engines that is written: the same work on Reunite over each of them.
//!
//! The rest of that page is not touched.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::{Report, document, tables};
use crate::machine::Machine;
use crate::peers;
use crate::workloads::Workload;

/// What an engine may change.
pub const WORKLOADS: [Workload; 8] = {
    use Workload::{W1, W2, W3, W4, W6, W7, W8, W9};
    [W1, W2, W3, W4, W6, W7, W8, W9]
};

/// Between these lines of the page.
const BEGIN: &str = "<!-- begin of what benches/peers writes -->\n";
const END: &str = "<!-- end of what benches/peers writes -->\n";

/// Puts the figures in the place of those that the page has.
pub fn put_into(page: &str, machine: &Machine, report: &Report) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("the page has no place for the figures")?;
    let (_, after) = rest.split_once(END).context("the place for the figures has no end")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", figures(machine, report)))
}

fn figures(machine: &Machine, report: &Report) -> String {
    let features: &[&str] = if peers::ENGINES.contains(&"sled") { &["sled"] } else { &[] };
    let mut text = String::new();
    let _ = writeln!(text, "```sh\n{}\n```\n", document::command(features));
    text.push_str(&document::circumstances(machine, report));
    let _ = write!(text, "\n{}", tables::tables(report));
    text.trim_end().to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let (machine, report) = (Machine::this(), Report::new(1, 1, &["redb"]));
        let page = format!("# Engines\n\n{BEGIN}\nold\n\n{END}\n## Memory\n");
        let once = put_into(&page, &machine, &report).expect("the marks are there");
        assert!(once.starts_with(&format!("# Engines\n\n{BEGIN}\n```sh\n")) && !once.contains("old"));
        assert!(once.ends_with(&format!("\n\n{END}\n## Memory\n")));
        assert_eq!(put_into(&once, &machine, &report).expect("the marks stay").matches(BEGIN).count(), 1);
        assert!(put_into("# Engines\n", &machine, &report).is_err());
    }
}
