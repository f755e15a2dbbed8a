//! Planning and beginning.

use super::intent::Aim;
use crate::Node;
use crate::failure::{Failures, machine};
use crate::node::NodeExecutor;
use crate::target::NodeTarget;
use seaworthy_api::wire::{DeploymentStarted, Intent, PlanAnswer};
use seaworthy_deploy::control::{Command, control};
use seaworthy_deploy::planner::{EnvironmentState, Options, plan};
use seaworthy_deploy::{Plan, Target as _};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::{Actor, Outcome, Revision};
use seaworthy_model::difference::difference;
use seaworthy_store::NewDeployment;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a deployment that bakes may take to make room for a newer one.
const MAKE_ROOM: Duration = Duration::from_secs(60);

impl Node {
    /// What an intent would do; changes nothing.
    pub(crate) async fn plan(&self, app: &Name, environment: &Name, intent: &Intent) -> Result<PlanAnswer, Failures> {
        let (_, plan) = self.draw_up(app, environment, intent).await?;
        Ok(answer(&plan))
    }

    /// Begins what an intent asks for; returns at once.
    pub(crate) async fn deploy(
        self: &Arc<Self>,
        app: &Name,
        environment: &Name,
        intent: &Intent,
        actor: Actor,
    ) -> Result<DeploymentStarted, Failures> {
        let _turn = self.deployments.beginning.lock().await;
        self.deployments.check_open()?;
        // What cannot be planned, or changes nothing, must not end a bake.
        let (_, wanted) = self.draw_up(app, environment, intent).await?;
        if wanted.is_no_change() {
            return Ok(DeploymentStarted { deployment: None, plan: answer(&wanted), follows: None });
        }
        self.make_room(app, environment).await?;
        let (aim, mut plan) = self.draw_up(app, environment, intent).await?;
        if plan.is_no_change() {
            return Ok(DeploymentStarted { deployment: None, plan: answer(&plan), follows: None });
        }
        let id = self.write_down(&aim, &mut plan, intent, actor)?;
        let answer = answer(&plan);
        let (controller, control) = control();
        let (tell, ended) = watch::channel(false);
        let place = (app.clone(), environment.clone());
        let node = Arc::clone(self);
        let task_place = place.clone();
        let task = tokio::spawn(async move {
            node.executor().run(id, &plan, control).await;
            node.after(&task_place, id);
            tell.send_replace(true);
        });
        self.deployments.add(place, id, controller, ended, task.abort_handle());
        Ok(DeploymentStarted { deployment: Some(id), plan: answer, follows: None })
    }

    /// Stops a deployment; what ran before serves.
    pub(crate) async fn cancel(&self, id: u64, actor: Actor) -> Result<(), Diagnostic> {
        if self.deployments.cancel(id, actor) {
            return Ok(());
        }
        let record = self.deployment(id)?;
        let environment = record.environment;
        Err(Diagnostic::user(format!("deployment {id} is not under way any more"))
            .help(format!("`seaworthy rollback {environment}` goes back to what ran before it")))
    }

    /// What carries out plans here.
    pub(super) fn executor(&self) -> NodeExecutor {
        let target = NodeTarget { engine: Arc::clone(&self.engine), traffic: Arc::clone(&self.traffic) };
        NodeExecutor {
            target: Arc::new(target),
            traffic: Arc::clone(&self.traffic),
            journal: Arc::clone(&self.journal),
            smoke: Arc::new(self.checks()),
        }
    }

    /// What is to be done when a deployment has ended, however it did.
    pub(super) fn after(&self, place: &super::Place, id: u64) {
        self.deployments.remove(place, id);
        self.jobs.wake.notify_one();
        let (app, environment) = place;
        let Ok(running) = self.running(app, environment) else { return };
        let places = places(running.as_ref());
        // Whoever deploys next claims again; a host that is kept too long only blocks others until then.
        let _ = self.store.keep_routes(app, environment, &places);
        self.untidy.notify_one();
    }

    async fn draw_up(&self, app: &Name, environment: &Name, intent: &Intent) -> Result<(Aim, Plan), Failures> {
        let running = self.running(app, environment)?;
        let aim = self.aim(app, environment, intent, running.as_ref())?;
        aim.to.as_ref().map_or(Ok(()), |to| self.check_fixed_ports(to))?;
        let state = self.state(app, environment, running).await?;
        let changes = aim.to.as_ref().map(|to| difference(state.running.as_ref(), to).lines()).unwrap_or_default();
        let options = Options { verb: aim.verb, changes, notes: Vec::new() };
        let plan = plan(app, environment, &state, aim.to.as_ref(), options);
        Ok((aim, plan))
    }

    async fn state(
        &self,
        app: &Name,
        environment: &Name,
        running: Option<Revision>,
    ) -> Result<EnvironmentState, Failures> {
        let traffic = self.store.environment(app, environment)?.and_then(|e| e.traffic);
        let mut leaving = Vec::new();
        for variant in traffic.iter().flat_map(|traffic| &traffic.variants) {
            if running.as_ref().is_none_or(|running| running.number != variant.revision) {
                leaving.extend(self.store.revision(app, environment, variant.revision)?);
            }
        }
        leaving.sort_by_key(|revision| revision.number);
        let alive = self.engine.pools(app, environment).await?.into_iter().collect();
        Ok(EnvironmentState { running, leaving, alive })
    }

    /// Ends a deployment that only bakes or settles, and what a node that came back is still putting in order: it would
    /// take what the newer deployment starts for what nobody wants. Any other deployment refuses the newer one.
    async fn make_room(&self, app: &Name, environment: &Name) -> Result<(), Failures> {
        let under_way = self.store.deployment_under_way(app, environment)?;
        if under_way.is_some_and(|other| other.outcome != Outcome::Baking) {
            return Ok(());
        }
        let place = (app.clone(), environment.clone());
        let Some(mut ended) = self.deployments.command(&place, Command::Supersede) else { return Ok(()) };
        let waiting = tokio::time::timeout(MAKE_ROOM, ended.wait_for(|ended| *ended)).await;
        if waiting.is_err() {
            let error = Diagnostic::machine(format!("what was under way in `{environment}` does not end"));
            return Err(error.help("`seaworthy status` shows what it is doing").later().into());
        }
        Ok(())
    }

    fn write_down(&self, aim: &Aim, plan: &mut Plan, intent: &Intent, actor: Actor) -> Result<u64, Failures> {
        if let Some(to) = &aim.to {
            if let Intent::Deploy { take_over, .. } = intent {
                self.store.bind_app(&to.app, &to.provenance, *take_over)?;
            }
            self.store.claim_routes(&to.app, &to.environment, &places(Some(to)))?;
            if aim.is_new {
                let kept = self.store.add_revision(to)?;
                debug_assert_eq!(kept.number, to.number, "deployments begin one after the other");
            }
        }
        let new = NewDeployment {
            app: plan.app.clone(),
            environment: plan.environment.clone(),
            verb: aim.verb,
            actor,
            from: plan.from.as_ref().map(|revision| revision.number),
            to: plan.to.as_ref().map(|revision| revision.number),
            plan: serde_json::to_value(&*plan).map_err(|e| machine(&e))?,
        };
        Ok(self.store.begin_deployment(&new)?)
    }
}

fn places(revision: Option<&Revision>) -> Vec<(String, String)> {
    let routes = revision.iter().flat_map(|revision| revision.routes.values());
    routes.map(|route| (route.host.clone(), route.path.clone())).collect()
}

fn answer(plan: &Plan) -> PlanAnswer {
    let nothing = plan.is_no_change();
    PlanAnswer {
        app: plan.app.clone(),
        environment: plan.environment.clone(),
        from: plan.from.as_ref().map(|revision| revision.number),
        from_release: plan.from.as_ref().map(|revision| revision.release.clone()),
        to_release: plan.to.as_ref().map(|revision| revision.release.clone()),
        changes: plan.changes.clone(),
        steps: if nothing { Vec::new() } else { plan.lines() },
        notes: plan.notes.clone(),
    }
}
