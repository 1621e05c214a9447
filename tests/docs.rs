//! Holds the documentation to what the scripts print.
//!
//! In any Markdown file of the project a line `<!-- output of tests/scripts/NAME.script -->`, followed by
//! a fenced block, says that the block is the recorded output of that script; with `part of the output
//! of` instead it may be any run of its lines. `BLESS=1` writes whole outputs anew; a part has to be
//! chosen again by hand. That the recorded outputs are right is the business of `tests/scripts.rs`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What a block must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Claim {
    Whole,
    Part,
}

/// A fenced block below a marker.
#[derive(Debug)]
struct Block {
    /// The line of the marker, from 1.
    line: usize,
    claim: Claim,
    script: PathBuf,
    /// The lines between the fences, by position: the first, and one past the last.
    content: std::ops::Range<usize>,
}

/// The marker in a line, if it is one.
fn marker(line: &str) -> Option<(Claim, PathBuf)> {
    let text = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let (claim, script) = match text.strip_prefix("part of the ") {
        Some(text) => (Claim::Part, text),
        None => (Claim::Whole, text),
    };
    script.strip_prefix("output of ").map(|script| (claim, PathBuf::from(script)))
}

/// The marked blocks of a file. A marker without a block is an error: it would check nothing.
fn blocks(lines: &[&str]) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((claim, script)) = marker(line) else { continue };
        let opens = lines.get(at + 1).is_some_and(|line| line.starts_with("```"));
        let start = at + 2;
        let length = lines.get(start..).and_then(|rest| rest.iter().position(|line| *line == "```"));
        let (true, Some(length)) = (opens, length) else {
            return Err(format!("line {}: no fenced block follows the marker", at + 1));
        };
        found.push(Block { line: at + 1, claim, script, content: start..start + length });
    }
    Ok(found)
}

/// Checks a file, and returns its text as it should be, with what is wrong with it.
fn check(
    text: &str,
    recorded: impl Fn(&Path) -> io::Result<String>,
) -> Result<(String, Vec<String>), String> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut right, mut faults, mut copied) = (String::new(), Vec::new(), 0);
    let mut copy = |lines: Option<&[&str]>, right: &mut String| {
        for line in lines.unwrap_or_default() {
            right.push_str(line);
            right.push('\n');
        }
    };
    for block in blocks(&lines)? {
        let path = block.script.with_extension("out");
        let output =
            recorded(&path).map_err(|error| format!("line {}: {}: {error}", block.line, path.display()))?;
        let expected: Vec<&str> = output.lines().collect();
        let shown = lines.get(block.content.clone()).unwrap_or_default();
        copy(lines.get(copied..block.content.start), &mut right);
        copied = block.content.end;
        let agrees = match block.claim {
            Claim::Whole => shown == expected,
            Claim::Part => !shown.is_empty() && expected.windows(shown.len()).any(|run| run == shown),
        };
        if !agrees {
            faults.push(format!(
                "line {}: the block is not the output of {}",
                block.line,
                block.script.display()
            ));
        }
        match block.claim {
            Claim::Whole => copy(Some(&expected), &mut right),
            Claim::Part => copy(Some(shown), &mut right),
        }
    }
    copy(lines.get(copied..), &mut right);
    Ok((right, faults))
}

fn documents() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for directory in [".", "docs", "examples", "examples/data"] {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn the_output_shown_in_the_docs_is_what_the_scripts_print() -> Outcome {
    let bless = std::env::var_os("BLESS").is_some();
    let (mut faults, mut count) = (Vec::new(), 0);
    for path in documents()? {
        let text = fs::read_to_string(&path)?;
        let (right, wrong) = check(&text, |recorded| fs::read_to_string(recorded))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        count += blocks(&text.lines().collect::<Vec<_>>())?.len();
        if bless && right != text {
            fs::write(&path, &right)?;
        }
        let still_wrong =
            if bless { check(&right, |recorded| fs::read_to_string(recorded))?.1 } else { wrong };
        faults.extend(still_wrong.into_iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    writeln!(io::stdout(), "{count} blocks of output in the documentation")?;
    assert!(count > 0, "no marked block was found");
    assert!(
        faults.is_empty(),
        "{} faults (BLESS=1 writes whole outputs anew):\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(())
}

const OUTPUT: &str = "> a: row t x\nabsent\nconverged\n";

fn check_text(text: &str) -> Result<(String, Vec<String>), String> {
    check(text, |_| Ok(OUTPUT.to_owned()))
}

#[test]
fn a_whole_output_is_compared_and_written_anew() -> Outcome {
    let page =
        |block: &str| format!("# t\n<!-- output of tests/scripts/x.script -->\n```text\n{block}```\nend\n");
    assert_eq!(check_text(&page(OUTPUT))?.1, Vec::<String>::new());
    let (right, faults) = check_text(&page("absent\n"))?;
    assert_eq!(faults, ["line 2: the block is not the output of tests/scripts/x.script"]);
    assert_eq!(right, page(OUTPUT));
    Ok(())
}

#[test]
fn a_part_may_be_any_run_of_lines() -> Outcome {
    let page =
        |block: &str| format!("<!-- part of the output of tests/scripts/x.script -->\n```text\n{block}```\n");
    assert!(check_text(&page("absent\nconverged\n"))?.1.is_empty());
    assert_eq!(check_text(&page("> a: row t x\nconverged\n"))?.1.len(), 1);
    assert_eq!(check_text(&page(""))?.1.len(), 1);
    Ok(())
}

#[test]
fn a_marker_without_a_block_is_an_error() {
    assert!(check_text("<!-- output of tests/scripts/x.script -->\n\nno block\n").is_err());
    assert!(check_text("<!-- output of tests/scripts/x.script -->\n```text\nno end\n").is_err());
    assert!(check_text("<!-- a comment -->\nno block\n").is_ok());
}
