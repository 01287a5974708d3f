//! A doorway: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    oci_agent::cli::main(std::env::args_os())
}
