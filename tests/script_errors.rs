//! What the runner says of scripts that are wrong: exact messages and exit status.
//!
//! A script that does not parse runs nothing and names its line (status 2). One that parses and does
//! not do what it says has failed (status 1).

use std::path::PathBuf;

use reunite::script::{ExitStatus, Options, run};

const TABLES: &str = "replicas a b\nschema <<END\nCREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER);\nEND\n";

fn print(text: &str) -> (ExitStatus, String) {
    let mut output = Vec::new();
    // A vector takes everything that is written to it.
    let status = run(text, &Options::default(), &mut output).unwrap_or(ExitStatus::NotAScript);
    (status, String::from_utf8_lossy(&output).into_owned())
}

/// Line 5 of a script that has replicas and a table, and what is wrong with it.
const BAD_LINES: &[(&str, &str)] = &[
    ("insrt t {}", "`insrt` is not a command; one on a replica is written `a: insrt …`"),
    ("a: insrt t {}", "`insrt` is not a command of a replica"),
    ("a:", "a command is missing"),
    ("c: rows t", "there is no replica `c`: the replicas are a, b"),
    ("a: sync b", "`sync` is not a command of one replica: write it at the line's start, as `sync a …`"),
    ("a: rows", "the table is missing"),
    ("a: rows t u", "`u` is too much here"),
    ("a: rows {\"k\":1}", "`{\"k\":1}` is no name for the table: use letters, digits, `_`, `-` and `.`"),
    ("a: row t", "the row is missing"),
    ("a: row t {}", "the key of the row must name at least one column"),
    ("a: insert t", "the row must be a JSON object like {\"column\":1}: the line ends"),
    ("a: insert t x", "the row must be a JSON object like {\"column\":1}: found `x`"),
    ("a: insert t {\"k\":}", "the row is no JSON object: expected value (character 6 of it)"),
    ("a: insert t {\"k\":1", "the row is no JSON object: EOF while parsing an object (character 6 of it)"),
    ("a: insert t {\"k\":\"x\"} as", "the row is missing"),
    ("a: insert t {\"k\":\"x\"} as a b", "`b` is too much here"),
    (
        "a: insert t {\"k\":1,\"k\":2}",
        "the row is no JSON object: member \"k\" stands there twice (character 13 of it)",
    ),
    ("a: update t x", "the new values must be a JSON object like {\"column\":1}: the line ends"),
    ("a: update t x {}", "the new values must name at least one column"),
    (
        "a: resolve keep-winner",
        "`keep-winner` is not the position of a conflict in the last listing: give a whole number",
    ),
    ("a: resolve 0 keep-winner", "the first conflict of a listing is number 1"),
    ("a: resolve 1", "how to resolve the conflict is missing"),
    (
        "a: resolve 1 keep",
        "`keep` is not a resolution; they are keep-winner, keep-loser, set, rename, prefer, merge, keep-both, reparent, restore-parent, \
         delete and dismiss",
    ),
    ("a: resolve 1 set", "the values to set must be a JSON object like {\"column\":1}: the line ends"),
    ("a: version t x", "a version needs a name: `version TABLE ROW as NAME`"),
    (
        "a: update? t x {\"v\":1}",
        "`{\"v\":1}` is no name for the version: use letters, digits, `_`, `-` and `.`",
    ),
    ("a: delete? t x", "the version is missing"),
    ("a: undo", "the position of a conflict in the last listing is missing"),
    ("expire a", "what is to expire is missing: write it like `expire a older-than 30d`"),
    ("expire a older-than +30d", "`+30d` is no age: write it like 5s, 10m, 250ms, 1h or 30d"),
    ("a: alter <<END", "the text has no end: a line `END` is missing"),
    ("a: alter DROP TABLE t", "the SQL is missing: write `a: alter <<END`, the statements, and a line `END`"),
    ("a: alter <<", "`<<` is followed by a word, and a line of that word ends the text"),
    ("master a b", "write `master a -> b`, or `master! b` to take the role by force"),
    ("master! c", "there is no replica `c`: the replicas are a, b"),
    ("preview a b", "a preview goes one way: write it as `preview a -> b`"),
    ("preview a -> a", "a replica does not sync with itself"),
    ("purge a", "`purge` is not supported by this version of Reunite"),
    (
        "sync a b policy coin",
        "there is no policy `coin`; they are automatic, source-wins, destination-wins, merge, rename-source, \
         rename-destination, skip, defer",
    ),
    (
        "sync a b handler nobody",
        "there is no handler `nobody`; they are join, attach, keep-source, fails, panics, slow",
    ),
    ("sync a", "the name of a replica is missing"),
    ("sync a a", "a replica does not sync with itself"),
    ("sync a <- b", "there is no replica `<-`: the replicas are a, b"),
    ("sync a b cut", "the number of bytes after which the session breaks is missing"),
    (
        "sync a b cut -1",
        "`-1` is not the number of bytes after which the session breaks: give a whole number",
    ),
    ("sync all b", "`b` is too much here"),
    ("clock a", "how far to move the clock is missing"),
    ("clock a 5s", "`5s` does not move a clock: write it like +5s, -10m, +250ms, +1h or +3d"),
    ("clock a +5w", "`+5w` does not move a clock: write it like +5s, -10m, +250ms, +1h or +3d"),
    ("crash", "the name of a replica is missing"),
    ("assert equal", "`equal` cannot be asserted: write `assert converged`"),
    ("expect failure", "`failure` cannot be expected: write `expect error CODE`"),
    ("expect error", "the code of the error is missing"),
    ("replicas c", "the replicas are named already: a script has one `replicas` line"),
    ("schema <<END", "there is a schema already: change it with `a: alter <<END`"),
];

#[test]
fn a_bad_line_is_named_and_nothing_runs() {
    for (line, message) in BAD_LINES {
        let (status, output) = print(&format!("{TABLES}{line}\na: rows t\n"));
        assert_eq!(output, format!("line 5: {message}\n"), "{line}");
        assert_eq!(status, ExitStatus::NotAScript, "{line}");
    }
}

#[test]
fn an_unknown_error_code_is_refused_with_the_known_ones() {
    let (status, output) = print(&format!("{TABLES}expect error duplicate\n"));
    assert!(
        output.starts_with("line 5: there is no error code `duplicate`; the codes are duplicate-key, "),
        "{output}"
    );
    assert_eq!(status, ExitStatus::NotAScript);
}

/// Whole scripts that are wrong in their first lines.
#[test]
fn bad_headers_are_named() {
    let cases = [
        ("a: rows t\n", "line 1: there is no replica `a`: name the replicas first, as in `replicas a b`"),
        ("replicas\n", "line 1: a replica is missing"),
        ("# one\n\nreplicas a a\n", "line 3: replica `a` is named twice"),
        ("replicas all\n", "line 1: no replica can be called `all`: `sync all` means all of them"),
        ("replicas a:\n", "line 1: `a:` is no name for a replica: use letters, digits, `_`, `-` and `.`"),
        ("replicas a priority\n", "line 1: a priority like `a=90` is missing"),
        ("replicas a priority 90\n", "line 1: `90` is not a priority: write it like `a=90`"),
        ("replicas a priority b=1\n", "line 1: there is no replica `b`: the replicas are a"),
        ("replicas a priority a=101\n", "line 1: `a=101`: a priority is a number from 0 to 100"),
        ("schema <<END\nEND\n", "line 1: name the replicas before their schema, as in `replicas a b`"),
        ("replicas a\na: rows t\n", "line 2: a `schema` must come first: the replicas have no tables yet"),
        (
            "replicas a\nschema\n",
            "line 2: the schema is missing: write `schema <<END`, the tables, and a line `END`; or the name of a file",
        ),
        (
            "replicas a\nschema <<\nEND\n",
            "line 2: `<<` is followed by a word, and a line of that word ends the text",
        ),
        (
            "replicas a\nschema <<END\nCREATE TABLE t (k TEXT);\n",
            "line 2: the text has no end: a line `END` is missing",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(print(text), (ExitStatus::NotAScript, format!("{message}\n")), "{text}");
    }
}

/// An error in the schema is told with its line of the script.
#[test]
fn an_error_in_the_schema_has_its_own_line() {
    let (status, output) = print("replicas a\nschema <<END\nCREATE TABLE t (\n  k VARCHAR(10)\n);\nEND\n");
    assert!(output.starts_with("line 4: column 5: "), "{output}");
    assert_eq!(status, ExitStatus::NotAScript);
}

#[test]
fn a_schema_file_that_is_not_there_is_named() {
    let (status, output) = print("replicas a\nschema nowhere.sql\n");
    assert!(output.starts_with("line 2: cannot read nowhere.sql: "), "{output}");
    assert_eq!(status, ExitStatus::NotAScript);
}

#[test]
fn a_schema_file_is_looked_for_beside_the_script() {
    let options = Options { base_dir: PathBuf::from("tests/scripts/sync"), echo: false };
    let mut output = Vec::new();
    let status = run("replicas a\nschema shop.sql\na: rows customer\n", &options, &mut output);
    assert_eq!(status.ok(), Some(ExitStatus::Passed));
    assert_eq!(output, b"no rows\n");
}

/// Scripts that run, and do not do what they say.
#[test]
fn a_script_that_fails_says_where_and_goes_on() {
    let cases = [
        // An error that nobody expected; the script goes on.
        ("a: rows u\na: rows t\n", "error unknown-table: there is no table u\nno rows\n"),
        // The last command counts too.
        ("a: rows u\n", "error unknown-table: there is no table u\n"),
        (
            "a: rows u\nexpect error no-such-row\n",
            "error unknown-table: there is no table u\n\
             assertion failed: line 6: expected error no-such-row, but line 5 failed with unknown-table\n",
        ),
        (
            "a: rows t\nexpect error unknown-table\n",
            "no rows\n\
             assertion failed: line 6: expected error unknown-table, but the command before did not fail\n",
        ),
        // An expected error is expected once.
        (
            "a: rows u\nexpect error unknown-table\nexpect error unknown-table\n",
            "error unknown-table: there is no table u\n\
             assertion failed: line 7: expected error unknown-table, but the command before did not fail\n",
        ),
        (
            "a: insert t {\"k\":\"x\"}\nassert converged\na: rows t\n",
            "assertion failed: line 6: a and b differ in what they know: sync them first\n{\"k\":\"x\",\"v\":null}\n",
        ),
        (
            "a: insert t {\"k\":\"x\"} as x\nb: update t x {\"v\":1}\n",
            "error no-such-row: table t has no row x\n",
        ),
        (
            "a: begin\na: begin\n",
            "error not-applicable: a has an open transaction: commit it or roll it back first\n",
        ),
        ("a: rollback\n", "error not-applicable: a has no open transaction\n"),
        ("a: insert t {\"k\":\"x\",\"K\":\"y\"}\n", "error unknown-column: column k of t is named twice\n"),
    ];
    for (lines, expected) in cases {
        assert_eq!(print(&format!("{TABLES}{lines}")), (ExitStatus::Failed, expected.to_owned()), "{lines}");
    }
}

#[test]
fn an_expected_error_is_no_failure() {
    let (status, output) =
        print(&format!("{TABLES}a: rows u\n\n# as it should be\nexpect error unknown-table # yes\n"));
    assert_eq!((status, output.as_str()), (ExitStatus::Passed, "error unknown-table: there is no table u\n"));
}

/// A message that quotes a value must not look like an answer.
#[test]
fn a_message_stays_on_its_line() {
    let (status, output) = print(&format!("{TABLES}a: row t {{\"k\\n{{\":1}}\n"));
    assert_eq!(status, ExitStatus::Failed);
    assert_eq!(output.lines().count(), 1, "{output}");
}

/// With `echo` the output can be read without the script.
#[test]
fn echo_prints_the_lines_of_the_script() {
    let text = format!("# a story\n{TABLES}\na: rows t # none yet\n\n# the end\n");
    let mut output = Vec::new();
    let status = run(&text, &Options { echo: true, ..Options::default() }, &mut output);
    assert_eq!(status.ok(), Some(ExitStatus::Passed));
    let expected = "# a story\n> replicas a b\n> schema <<END\n> CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER);\n> END\n\n\
                    > a: rows t # none yet\nno rows\n\n# the end\n";
    assert_eq!(String::from_utf8_lossy(&output), expected);
}

#[test]
fn an_empty_script_passes() {
    assert_eq!(print(""), (ExitStatus::Passed, String::new()));
    assert_eq!(print("# nothing\n\n"), (ExitStatus::Passed, String::new()));
    assert_eq!(ExitStatus::NotAScript.code(), 2);
}
