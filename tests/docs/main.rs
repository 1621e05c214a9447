//! Holds the documentation to what the scripts print.
//!
//! In any Markdown file of the project a line `<!-- output of tests/scripts/NAME.script -->`, followed by
//! a fenced block, says that the block is the recorded output of that script. It may be cut: `from "TEXT"`
//! begins with the first line that has the text in it, `before "TEXT"` ends before the next such line.
//! `BLESS=1` writes the blocks anew. That the recorded outputs are right is the business of
//! `tests/scripts.rs`.

mod links;

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What a marker says of the block below it.
#[derive(Debug, PartialEq, Eq)]
struct Marker<'a> {
    script: &'a str,
    from: Option<&'a str>,
    before: Option<&'a str>,
}

impl<'a> Marker<'a> {
    /// The marker in a line, if it is one.
    fn read(line: &'a str) -> Option<Result<Marker<'a>, String>> {
        let text = line.trim().strip_prefix("<!-- output of ")?.strip_suffix("-->")?.trim();
        let (script, cuts) = text.split_once(' ').unwrap_or((text, ""));
        Some(Marker { script, from: None, before: None }.cut(cuts))
    }

    fn cut(mut self, cuts: &'a str) -> Result<Marker<'a>, String> {
        let mut rest = cuts.trim();
        while !rest.is_empty() {
            let wrong = || format!("`{rest}` is neither `from \"TEXT\"` nor `before \"TEXT\"`");
            let (word, quoted) = rest.split_once(" \"").ok_or_else(wrong)?;
            let (text, after) = quoted.split_once('"').ok_or_else(wrong)?;
            match word {
                "from" => self.from = Some(text),
                "before" => self.before = Some(text),
                _ => return Err(wrong()),
            }
            rest = after.trim();
        }
        Ok(self)
    }

    /// The lines of an output that the block must have.
    fn lines<'t>(&self, output: &'t str) -> Result<Vec<&'t str>, String> {
        let lines: Vec<&str> = output.lines().collect();
        let find = |text: &str, after: usize| {
            let place = lines.iter().skip(after).position(|line| line.contains(text));
            place
                .map(|place| place + after)
                .ok_or_else(|| format!("{}: no line has {text:?} in it", self.script))
        };
        let start = self.from.map_or(Ok(0), |text| find(text, 0))?;
        let end = self.before.map_or(Ok(lines.len()), |text| find(text, start + 1))?;
        let mut cut = lines.get(start..end).unwrap_or_default().to_vec();
        while cut.last().is_some_and(|line| line.is_empty()) {
            cut.pop();
        }
        Ok(cut)
    }
}

/// The lines of the fenced block that begins at line `at`, without the fences.
fn fenced(lines: &[&str], at: usize) -> Option<Range<usize>> {
    lines.get(at).filter(|line| line.starts_with("```"))?;
    let length = lines.get(at + 1..)?.iter().position(|line| *line == "```")?;
    Some(at + 1..at + 1 + length)
}

/// A page as it should be, how many blocks it has, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    right: String,
    blocks: usize,
    faults: Vec<String>,
}

fn check(text: &str, recorded: impl Fn(&Path) -> io::Result<String>) -> Result<Checked, String> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut right, mut blocks, mut faults, mut copied) = (Vec::new(), 0, Vec::new(), 0);
    for (at, line) in lines.iter().enumerate() {
        let Some(marker) = Marker::read(line) else { continue };
        let place = |error: String| format!("line {}: {error}", at + 1);
        let marker = marker.map_err(place)?;
        let block =
            fenced(&lines, at + 1).ok_or_else(|| place("no fenced block follows the marker".to_owned()))?;
        let output = recorded(&Path::new(marker.script).with_extension("out"));
        let output = output.map_err(|error| place(format!("{}: {error}", marker.script)))?;
        let expected: Vec<String> =
            marker.lines(&output).map_err(place)?.into_iter().map(str::to_owned).collect();
        if lines.get(block.clone()).unwrap_or_default() != expected {
            faults.push(place(format!("the block is not the output of {}", marker.script)));
        }
        right
            .extend(lines.get(copied..block.start).unwrap_or_default().iter().map(|line| (*line).to_owned()));
        right.extend(expected);
        copied = block.end;
        blocks += 1;
    }
    right.extend(lines.get(copied..).unwrap_or_default().iter().map(|line| (*line).to_owned()));
    Ok(Checked { right: right.join("\n") + "\n", blocks, faults })
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
        let checked = check(&text, |recorded| fs::read_to_string(recorded));
        let checked = checked.map_err(|error| format!("{}: {error}", path.display()))?;
        count += checked.blocks;
        if bless && !checked.faults.is_empty() {
            fs::write(&path, &checked.right)?;
        } else {
            faults.extend(checked.faults.into_iter().map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    writeln!(io::stdout(), "{count} blocks of output in the documentation")?;
    assert!(count > 0, "no marked block was found");
    assert!(
        faults.is_empty(),
        "{} faults (BLESS=1 writes the blocks anew):\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(())
}

const OUTPUT: &str = "> a: row t x\nabsent\n\n> a: rows t\nno rows\n";

fn check_text(marker: &str, block: &str) -> Result<Checked, String> {
    check(&page(marker, block), |path| {
        assert_eq!(path, Path::new("tests/scripts/x.out"));
        Ok(OUTPUT.to_owned())
    })
}

fn page(marker: &str, block: &str) -> String {
    format!("# t\n<!-- output of tests/scripts/x.script{marker} -->\n```text\n{block}```\nend\n")
}

#[test]
fn a_block_is_compared_and_written_anew() -> Outcome {
    assert_eq!(check_text("", OUTPUT)?, Checked { right: page("", OUTPUT), blocks: 1, faults: Vec::new() });
    let wrong = check_text("", "absent\n")?;
    assert_eq!(wrong.faults, ["line 2: the block is not the output of tests/scripts/x.script"]);
    assert_eq!(wrong.right, page("", OUTPUT));
    Ok(())
}

#[test]
fn an_output_can_be_cut() -> Outcome {
    assert_eq!(check_text(" from \"rows t\"", "> a: rows t\nno rows\n")?.faults, [""; 0]);
    // The empty line before the cut goes too.
    assert_eq!(check_text(" from \"absent\" before \"rows t\"", "absent\n")?.faults, [""; 0]);
    assert_eq!(check_text(" before \"absent\"", OUTPUT)?.right, page(" before \"absent\"", "> a: row t x\n"));
    Ok(())
}

#[test]
fn a_marker_that_checks_nothing_is_an_error() {
    let error = |marker, block| check_text(marker, block).err().unwrap_or_default();
    assert_eq!(
        error(" from \"nothing\"", ""),
        "line 2: tests/scripts/x.script: no line has \"nothing\" in it"
    );
    assert_eq!(
        error(" after \"x\"", ""),
        "line 2: `after \"x\"` is neither `from \"TEXT\"` nor `before \"TEXT\"`"
    );
    let none = check("<!-- output of a.script -->\n\nno block\n", |_| Ok(OUTPUT.to_owned()));
    assert_eq!(none, Err("line 1: no fenced block follows the marker".to_owned()));
    let open = check("<!-- output of a.script -->\n```text\nno end\n", |_| Ok(OUTPUT.to_owned()));
    assert_eq!(open, Err("line 1: no fenced block follows the marker".to_owned()));
    let missing = check("<!-- output of a.script -->\n```\n```\n", |_| Err(io::ErrorKind::NotFound.into()));
    assert_eq!(missing, Err("line 1: a.script: entity not found".to_owned()));
}
