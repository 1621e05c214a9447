//! The command line from outside: the built binary, in a directory of its own, as a user runs it.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bad_input;
mod damage;
mod files;
mod natural;
mod rows;
mod session;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A directory to work in.
struct Desk {
    directory: TempDir,
}

/// What a command answered.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: i32,
    out: String,
    errors: String,
}

impl Desk {
    fn new() -> Desk {
        Desk { directory: TempDir::new().unwrap() }
    }

    /// A desk with the database `shop`: two customers and two products.
    fn with_shop() -> Desk {
        let desk = Desk::new();
        desk.ok(&["init", "shop", &example("schema.sql")]);
        desk.write("customers.csv", "code,name,phone\nANN,Ann Müller,1\nBOB,Bob,2\n");
        desk.write("products.csv", "sku,name,price\nGLUE,Glue,690\nBONE,\"Bone folder, 6\"\"\",790\n");
        desk.ok(&["import", "shop", "customer", "customers.csv"]);
        desk.ok(&["import", "shop", "product", "products.csv"]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    /// Runs `reunite` with these arguments.
    fn run(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        Answer {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reunite"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed and say nothing on the error stream; returns its answer.
    fn ok(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!((answer.status, answer.errors.as_str()), (0, ""), "{arguments:?}");
        answer.out
    }

    /// Runs a command that must fail; returns the one line that it says.
    fn fails(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!((answer.status, answer.out.as_str()), (1, ""), "{arguments:?}: {answer:?}");
        assert_eq!(answer.errors.lines().count(), 1, "{arguments:?}: {}", answer.errors);
        let line = answer.errors.strip_prefix("error: ").expect(&answer.errors);
        line.trim_end().to_string()
    }

    /// Everything that a database holds, as far as anybody can see.
    fn contents(&self, database: &str) -> String {
        let status: serde_json::Value =
            serde_json::from_str(&self.ok(&["--json", "status", database])).unwrap();
        let mut all = format!("{} {}\n", status["replica"], status["knowledge"]);
        for table in ["customer", "product", "orders", "order_line"] {
            all.push_str(&self.ok(&["--json", "rows", database, table]));
        }
        all + &self.ok(&["--json", "conflicts", database])
    }
}

/// A file of `examples/data`.
fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name);
    path.to_str().unwrap().to_string()
}

/// A text with everything that looks like a UUID replaced by `<id>`.
fn without_ids(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let candidate = rest.get(..36).filter(|part| part.matches('-').count() == 4);
        if candidate.is_some_and(|part| part.chars().all(|c| c.is_ascii_hexdigit() || c == '-')) {
            plain.push_str("<id>");
            rest = &rest[36..];
        } else {
            plain.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    plain
}
