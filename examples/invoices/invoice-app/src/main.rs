//! `invoice-app` serves; `invoice-app migrate` brings the database up to date, and ends.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::serve::ListenerExt;
use invoice_app::database::{Database, Missing};
use invoice_app::observe;
use invoice_app::pay::Payer;
use invoice_app::provider::Provider;
use invoice_app::routes;
use invoice_app::settings::{self, Settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that are under way may take to end once we are told to stop.
const GRACE: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve().await,
        ["migrate"] => migrate().await,
        _ => {
            eprintln!("usage: invoice-app [migrate]");
            return ExitCode::from(64);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("invoice-app: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn migrate() -> Result<(), Box<dyn Error>> {
    observe::start(settings::log_level(variable)?);
    let database = Database::open(&settings::database_url(variable)?, Missing::Create)?;
    let applied = database.migrate(settings::seed(variable)?).await?;
    tracing::info!(applied, "the database is up to date");
    Ok(())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read(variable)?;
    observe::start(settings.log_level);
    let database = Database::open(&settings.database_url, Missing::Refuse)?;
    let provider = Provider::new(&settings.provider_url)?;
    let payer = Payer::new(database.clone(), provider, settings.claim);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind((settings.host.as_str(), settings.port))
        .await
        .map_err(|error| format!("cannot listen on `{}:{}`: {error}", settings.host, settings.port))?;
    tracing::info!("listening on {}", listener.local_addr()?);

    let app = routes::router(database, payer.clone());
    let listener = listener.tap_io(|stream| {
        // A small answer must not wait for the acknowledgement of the one before it.
        let _ = stream.set_nodelay(true);
    });
    let stopping = payer.stopping();
    let server = axum::serve(listener, app).with_graceful_shutdown(stopping.cancelled_owned());
    let server = tokio::spawn(server.into_future());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    payer.stop();
    let ended = async {
        server.await??;
        // A caller that went away has left its payments behind: they are finished too.
        payer.finished().await;
        Ok::<(), Box<dyn Error>>(())
    };
    match tokio::time::timeout(GRACE, ended).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!("some requests had not ended after the grace time"),
    }
    tracing::info!("stopped");
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
