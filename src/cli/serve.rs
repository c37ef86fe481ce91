//! `gradd serve`.

use std::io;
use std::process::ExitCode;

use gradd::server::{Application, Settings, telemetry};
use tokio::runtime::Builder;

use super::flags::Flags;
use super::{load, signals};

/// Blocking threads beside those of the compute slots; a thread that has just ended its work may still be counted.
const SPARE_THREADS: usize = 16;

/// Serves until a signal comes.
pub fn run(flags: Flags) -> ExitCode {
    let settings = match load(flags.config, flags.values) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings);
    match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gradd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: Settings) -> io::Result<()> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(settings.slots() + SPARE_THREADS)
        .build()?;
    let served = runtime.block_on(async {
        let shutdown = signals::shutdown()?;
        let listen = settings.listen;
        let application = Application::build(settings).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on {listen}: {error}; choose another with --listen"),
            )
        })?;
        application.run_until(shutdown).await;
        Ok(())
    });
    // Dropping the runtime would wait for computations that are slow to notice that they were stopped.
    runtime.shutdown_background();
    served
}
