//! Which port an instance gets.

use super::engine::Engine;
use crate::database::InstanceRecord;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::ports;
use seaworthy_model::pool::PoolSpec;
use seaworthy_model::service::Port;

/// The port of an instance that is about to start: the one that it had, if nobody took it.
pub(super) fn choose(engine: &Engine, spec: &PoolSpec, record: &InstanceRecord) -> Result<Option<u16>, Diagnostic> {
    match spec.port {
        Port::None => Ok(None),
        Port::Fixed(port) => {
            let other = engine.database.instance_with_port(port)?.filter(|other| *other != record.id);
            if other.is_some() || !ports::is_free(port) {
                return Err(taken(spec, port, other.map(|id| format!("the instance `{id}`"))));
            }
            Ok(Some(port))
        }
        Port::Given => match record.port.filter(|port| ports::is_free(*port)) {
            Some(port) => Ok(Some(port)),
            None => match engine.database.give_port(&record.id)? {
                Some(port) => Ok(Some(port)),
                None => Err(Diagnostic::machine(format!("no port of {:?} is free", ports::INSTANCE_PORTS))
                    .help("`ss -ltnp` shows who has them")
                    .later()),
            },
        },
    }
}

fn taken(spec: &PoolSpec, port: u16, holder: Option<String>) -> Diagnostic {
    let known = || ports::holder(port).map(|holder| format!("`{}` (process {})", holder.name, holder.pid));
    let by = holder.or_else(known).map(|holder| format!(" by {holder}")).unwrap_or_default();
    Diagnostic::machine(format!("port {port} of `{}` is taken{by}", spec.service))
        .help("stop that, or take `port` out of the service and let it listen on $PORT")
        .later()
}
