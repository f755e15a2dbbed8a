//! What must be true of a world whenever nothing is under way.

use super::processes::{self, Role};
use super::wait_for;
use super::world::World;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// How many connections ask who serves.
const ASKED: usize = 12;

impl World {
    /// `dev`, as `status` has it.
    #[track_caller]
    pub(crate) fn dev(&self) -> Value {
        let status = self.json(&["status", "dev"]);
        status["environments"][0].clone()
    }

    /// Waits until the last deployment has ended; its outcome.
    #[track_caller]
    pub(crate) fn outcome(&self) -> String {
        wait_for("the deployment's end", Duration::from_secs(60), || {
            let dev = self.dev();
            let outcome = dev["deployment"]["outcome"].as_str()?.to_owned();
            (outcome != "running" && outcome != "baking").then_some(outcome)
        })
    }

    /// The program's process ids by `status`, sorted.
    #[track_caller]
    pub(crate) fn program_pids(&self) -> Vec<u32> {
        let dev = self.dev();
        let pids = instances(&dev).filter_map(|instance| u32::try_from(instance["pid"].as_u64()?).ok());
        let mut pids: Vec<u32> = pids.collect();
        pids.sort_unstable();
        pids
    }

    /// Checks that exactly one version serves, that `status` says the truth, and that nothing else is left: no process,
    /// no listener, no folder. Returns the version.
    #[track_caller]
    pub(crate) fn assert_settled(&self) -> String {
        let versions: BTreeSet<String> =
            (0..ASKED).map(|_| self.get("/version").map_or_else(|e| e.to_string(), |answer| answer.text())).collect();
        assert_eq!(versions.len(), 1, "several versions serve: {versions:?}\n{:#}", self.dev());
        // What is one too many has its drain time of 8 s, and a busy machine its own; a leak takes for ever.
        let mut last = String::new();
        let settled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for("a settled world", Duration::from_secs(20), || {
                last = self.unsettled()?;
                last.is_empty().then_some(())
            });
        }));
        assert!(settled.is_ok(), "{last}\n{:#}\n{:#?}", self.dev(), self.processes());
        versions.into_iter().next().unwrap_or_default()
    }

    /// What is not as it should be, in words; empty if all is well.
    fn unsettled(&self) -> Option<String> {
        let dev = self.dev();
        let all = self.processes();
        let pids = |role: Role| {
            let mut pids: Vec<u32> = all.iter().filter(|p| p.role == role).map(|p| p.pid).collect();
            pids.sort_unstable();
            pids
        };
        let instances: Vec<&Value> = instances(&dev).collect();
        let wanted: u64 = services(&dev).map(|service| service["wanted"].as_u64().unwrap_or(0)).sum();
        let mut reported: Vec<u32> = instances.iter().filter_map(|i| u32::try_from(i["pid"].as_u64()?).ok()).collect();
        reported.sort_unstable();
        let mut wrong = Vec::new();
        let mut check = |fine: bool, what: String| wrong.extend((!fine).then_some(what));
        check(instances.len() as u64 == wanted, format!("{} instances, {wanted} wanted", instances.len()));
        check(instances.iter().all(|i| i["current"] == true && i["state"] == "running"), "not all run".to_owned());
        check(pids(Role::Program) == reported, format!("programs {:?}, reported {reported:?}", pids(Role::Program)));
        check(pids(Role::Shim).len() == reported.len(), format!("shims {:?}", pids(Role::Shim)));
        for role in [Role::Node, Role::GatewayParent, Role::GatewayWorker] {
            check(pids(role).len() == 1, format!("{role:?}: {:?}", pids(role)));
        }
        let folders: BTreeSet<String> = names(&self.home.join("instances"));
        let ids: BTreeSet<String> = instances.iter().filter_map(|i| i["id"].as_str()).map(str::to_owned).collect();
        check(folders == ids, format!("folders {folders:?}, instances {ids:?}"));
        // What listens in a network of its own is nobody else's matter.
        let here = |pid: u32| processes::shares_our_network(pid);
        let programs: Vec<_> = all.iter().filter(|p| p.role == Role::Program && here(p.pid)).cloned().collect();
        let ports: BTreeSet<u16> = processes::listening_ports(&programs).into_iter().map(|(_, port)| port).collect();
        let exposed = instances.iter().filter(|i| i["pid"].as_u64().is_some_and(|pid| here(pid as u32)));
        let addresses = exposed.filter_map(|i| i["address"].as_str()?.rsplit_once(':')?.1.parse().ok());
        let addresses: BTreeSet<u16> = addresses.collect();
        check(ports == addresses, format!("programs listen on {ports:?}, status says {addresses:?}"));
        let gateway: Vec<_> = all.iter().filter(|p| p.role == Role::GatewayParent).cloned().collect();
        let ours: BTreeSet<u16> = processes::listening_ports(&gateway).into_iter().map(|(_, port)| port).collect();
        // Its own port, and one for each service that is called.
        let called = services(&dev).count() + 1;
        check(ours.contains(&self.port) && ours.len() <= called, format!("the gateway listens on {ours:?}"));
        Some(wrong.join("; "))
    }
}

fn services(dev: &Value) -> impl Iterator<Item = &Value> {
    dev["services"].as_array().into_iter().flatten()
}

fn instances(dev: &Value) -> impl Iterator<Item = &Value> {
    services(dev).flat_map(|service| service["instances"].as_array().into_iter().flatten())
}

fn names(folder: &std::path::Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
