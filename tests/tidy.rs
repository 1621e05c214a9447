//! Holds the source tree to its own rules: the order of the layers, an opening line in every file,
//! and a bound on the length of files and functions.
//!
//! It reads the source as text and does not compile it, so it takes milliseconds and needs no
//! dependency. It does not judge style: that is left to rustfmt, clippy and people. What it cannot see
//! is a path built by a macro from parts; no macro of this crate does that.

#[path = "tidy/bad_sources.rs"]
mod bad_sources;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/lexer.rs"]
mod lexer;
#[path = "tidy/shape.rs"]
mod shape;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The places that hold Rust source of this project.
const ROOTS: [&str; 5] = ["src", "tests", "examples", "benches", "fuzz"];

/// What was looked at and what was found wrong.
#[derive(Default)]
struct Report {
    files: usize,
    functions: usize,
    uses: usize,
    faults: Vec<String>,
}

impl Report {
    fn fault(&mut self, path: &str, line: usize, message: &str) {
        self.faults.push(format!("{path}:{line}: {message}"));
    }
}

/// Checks one file; `path` is relative to the project's root, with `/` between its parts.
fn check_source(path: &str, source: &str, report: &mut Report) {
    let lexed = lexer::lex(source);
    report.files += 1;
    shape::check(path, source, &lexed, report);
    layers::check(path, &lexed, report);
}

/// Every Rust file below `directory`, in a stable order, leaving build output aside.
fn rust_files(directory: &Path, found: &mut Vec<String>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !path.ends_with("target") {
                rust_files(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

#[test]
fn the_source_tree_is_tidy() -> io::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for root in ROOTS.map(|root| project.join(root)).into_iter().filter(|root| root.is_dir()) {
        rust_files(&root, &mut files)?;
    }
    let prefix = format!("{}/", project.to_string_lossy().replace('\\', "/"));
    let mut report = Report::default();
    for file in &files {
        check_source(file.strip_prefix(&prefix).unwrap_or(file), &fs::read_to_string(file)?, &mut report);
    }
    // Straight to the stream: the counts are shown even when the test passes.
    writeln!(
        io::stderr(),
        "tidy: {} files, {} functions, {} uses of the crate's own modules checked",
        report.files,
        report.functions,
        report.uses
    )?;
    assert!(report.files > 20 && report.functions > 20 && report.uses > 20, "the walk missed the source");
    assert!(report.faults.is_empty(), "{} faults:\n{}", report.faults.len(), report.faults.join("\n"));
    Ok(())
}
