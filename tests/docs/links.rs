//! Every link from one page of the project to another, or into the sources, leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::{Outcome, documents};

/// The targets of the links in a text, outside of code.
fn targets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        code ^= line.starts_with("```");
        let parts = line.split("](").skip(1).filter(|_| !code);
        found.extend(parts.filter_map(|part| part.split_once(')')).map(|(target, _)| target));
    }
    found
}

/// What links to the headings of a page end with.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let name = line.trim_start_matches('#').trim().to_lowercase();
        let kept = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// Why a link of a page leads nowhere, if it does.
fn fault(page: &Path, text: &str, target: &str) -> Option<String> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = page.parent().unwrap_or(Path::new(".")).join(file);
    if !file.is_empty() && !path.exists() {
        return Some(format!("{}: {target}: there is no such file", page.display()));
    }
    let other = if file.is_empty() { text.to_owned() } else { fs::read_to_string(&path).unwrap_or_default() };
    let missing = !anchor.is_empty() && !anchors(&other).contains(anchor);
    missing.then(|| format!("{}: {target}: there is no such heading", page.display()))
}

#[test]
fn links_lead_somewhere() -> Outcome {
    let (mut count, mut faults) = (0, Vec::new());
    for path in documents()? {
        let text = fs::read_to_string(&path)?;
        for target in targets(&text).into_iter().filter(|target| !target.contains("://")) {
            count += 1;
            faults.extend(fault(&path, &text, target));
        }
    }
    writeln!(io::stdout(), "{count} links in the documentation")?;
    assert!(count > 0, "no link was found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn a_broken_link_is_found() {
    let text = "# A Heading, of `code`\nsee [x](nowhere.md), [y](#a-heading-of-code) and [z](#elsewhere)\n";
    let all = targets(text);
    assert_eq!(all, ["nowhere.md", "#a-heading-of-code", "#elsewhere"]);
    let faults: Vec<bool> =
        all.iter().map(|target| fault(Path::new("docs/x.md"), text, target).is_some()).collect();
    assert_eq!(faults, [true, false, true]);
}
