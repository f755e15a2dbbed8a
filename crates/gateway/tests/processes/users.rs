//! A gateway with a user id of its own, and who may command it. Only root can make other users.

use crate::instances::Instance;
use crate::load::ask;
use crate::world::World;
use seaworthy_gateway::control::{ControlError, GatewayClient, Refusal, RefusalCode, parent_socket, worker_socket};
use seaworthy_host::{files, peer, process};
use seaworthy_model::service::Protocol;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

const GATEWAY: u32 = 64_201;
const STRANGER: u32 = 64_202;

#[tokio::test]
async fn it_needs_no_privilege_and_obeys_only_root_and_itself() {
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    let mut world = World::start_as(Some((GATEWAY, GATEWAY))).await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("parrot").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.apply().await;
    world.kill_worker().await;
    assert_eq!(ask(address, "x").await.unwrap(), "x");
    for pid in [world.client.parent_status().await.unwrap().pid, world.worker_pid().await] {
        assert_eq!(std::fs::metadata(format!("/proc/{pid}")).unwrap().uid(), GATEWAY);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
        assert_eq!(u64::from_str_radix(capabilities, 16).unwrap(), 0);
        assert_eq!(status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap().trim(), "");
    }
    let directory = world.state("");
    for socket in [parent_socket(&directory), worker_socket(&directory)] {
        assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
        // Even if somebody opened the door.
        files::set_mode(&socket, 0o666).unwrap();
    }
    let mut stranger = process::self_command();
    stranger.args(["--exact", "stranger_role", "--nocapture", "--"]).arg(&directory).uid(STRANGER).gid(STRANGER);
    assert!(tokio::task::spawn_blocking(move || stranger.status().unwrap()).await.unwrap().success());
}

pub(crate) fn ask_as_a_stranger(args: &[OsString]) {
    assert_eq!(peer::effective_uid(), STRANGER);
    let client = GatewayClient::new(Path::new(&args[0]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for refused in [client.parent_status().await.unwrap_err(), client.status().await.unwrap_err()] {
            let ControlError::Refused(Refusal { code, message }) = refused else { panic!("{refused:?}") };
            assert_eq!(code, RefusalCode::NotAllowed);
            assert_eq!(message, format!("user {STRANGER} may not command this gateway"));
        }
    });
}
