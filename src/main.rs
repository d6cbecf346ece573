//! The binary: only starts what the library composes.

fn main() -> std::process::ExitCode {
    mdl::app::main()
}
