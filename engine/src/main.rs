//! The binary: hands the command line to the library and ends as it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::panic::catch_unwind(|| turbo_engine::cli::main(std::env::args_os())) {
        Ok(code) => code,
        Err(_) => ExitCode::from(turbo_engine::model::ExitCode::Bug as u8),
    }
}
