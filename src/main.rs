//! A doorway: arguments in, exit code out.

#[global_allocator]
static MEMORY: oci_agent::memory::Memory = oci_agent::memory::Memory;

fn main() -> std::process::ExitCode {
    oci_agent::cli::main(std::env::args_os())
}
