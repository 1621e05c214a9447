//! The `reunite` command. Everything is in `reunite::cli`.

fn main() -> std::process::ExitCode {
    reunite::cli::main()
}
