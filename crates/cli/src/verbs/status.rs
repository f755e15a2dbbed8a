//! `seaworthy status`: what runs.

use super::history;
use crate::arguments::{StatusArguments, Wait};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::follow::follow;
use crate::output::style;
use seaworthy_api::wire::{
    DeploymentStarted, EnvironmentStatus, InstanceStatus, PlanAnswer, ServiceStatus, SoakStatus, State, Status,
};
use seaworthy_delivery::evidence::line;
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::run::Run;
use std::time::Duration;

pub(super) async fn run(context: &Context, arguments: &StatusArguments) -> Ending {
    let (app, manifest) = subject(context, arguments)?;
    let environment = arguments.environment.as_ref();
    // That it is stopped is an answer, but not to who waits for a deployment.
    let stopped = if arguments.follow { None } else { context.stopped(environment).await? };
    let status = match stopped {
        Some(stopped) => Status::of_stopped(stopped),
        None => {
            let mut client = context.reader(environment).await?;
            if let (Some(app), Some(environment)) = (&app, environment) {
                context.check_known(&mut client, app, environment).await?;
            }
            if arguments.follow {
                let status = client.status(app.as_ref(), environment).await?;
                return follow_running(context, &mut client, &status).await;
            }
            client.status_if_stopped_too(app.as_ref(), environment).await?
        }
    };
    if context.output.json {
        context.output.value(&status);
    } else {
        print(context, &status, app.as_ref(), arguments.environment.as_ref());
        if arguments.environment.is_none() {
            elsewhere(context, manifest.as_ref());
        }
    }
    Ok(())
}

/// Whose status: a manifest that cannot be read must not keep anybody from seeing what runs.
fn subject(context: &Context, arguments: &StatusArguments) -> Result<(Option<Name>, Option<Manifest>), Ended> {
    if let Some(app) = &context.common.app {
        return Ok((Some(app.clone()), None));
    }
    match context.manifest_if_there() {
        Ok(manifest) => Ok((manifest.as_ref().map(|manifest| manifest.app.clone()), manifest)),
        // Its environment's node is in the manifest: the status of another node would be no answer.
        Err(ended) if arguments.environment.is_some() => Err(ended),
        Err(_) => {
            context.output.warning("the manifest has errors, `seaworthy plan` shows them: this is every app");
            Ok((None, None))
        }
    }
}

/// Says which environments are on other machines: this one knows nothing of them.
fn elsewhere(context: &Context, manifest: Option<&Manifest>) {
    for (name, environment) in manifest.iter().flat_map(|manifest| &manifest.environments) {
        if let Some(node) = &environment.node {
            context.output.note(&format!("{name} is on {node}: `seaworthy status {name}`"));
        }
    }
}

async fn follow_running(context: &Context, client: &mut seaworthy_api::Client, status: &Status) -> Ending {
    let under_way = status.environments.iter().find_map(|environment| {
        let deployment = environment.deployment.as_ref().filter(|d| !d.outcome.is_final())?;
        Some((environment, deployment))
    });
    let Some((environment, deployment)) = under_way else {
        context.output.note("no deployment is under way");
        return Ok(());
    };
    let plan = PlanAnswer {
        app: environment.app.clone(),
        environment: environment.environment.clone(),
        from: deployment.from,
        from_release: None,
        to_release: deployment.release.clone(),
        changes: Vec::new(),
        steps: Vec::new(),
        notes: Vec::new(),
    };
    let started = DeploymentStarted { deployment: Some(deployment.id), plan, follows: None };
    follow(context, client, &environment.environment, &started, Wait::Bake).await
}

fn print(context: &Context, status: &Status, app: Option<&Name>, environment: Option<&Name>) {
    let output = context.output;
    status.warnings.iter().for_each(|warning| output.warning(warning));
    if let Some(stopped) = &status.node_stopped {
        output.data(&stopped.words());
        return output.data(&format!("{dim}help:{dim:#} {}", stopped.help(), dim = style::DIM));
    }
    if status.environments.is_empty() {
        let up = environment.map_or("seaworthy up".to_owned(), |environment| format!("seaworthy up {environment}"));
        match (app, environment) {
            (Some(app), Some(environment)) => {
                output.data(&format!("nothing of {app} runs in {environment}: `{up}` changes that"));
            }
            (Some(app), None) => output.data(&format!("nothing of {app} runs here: `{up}` changes that")),
            (None, _) => output.data("nothing runs here: `seaworthy up` changes that"),
        }
    }
    for environment in &status.environments {
        print_environment(context, environment);
    }
}

fn print_environment(context: &Context, environment: &EnvironmentStatus) {
    let output = context.output;
    let (bold, dim) = (style::BOLD, style::DIM);
    let what = match (&environment.revision, &environment.release) {
        (Some(revision), Some(release)) => {
            let commit = environment.commit.as_deref().map(|c| format!(", commit {}", &c[..c.len().min(10)]));
            let dirty = if environment.dirty { " with changes that no commit has" } else { "" };
            format!("revision {revision}, release {}{}{dirty}", release.short(), commit.unwrap_or_default())
        }
        _ => "nothing runs".to_owned(),
    };
    output.data(&format!("{bold}{} {}{bold:#}: {what}", environment.app, environment.environment));
    environment.routes.iter().for_each(|route| output.data(&format!("  {} {}", route.route, route.url)));
    environment.services.iter().for_each(|service| print_service(context, service));
    environment.jobs.iter().for_each(|job| super::jobs::print(output, "  ", job));
    if let Some(deployment) = &environment.deployment {
        output.data(&format!("  {dim}deployment{dim:#}{}", history::line(deployment)));
        if let Some(failure) = &deployment.failure {
            output.data(&format!("      {}", failure.message));
        }
    }
    if let Some(follow) = &environment.follow {
        output.data(&format!("  {dim}{}{dim:#}", follow.text));
        if let Some(run) = &follow.run {
            output.data(&format!("    {} follows {}: {}", environment.environment, run.source, with_age(run)));
            let help = run.failure.as_ref().and_then(|failure| failure.help.as_ref());
            help.iter().for_each(|help| output.data(&format!("    {dim}help:{dim:#} {help}")));
        }
        if let Some(soak) = &follow.soak {
            output.data(&format!("    {} follows {}", environment.environment, soaking(soak)));
        }
        if let Some(problem) = &follow.problem {
            output.data(&format!("    {problem}"));
            follow.help.iter().for_each(|help| output.data(&format!("    {dim}help:{dim:#} {help}")));
        }
    }
    environment.notes.iter().for_each(|note| output.data(&format!("  {dim}note:{dim:#} {note}")));
}

fn print_service(context: &Context, service: &ServiceStatus) {
    let current = service.instances.iter().filter(|i| i.current);
    let running = current.filter(|i| i.state == State::Running).count();
    let colour = if running == usize::from(service.wanted) { style::GOOD } else { style::BAD };
    let counts = format!("{running} of {} running", service.wanted);
    let requests = match (service.requests, service.errors) {
        (0, _) => String::new(),
        (requests, errors) => format!(", {requests} requests, {errors} failed"),
    };
    context.output.data(&format!("  {} {colour}{counts}{colour:#}{requests}", service.service));
    service.instances.iter().for_each(|instance| print_instance(context, instance));
}

fn print_instance(context: &Context, instance: &InstanceStatus) {
    let (state, colour) = match instance.state {
        State::Starting => ("starting", style::WARN),
        State::Running => ("running", style::GOOD),
        State::Restarting => ("restarting", style::WARN),
        State::CrashLoop => ("ends again and again", style::BAD),
        State::Stopping => ("stopping", style::WARN),
        State::Stopped => ("stopped", style::DIM),
    };
    let mut line = format!("    {} {colour}{state}{colour:#}", instance.id);
    if let Some(pid) = instance.pid {
        line.push_str(&format!(" pid {pid}"));
    }
    if let Some(address) = &instance.address {
        line.push_str(&format!(" at {address}"));
    }
    if instance.restarts > 0 {
        line.push_str(&format!(", {} restarts", instance.restarts));
    }
    if !instance.current {
        line.push_str(", of another revision");
    }
    if let Some(exit) = &instance.last_exit {
        line.push_str(&format!(", {exit}"));
    }
    context.output.data(&line);
    instance.last_lines.iter().for_each(|text| context.output.data(&format!("      | {text}")));
}

/// What became of a run, and when: `abc1234 refused: the test of `web` failed, 3 min ago`.
fn with_age(run: &Run) -> String {
    let at = run.ended_at.as_ref().or(run.since.as_ref()).or(run.started_at.as_ref()).unwrap_or(&run.queued_at);
    let age = clock::parse(at).and_then(|at| clock::now().duration_since(at).ok()).unwrap_or_default();
    format!("{}, {} ago", line(run), rough(age))
}

/// How far what the followed environment runs is from being taken:
/// `qa: abc1234 soaks until 2026-01-31T12:00:00Z, 3 min to go`.
fn soaking(soak: &SoakStatus) -> String {
    let commit = soak.commit.as_deref().map(|commit| commit.get(..10).unwrap_or(commit));
    let what = format!("{}: {}", soak.environment, commit.unwrap_or(soak.release.short()));
    let reason = soak.reason.as_deref();
    let Some(until) = &soak.until else {
        return format!("{what} does not soak: {}", reason.unwrap_or("it does not run"));
    };
    let left = clock::parse(until).and_then(|at| at.duration_since(clock::now()).ok()).unwrap_or_default();
    let anew = reason.map(|reason| format!(", anew because {reason}")).unwrap_or_default();
    format!("{what} soaks until {}Z, {} to go{anew}", until.get(..19).unwrap_or(until), rough(left))
}

/// A duration as people say it.
fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
