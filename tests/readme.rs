//! The README tells the truth: what it quotes of the demo is what the demo prints. Its Rust example is
//! compiled as a documentation test, by `lib.rs`.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

const MARK: &str = "<!-- demo output: checked by tests/readme.rs -->\n```text\n";

fn demo() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_reunite")).arg("demo").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The block quotes parts of the output in their order; a line with `…` alone stands for what is left
/// out between two of them.
#[test]
fn the_readme_quotes_the_demo() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, block) = readme.split_once(MARK).expect("the README has no block for the demo's output");
    let (block, _) = block.split_once("```").expect("the block has no end");
    let output = demo();
    let mut rest = output.as_str();
    for part in block.split("…\n") {
        let lines = part.trim_matches('\n');
        let Some((_, after)) = rest.split_once(lines) else {
            panic!("the demo does not print this, or not in this order:\n{lines}\n\nIt prints:\n{output}");
        };
        rest = after;
    }
    assert!((20..=60).contains(&block.lines().count()), "the block has {} lines", block.lines().count());
}

#[test]
fn the_demo_prints_the_same_every_time() {
    assert_eq!(demo(), demo());
}
