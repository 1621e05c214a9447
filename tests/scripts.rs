//! The golden scripts: runs every `tests/scripts/**/*.script` and compares what it prints with the
//! `.out` file beside it. `BLESS=1` writes those files anew: read the difference before committing it.
//!
//! The recorded output has the script's own lines between the answers, so it can be read alone. What
//! the answers should be is not decided here: each file was checked by hand against the design.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use reunite::script::{ExitStatus, Options, run};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Every script below a directory, in a stable order.
fn scripts_below(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            scripts_below(&path, found)?;
        } else if path.extension() == Some(OsStr::new("script")) {
            found.push(path);
        }
    }
    Ok(())
}

fn output_of(path: &Path, text: &str) -> io::Result<(String, ExitStatus)> {
    let base_dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut output = Vec::new();
    let status = run(text, &Options { base_dir, echo: true }, &mut output)?;
    Ok((String::from_utf8_lossy(&output).into_owned(), status))
}

/// What is wrong with a script, or with what it printed.
fn check(path: &Path, bless: bool) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(path)?;
    let (output, status) = output_of(path, &text)?;
    let mut faults = Vec::new();
    if status != ExitStatus::Passed {
        faults.push(format!("ended with {status:?} and printed\n{output}"));
    }
    if output_of(path, &text)?.0 != output {
        faults.push("printed something else when it ran again".to_owned());
    }
    let commands: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let syncs = commands.iter().any(|line| line.starts_with("sync "));
    if syncs && commands.last() != Some(&"assert converged") {
        faults.push("syncs, so its last line must be `assert converged`".to_owned());
    }
    faults.extend(self_check(path, &text)?);
    let recorded = path.with_extension("out");
    if bless {
        fs::write(&recorded, &output)?;
    } else if let Some(difference) = difference(&fs::read_to_string(&recorded).unwrap_or_default(), &output) {
        faults.push(difference);
    }
    Ok(faults)
}

/// What the replicas find wrong with themselves when the script has ended.
fn self_check(path: &Path, text: &str) -> io::Result<Option<String>> {
    let replicas = text.lines().find_map(|line| line.strip_prefix("replicas ")).unwrap_or_default();
    let replicas = replicas.split(' ').take_while(|word| *word != "priority");
    let checks: String = replicas.map(|replica| format!("{replica}: check\n")).collect();
    let (output, status) = output_of(path, &format!("{text}\n{checks}"))?;
    Ok((status != ExitStatus::Passed).then(|| format!("leaves something wrong behind\n{output}")))
}

/// The first line in which two texts differ.
fn difference(recorded: &str, printed: &str) -> Option<String> {
    if recorded == printed {
        return None;
    }
    let pairs = recorded.lines().map(Some).chain(std::iter::repeat(None)).zip(printed.lines());
    let line = pairs.take_while(|(recorded, printed)| *recorded == Some(*printed)).count();
    let shown = |text: &str| text.lines().nth(line).map_or_else(|| "(the end)".to_owned(), str::to_owned);
    Some(format!(
        "differs from its .out file in line {}\n  recorded: {}\n  printed:  {}",
        line + 1,
        shown(recorded),
        shown(printed)
    ))
}

#[test]
fn every_script_prints_what_was_recorded() -> Outcome {
    let bless = std::env::var_os("BLESS").is_some();
    let mut scripts = Vec::new();
    scripts_below(Path::new("tests/scripts"), &mut scripts)?;
    let mut faults = Vec::new();
    for path in &scripts {
        faults.extend(check(path, bless)?.into_iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    writeln!(io::stdout(), "{} scripts", scripts.len())?;
    assert!(scripts.len() >= 50, "only {} scripts were found", scripts.len());
    assert!(faults.is_empty(), "{} faults:\n\n{}", faults.len(), faults.join("\n\n"));
    Ok(())
}

/// A recorded output without its script would never be looked at again.
#[test]
fn every_recorded_output_has_its_script() -> Outcome {
    for directory in fs::read_dir("tests/scripts")? {
        let directory = directory?.path();
        if !directory.is_dir() {
            continue;
        }
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let orphan =
                path.extension() == Some(OsStr::new("out")) && !path.with_extension("script").exists();
            assert!(!orphan, "{} has no script", path.display());
        }
    }
    Ok(())
}

#[test]
fn a_difference_names_the_first_line_that_differs() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    let text = difference("a\nb\n", "a\nc\n").unwrap_or_default();
    assert!(text.contains("line 2\n  recorded: b\n  printed:  c"), "{text}");
    let text = difference("a\n", "a\nc\n").unwrap_or_default();
    assert!(text.contains("line 2\n  recorded: (the end)\n  printed:  c"), "{text}");
    let text = difference("a\nb\n", "a\n").unwrap_or_default();
    assert!(text.contains("line 2\n  recorded: b\n  printed:  (the end)"), "{text}");
}
