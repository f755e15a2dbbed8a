//! How others reach into a deployment under way.

use seaworthy_model::deployment::Actor;
use tokio::sync::watch;

/// What a deployment under way shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Go on.
    Proceed,
    /// End at once if the new revision carries all traffic; a newer deployment takes over what is left. Else go on.
    Supersede,
    /// Go back, if there is a way back.
    Cancel(Actor),
}

/// The end that commands.
#[derive(Debug)]
pub struct Controller(watch::Sender<Command>);

/// The end that obeys.
#[derive(Debug, Clone)]
pub struct Control(watch::Receiver<Command>);

/// Makes both ends.
#[must_use]
pub fn control() -> (Controller, Control) {
    let (sender, receiver) = watch::channel(Command::Proceed);
    (Controller(sender), Control(receiver))
}

impl Controller {
    /// Says what to do. A cancellation stays one, whatever is said later.
    pub fn command(&self, command: Command) {
        self.0.send_if_modified(|current| {
            let changes = !matches!(current, Command::Cancel(_)) && *current != command;
            if changes {
                *current = command;
            }
            changes
        });
    }
}

impl Control {
    /// What was said last.
    #[must_use]
    pub fn current(&self) -> Command {
        self.0.borrow().clone()
    }

    /// Waits until somebody cancels; for ever if nobody does.
    pub async fn cancelled(&mut self) -> Actor {
        let said = self.0.wait_for(|command| matches!(command, Command::Cancel(_))).await.map(|c| c.clone());
        match said {
            Ok(Command::Cancel(actor)) => actor,
            _ => std::future::pending().await,
        }
    }

    /// Waits until a newer deployment asks; for ever if none does.
    pub async fn superseded(&mut self) {
        if self.0.wait_for(|command| *command == Command::Supersede).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
