//! The file of recorded counts: how the program was built in its first line, then a workload and its count in each.
//! It does not say what a difference means.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// What the program took, built in one way.
pub struct Record {
    pub build: String,
    /// Each workload, and its instructions a row.
    pub counts: Vec<(String, f64)>,
}

impl Record {
    pub fn read() -> Outcome<Self> {
        let text = fs::read_to_string(path())?;
        let (build, counts) = text.split_once('\n').ok_or("the first line says how it was built")?;
        let counts = counts.lines().map(|line| {
            let (name, count) = line.rsplit_once(' ').ok_or("a line is a name and a count")?;
            Ok((name.to_owned(), count.parse()?))
        });
        Ok(Self { build: build.to_owned(), counts: counts.collect::<Outcome<_>>()? })
    }

    pub fn write(&self) -> Outcome<()> {
        let counts: Vec<String> =
            self.counts.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        Ok(fs::write(path(), format!("{}\n{}", self.build, counts.concat()))?)
    }

    pub fn count(&self, workload: &str) -> Option<f64> {
        self.counts.iter().find(|(name, _)| name == workload).map(|(_, count)| *count)
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded.txt")
}
