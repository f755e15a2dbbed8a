//! `before`: migrations and the like, each once per deployment.

use super::command::Command;
use super::engine::Engine;
use crate::wire::ExitKind;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::pool::PoolSpec;
use std::sync::Arc;

pub(super) async fn before(engine: &Arc<Engine>, deployment: u64, spec: &PoolSpec) -> Result<(), Diagnostic> {
    engine.database.forget_commands_before(spec, deployment)?;
    for (position, run) in spec.before.iter().enumerate() {
        let id = format!("{}-before-{deployment}-{position}", spec.id);
        let command = Command { id, spec, run, deployment: Some(deployment) };
        command.start(engine).await?;
        let exit = command.wait(engine).await?;
        if exit.how != ExitKind::Code(0) {
            return Err(Diagnostic::service(format!("{} failed with {}", command.name(), exit.how))
                .evidence(engine.last_lines(spec, &command.id, 20))
                .help("nothing of the new release was started; repair what it complains of and deploy again"));
        }
    }
    Ok(())
}
