//! The systemd unit of an installed node.

/// The unit's text. `KillMode=process`, `Delegate=yes` and the kept run-time folder leave gateway and instances alone
/// when the node stops; `PrivateTmp` and `Protect*` would become theirs, too, so there are none. A node that was told
/// to stop is not started again.
pub(super) fn text(program: &str, listen: &[String]) -> String {
    let (listen, stopped) = (listen.join(","), seaworthy_node::stopped::EXIT_CODE);
    format!(
        "[Unit]
Description=Seaworthy node
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart={program} node run --socket /run/seaworthy/node.sock --group seaworthy --listen {listen}
Environment=SEAWORTHY_HOME=/var/lib/seaworthy
Restart=always
RestartSec=1
RestartPreventExitStatus={stopped}
SuccessExitStatus={stopped}
KillMode=process
Delegate=yes
RuntimeDirectory=seaworthy
RuntimeDirectoryMode=0750
RuntimeDirectoryPreserve=yes
StateDirectory=seaworthy
StateDirectoryMode=0711
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_leaves_gateway_and_instances_alone() {
        let unit = text("/usr/local/bin/seaworthy", &["0.0.0.0:80".to_owned(), "[::]:80".to_owned()]);
        insta::assert_snapshot!(unit);
        assert!(!unit.contains("PrivateTmp") && !unit.contains("Protect"));
    }
}
