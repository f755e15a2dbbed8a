//! The node's half: starting a job, reading what it says, and ending it.

use crate::disk;
use crate::job::{Job, Limits};
use crate::output::{End, Finished, Log, Tail};
use crate::role::{NOT_CONFINED, WORDS};
use crate::walls::Walls;
use seaworthy_host::linux::cgroups::{self, Group};
use seaworthy_host::process;
use std::io;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdout};

/// How much of a core a job gets where services want all of them: a tenth of what one of them gets.
const WEIGHT: u32 = 10;
/// How often it is measured what a job takes.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// How often it is asked what a disk has left: a program writes a gigabyte within a second.
const ASK_DISK_EVERY: Duration = Duration::from_millis(100);
const PIECE_BYTES: usize = 64 * 1024;

/// Runs a job to its end; everything of it is gone then. `cancelled` ends it early.
///
/// # Errors
/// When it cannot be started.
pub async fn run(
    walls: &Walls,
    job: &Job,
    limits: &Limits,
    log: Option<&mut Log>,
    cancelled: impl Future<Output = ()>,
) -> io::Result<Finished> {
    run_by(process::self_command(), walls, job, limits, log, cancelled).await
}

/// The same by another executable that has the role.
///
/// # Errors
/// As [`run`].
pub async fn run_by(
    mut command: Command,
    walls: &Walls,
    job: &Job,
    limits: &Limits,
    log: Option<&mut Log>,
    cancelled: impl Future<Output = ()>,
) -> io::Result<Finished> {
    if limits.disk.as_ref().is_some_and(disk::is_full) {
        return Ok(Finished { end: End::DiskFull, stdout: Vec::new(), last_lines: Vec::new() });
    }
    let group = make_group(walls, job, limits)?;
    let kills = group.memory_kills();
    command.arg("confined").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let _end = Ended(&group);
    if let Some(pid) = child.id() {
        // Before it is told what to do: whatever it starts is in the group.
        let _ = group.add(pid);
    }
    let text = serde_json::to_vec(job).map_err(io::Error::other)?;
    let mut lifeline = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    lifeline.write_all(format!("{}\n", text.len()).as_bytes()).await?;
    lifeline.write_all(&text).await?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut outputs = Outputs { stdout, stderr, kept: Vec::new(), tail: Tail::default(), written: 0 };
    let ended = {
        let reading = outputs.read(&mut child, limits, log);
        let mut cancelled = pin!(cancelled);
        tokio::select! {
            end = reading => end?,
            () = &mut cancelled => End::Cancelled,
            () = tokio::time::sleep(limits.time) => End::TooLong,
            end = exceeded(limits, &group, job.processes) => end,
            () = disk_filled(limits) => End::DiskFilled,
        }
    };
    let _ = child.start_kill();
    let _ = child.wait().await;
    let out_of_memory = group.memory_kills() > kills;
    let too_many = group.refused_processes() > 0;
    let ending = group.clone();
    let _ = tokio::task::spawn_blocking(move || ending.end()).await;
    let last_lines = outputs.tail.into_lines();
    let end = match ended {
        End::Code(code) if code != 0 && out_of_memory => End::OutOfMemory(limits.memory_bytes.unwrap_or_default()),
        End::Code(code) if code != 0 && too_many => End::TooManyProcesses(job.processes),
        End::Code(NOT_CONFINED) if last_lines.last().is_some_and(|line| line.starts_with(WORDS)) => End::NotConfined,
        other => other,
    };
    Ok(Finished { end, stdout: outputs.kept, last_lines })
}

/// Whatever ends the function ends the job.
struct Ended<'a>(&'a Group);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        for pid in self.0.members() {
            let _ = process::signal(pid, process::Signal::SIGKILL);
        }
    }
}

fn make_group(walls: &Walls, job: &Job, limits: &Limits) -> io::Result<Group> {
    let group = Group::named(&walls.hierarchies, &job.name);
    // What an earlier node left.
    group.end()?;
    group.make(&cgroups::Limits {
        memory_bytes: limits.memory_bytes,
        cpu_millis: None,
        cpu_weight: Some(WEIGHT),
        processes: Some(job.processes),
    })?;
    Ok(group)
}

struct Outputs {
    stdout: ChildStdout,
    stderr: ChildStderr,
    kept: Vec<u8>,
    tail: Tail,
    written: u64,
}

impl Outputs {
    /// Reads both to their ends, and the exit code.
    async fn read(&mut self, child: &mut Child, limits: &Limits, mut log: Option<&mut Log>) -> io::Result<End> {
        let (mut first, mut second) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
        let (mut out, mut err) = (true, true);
        while out || err {
            let count = tokio::select! {
                count = read(&mut self.stdout, &mut first), if out => {
                    let count = count?;
                    out = count > 0;
                    self.kept.extend_from_slice(&first[..count]);
                    count
                }
                count = read(&mut self.stderr, &mut second), if err => {
                    let count = count?;
                    err = count > 0;
                    self.tail.add(&second[..count]);
                    if let Some(log) = log.as_deref_mut() {
                        log.write(&second[..count]);
                    }
                    count
                }
            };
            self.written += count as u64;
            if self.written > limits.output_bytes || self.kept.len() > limits.stdout_bytes {
                return Ok(End::TooMuchOutput);
            }
        }
        let status = child.wait().await?;
        Ok(End::Code(status.code().unwrap_or(-1)))
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin), to: &mut [u8]) -> io::Result<usize> {
    from.read(to).await
}

/// Ends when the job takes more than it may of the disk, or goes on wanting more processes or memory than it may have:
/// a step that multiplies without end would be refused, or killed, to no end.
async fn exceeded(limits: &Limits, group: &Group, processes: u32) -> End {
    let count = || (group.refused_processes(), group.memory_kills());
    let (mut before, mut last) = (count(), count());
    loop {
        tokio::time::sleep(MEASURE_EVERY).await;
        let now = count();
        if now.0 > last.0 && last.0 > before.0 {
            return End::TooManyProcesses(processes);
        }
        if now.1 > last.1 && last.1 > before.1 {
            return End::OutOfMemory(limits.memory_bytes.unwrap_or_default());
        }
        (before, last) = (last, now);
        let Some(disk) = limits.disk.clone() else { continue };
        if let Ok(true) = tokio::task::spawn_blocking(move || disk::is_too_large(&disk)).await {
            return End::TooLarge;
        }
    }
}

/// Ends when the disk has less left than others need. What one program writes at once in a tenth of a second is not
/// foreseen: what has to stay free is more than that.
async fn disk_filled(limits: &Limits) {
    let Some(disk) = &limits.disk else { return std::future::pending().await };
    loop {
        tokio::time::sleep(ASK_DISK_EVERY).await;
        let disk = disk.clone();
        if let Ok(true) = tokio::task::spawn_blocking(move || disk::is_full(&disk)).await {
            return;
        }
    }
}
