//! Tells the program how it was built, on which its counts depend: by which compiler, for what, and whether optimised
//! once more at link time. What else they depend on it leaves out.

#![allow(clippy::disallowed_methods, reason = "the environment is how cargo talks to it")]

use std::env;
use std::error::Error;
use std::process::Command;

/// Cargo tells the settings of a profile to nobody, but this is how they are overridden.
const LINK_TIME: &str = "CARGO_PROFILE_RELEASE_LTO";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={LINK_TIME}");
    let compiler = Command::new(env::var("RUSTC")?).arg("--version").output()?;
    let compiler = String::from_utf8(compiler.stdout)?;
    let link_time = env::var(LINK_TIME).unwrap_or_else(|_| "as in Cargo.toml".to_owned());
    println!("cargo::rustc-env=BUILD={} for {}, lto {link_time}", compiler.trim(), env::var("TARGET")?);
    Ok(())
}
