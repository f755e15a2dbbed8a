//! `payment-provider` serves; `payment-provider migrate` brings the database up to date, and ends.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::serve::ListenerExt;
use payment_provider::database::Database;
use payment_provider::routes::{self, Provider};
use payment_provider::settings::{self, Settings};
use payment_provider::{database, observe};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long requests that are under way may take to end once we are told to stop.
const GRACE: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve().await,
        ["migrate"] => migrate().await,
        _ => {
            eprintln!("usage: payment-provider [migrate]");
            return ExitCode::from(64);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("payment-provider: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn migrate() -> Result<(), Box<dyn Error>> {
    observe::start(settings::log_level(variable)?);
    let database = Database::open(&settings::database_url(variable)?, database::Missing::Create)?;
    let applied = database.migrate().await?;
    tracing::info!(applied, "the database is up to date");
    Ok(())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read(variable)?;
    observe::start(settings.log_level);
    let database = Database::open(&settings.database_url, database::Missing::Refuse)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind((settings.host.as_str(), settings.port))
        .await
        .map_err(|error| format!("cannot listen on `{}:{}`: {error}", settings.host, settings.port))?;
    tracing::info!("listening on {}", listener.local_addr()?);

    let (stop, stopping) = watch::channel(false);
    let app = routes::router(Provider { database, answer_delay: settings.answer_delay });
    let listener = listener.tap_io(|stream| {
        // A small answer must not wait for the acknowledgement of the one before it.
        let _ = stream.set_nodelay(true);
    });
    let mut stopped = stopping.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    let server = tokio::spawn(server.into_future());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stop.send_replace(true);
    match tokio::time::timeout(GRACE, server).await {
        Ok(ended) => ended??,
        Err(_) => tracing::warn!("some requests had not ended after the grace time"),
    }
    tracing::info!("stopped");
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
