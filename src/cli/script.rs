//! `script`: runs scenarios; see docs/SCRIPTS.md.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::output::Output;
use crate::script::{self, ExitStatus, Options};

/// Run scenario scripts on in-memory replicas
///
/// Prints each command's answer. The exit status is 1 if an assertion fails or a command fails that was
/// not expected to, 2 if a script does not parse; the worst of several scripts counts.
#[derive(Debug, clap::Args)]
pub(super) struct RunScript {
    /// Print the scripts' lines too
    #[arg(long)]
    echo: bool,
    /// The scripts
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl RunScript {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<u8> {
        let mut worst = ExitStatus::Passed;
        for file in &self.files {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let base_dir = file.parent().unwrap_or(Path::new("")).to_path_buf();
            let options = Options { base_dir, echo: self.echo };
            worst = worst.max(if output.is_json() {
                let mut answers = Vec::new();
                let status = script::run(&text, &options, &mut answers)?;
                let answers = String::from_utf8_lossy(&answers);
                let file = file.display().to_string();
                output.object(&json!({ "file": file, "status": status.code(), "output": answers }))?;
                status
            } else {
                script::run(&text, &options, &mut output.writer())?
            });
        }
        Ok(worst.code())
    }
}
