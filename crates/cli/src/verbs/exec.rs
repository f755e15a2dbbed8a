//! `seaworthy exec ENV SERVICE -- COMMAND`: another program in a running instance.

use crate::arguments::ExecArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::output::Output;
use crate::terminal::{self, Raw};
use seaworthy_api::client::{FromNode, ToNode};
use seaworthy_api::frames::ALIVE_EVERY_SECONDS;
use seaworthy_api::wire::{ExecRequest, ExecTerminal, TerminalSize};
use seaworthy_api::{ClientError, Conversation, Frame};
use seaworthy_diagnostics::Diagnostic;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Without a word for so long, the other end is gone.
const SILENCE_MAX: Duration = Duration::from_secs(ALIVE_EVERY_SECONDS * 6);
/// How much of standard input is sent at once.
const READ_BYTES: usize = 32 * 1024;
/// What a shell says of a program whose reader was gone (128 + SIGPIPE).
const NO_READER: u8 = 141;

pub(super) async fn run(context: &Context, arguments: &ExecArguments) -> Ending {
    let app = context.app()?;
    let mut client = context.reader(Some(&arguments.environment)).await?;
    context.check_known(&mut client, &app, &arguments.environment).await?;
    let size = terminal::size();
    let request = ExecRequest {
        service: arguments.service.clone(),
        instance: arguments.instance,
        command: arguments.command.clone(),
        terminal: size.map(|size| ExecTerminal { kind: terminal::kind(), size }),
    };
    // Before the program runs: whoever sees it running may end it.
    let (mut signals, resized) =
        Signals::new().map_err(|error| Ended::failed(Diagnostic::machine(error.to_string())))?;
    let conversation = tokio::select! {
        conversation = client.exec(&app, &arguments.environment, &request) => conversation?,
        code = signals.code() => return Err(Ended::Code(code)),
    };
    // Back to what it was when this is dropped, before anything else is said.
    let _raw = match size {
        Some(_) => Some(Raw::enter().map_err(|error| Ended::failed(Diagnostic::machine(error.to_string())))?),
        None => None,
    };
    converse(conversation, signals, (size, resized), context.output).await
}

/// What may end the verb.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// With them the one that says that the terminal has another size.
    fn new() -> std::io::Result<(Self, Signal)> {
        let signals = Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        };
        Ok((signals, signal(SignalKind::window_change())?))
    }

    /// Waits for one that ends the verb: the code with which a shell would end.
    async fn code(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hangup.recv() => 129,
        }
    }
}

/// To the program's end, or to that of this verb, which is the program's, too.
async fn converse(
    conversation: Conversation,
    mut signals: Signals,
    (size, resized): (Option<TerminalSize>, Signal),
    output: Output,
) -> Ending {
    let Conversation { from_node, to_node } = conversation;
    tokio::select! {
        ending = show(from_node, output) => ending,
        () = pass_on(to_node, resized, size) => Ok(()),
        code = signals.code() => Err(Ended::Code(code)),
    }
}

/// Prints what comes, to the last frame.
async fn show(mut from_node: FromNode, output: Output) -> Ending {
    loop {
        let frame = tokio::time::timeout(SILENCE_MAX, from_node.next()).await;
        let frame = frame.unwrap_or_else(|_| Err(ClientError::Lost(format!("not a word for {SILENCE_MAX:?}"))));
        let printed = match frame.map_err(lost)? {
            Frame::Output(bytes) => output.bytes(&bytes).await,
            Frame::Error(bytes) => output.note_bytes(&bytes).await,
            Frame::Exit(0) => return Ok(()),
            Frame::Exit(code) => return Err(Ended::Code(u8::try_from(code).unwrap_or(1))),
            Frame::Failed(diagnostic) => return Err(Ended::failed(diagnostic)),
            Frame::Alive | Frame::Input(_) | Frame::InputEnd | Frame::Size(_) => Ok(()),
        };
        if printed.is_err() {
            return Err(Ended::Code(NO_READER));
        }
    }
}

/// The program does not outlive the connection.
fn lost(error: ClientError) -> Ended {
    match error {
        ClientError::Lost(_) => Ended::failed(
            Diagnostic::machine(error.to_string()).help("the program was ended with it; the service goes on").later(),
        ),
        other => other.into(),
    }
}

/// Sends what is typed, its end, and every new size. Never returns: how the program ended is still to be said.
async fn pass_on(mut to_node: ToNode, mut resized: Signal, mut size: Option<TerminalSize>) {
    let (mut stdin, mut buffer, mut is_open) = (tokio::io::stdin(), vec![0; READ_BYTES], true);
    loop {
        let frame = tokio::select! {
            read = stdin.read(&mut buffer), if is_open => match read {
                Ok(count @ 1..) => Frame::Input(buffer[..count].to_vec()),
                _ => {
                    is_open = false;
                    Frame::InputEnd
                }
            },
            _ = resized.recv(), if size.is_some() => {
                size = terminal::size().or(size);
                match size {
                    Some(size) => Frame::Size(size),
                    None => continue,
                }
            },
            else => break,
        };
        if to_node.send(&frame).await.is_err() {
            break;
        }
    }
    std::future::pending::<()>().await;
}
