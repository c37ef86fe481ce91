//! `gradd serve`.

use std::io;
use std::process::ExitCode;

use gradd::server::application::StartError;
use gradd::server::workers::Workers;
use gradd::server::{Application, Settings, telemetry};
use tokio::runtime::Builder;

use super::flags::Flags;
use super::{USAGE, load, signals};

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
            error.exit_code()
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot set up the process: {0}")]
    Process(#[from] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

impl ServeError {
    /// A file that the settings name and that cannot be used is like a setting that cannot be used.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Process(_) | Self::Start(StartError::Listen { .. }) => ExitCode::FAILURE,
            Self::Start(_) => ExitCode::from(USAGE),
        }
    }
}

fn serve(settings: Settings) -> Result<(), ServeError> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(Workers::threads(&settings) + SPARE_THREADS)
        .build()?;
    let served = runtime.block_on(async {
        let shutdown = signals::shutdown()?;
        let application = Application::build(settings).await?;
        signals::on_hangup(application.reloader())?;
        application.run_until(shutdown).await;
        Ok(())
    });
    // Dropping the runtime would wait for computations that are slow to notice that they were stopped.
    runtime.shutdown_background();
    served
}
