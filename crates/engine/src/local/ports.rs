//! Which port an instance gets.

use super::engine::Engine;
use crate::database::InstanceRecord;
use crate::loopback::given_port;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::ports;
use seaworthy_model::pool::PoolSpec;
use seaworthy_model::service::Port;

/// Takes note of an instance that is about to start, with its port: the one that it had, if nobody took it.
pub(super) fn record_start(
    engine: &Engine,
    spec: &PoolSpec,
    record: InstanceRecord,
) -> Result<InstanceRecord, Diagnostic> {
    let port = match spec.port {
        Port::None => None,
        // In a network of its own every number is free but those that stand there already.
        Port::Fixed(port) if spec.sandbox.is_some() => Some(port),
        Port::Given if spec.sandbox.is_some() => spec.sandbox.as_ref().map(given_port),
        Port::Fixed(port) => {
            // First of all: whoever ends a pool whose start was refused must find what there is of it.
            engine.database.put_instance(&record)?;
            let other = engine.database.instance_with_port(port)?.filter(|other| *other != record.id);
            if other.is_some() || !ports::is_free(port) {
                return Err(taken(spec, port, other.map(|id| format!("the instance `{id}`"))));
            }
            Some(port)
        }
        Port::Given => match record.port.filter(|port| ports::is_free(*port)) {
            Some(port) => Some(port),
            None => {
                engine.database.put_instance(&record)?;
                let Some(port) = engine.database.put_with_free_port(&record)? else { return Err(none_free()) };
                return Ok(InstanceRecord { port: Some(port), ..record });
            }
        },
    };
    let record = InstanceRecord { port, ..record };
    engine.database.put_instance(&record)?;
    Ok(record)
}

fn none_free() -> Diagnostic {
    Diagnostic::machine(format!("no port of {:?} is free", ports::INSTANCE_PORTS))
        .help("`ss -ltnp` shows who has them")
        .later()
}

fn taken(spec: &PoolSpec, port: u16, holder: Option<String>) -> Diagnostic {
    let known = || ports::holder(port).map(|holder| format!("`{}` (process {})", holder.name, holder.pid));
    let by = holder.or_else(known).map(|holder| format!(" by {holder}")).unwrap_or_default();
    Diagnostic::machine(format!("port {port} of `{}` is taken{by}", spec.service))
        .help("stop that, or take `port` out of the service and let it listen on $PORT")
        .later()
}
