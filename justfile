# Short names for what is done often. `just` lists them.

_default:
    @just --list

# The tests, as the README says
test:
    cargo test

# Everything that must hold before a change is accepted
ci:
    .ci/run

# Format the source
fmt:
    cargo fmt --all

# Clippy, warnings are errors, without and with all features
lint:
    cargo clippy --all-targets -- -D warnings
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy --manifest-path benches/paths/Cargo.toml --all-targets -- -D warnings
    cargo clippy --manifest-path benches/peers/Cargo.toml --all-targets -- -D warnings

# Build the documentation of all features and open it
doc *args:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --all-features {{ args }}

# Check licences, sources and duplicate dependencies (cargo install cargo-deny)
deny:
    cargo deny check bans licenses sources

# Check dependencies against the RustSec database (needs the network)
advisories:
    cargo deny check advisories

# Three replicas on disk part and reunite
demo:
    cargo run --release --features cli -- demo

# Run the golden scripts and write what they print as the new expected output: read the diff
bless:
    BLESS=1 cargo test --all-features --test scripts
    BLESS=1 cargo test --all-features --test docs
    git diff --stat -- tests/scripts README.md docs

# The property tests over n random histories (20000 in CI)
histories n="200000":
    HISTORIES={{ n }} cargo test --all-features --test histories -- --nocapture

# Every pair and every triple of what replicas can do at once (some hours; BEGINNING=name for one beginning)
exhaustive:
    EXHAUSTIVE=1 cargo test --all-features --test histories -- --nocapture pairs triples

# Count the instructions of the main paths and compare them with the recorded ones (needs valgrind; BLESS=1 records)
instructions:
    CARGO_PROFILE_RELEASE_LTO=false cargo run --release -p instructions

# How long the hot paths take, each by itself, beside the run before
paths *args:
    cargo bench --manifest-path benches/paths/Cargo.toml -- {{ args }}
