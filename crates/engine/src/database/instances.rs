//! Instances and their ports. After a power cut no instance runs, and a pool's are made anew: nothing here is worth
//! waiting for the disk.

use super::{Database, DatabaseError};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use seaworthy_host::ports;
use seaworthy_model::pool::{InstanceId, PoolId};

/// An instance, from before it is started until nothing of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstanceRecord {
    pub(crate) id: InstanceId,
    pub(crate) pool: PoolId,
    pub(crate) slot: u16,
    /// Where it listens or is told to.
    pub(crate) port: Option<u16>,
    /// Of its last start.
    pub(crate) token: String,
    /// It was found to listen on `::1` and not on `127.0.0.1`.
    pub(crate) ipv6: bool,
    /// It is one too many: it gets no new requests and ends soon.
    pub(crate) retired: bool,
}

const COLUMNS: &str = "id, pool, slot, port, token, ipv6, retired";

impl Database {
    /// Takes note of an instance before anything of it runs.
    pub(crate) fn put_instance(&self, record: &InstanceRecord) -> Result<(), DatabaseError> {
        self.with_quickly(|connection| put(connection, record))
    }

    /// As [`Self::put_instance`], with a port that nobody has; `None` when there is none.
    pub(crate) fn put_with_free_port(&self, record: &InstanceRecord) -> Result<Option<u16>, DatabaseError> {
        self.with_quickly(|connection| {
            let mut statement = connection.prepare("SELECT port FROM instances WHERE port IS NOT NULL AND id <> ?")?;
            let given: Vec<u16> = statement.query_map([&record.id.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let port = ports::find_free(|port| given.contains(&port));
            if port.is_some() {
                put(connection, &InstanceRecord { port, ..record.clone() })?;
            }
            Ok(port)
        })
    }

    pub(crate) fn instances(&self, pool: &PoolId) -> Result<Vec<InstanceRecord>, DatabaseError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare(&format!("SELECT {COLUMNS} FROM instances WHERE pool = ? ORDER BY slot"))?;
            statement.query_map([&pool.0], read)?.collect()
        })
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRecord>, DatabaseError> {
        self.with(|connection| {
            let text = format!("SELECT {COLUMNS} FROM instances WHERE id = ?");
            connection.query_row(&text, [&id.0], read).optional()
        })
    }

    /// Forgets an instance of which nothing is left.
    pub(crate) fn forget_instance(&self, id: &InstanceId) -> Result<(), DatabaseError> {
        self.with_quickly(|connection| connection.execute("DELETE FROM instances WHERE id = ?", [&id.0]).map(drop))
    }

    /// Takes note that an instance gets no new requests and ends soon.
    pub(crate) fn retire_instance(&self, id: &InstanceId) -> Result<(), DatabaseError> {
        self.with_quickly(|connection| {
            connection.execute("UPDATE instances SET retired = 1 WHERE id = ?", [&id.0]).map(drop)
        })
    }

    /// The instance that a port was given to.
    pub(crate) fn instance_with_port(&self, port: u16) -> Result<Option<InstanceId>, DatabaseError> {
        self.with(|connection| {
            let statement = "SELECT id FROM instances WHERE port = ? ORDER BY id LIMIT 1";
            connection.query_row(statement, [port], |row| row.get(0).map(InstanceId)).optional()
        })
    }

    /// Takes note of where an instance was found to listen.
    pub(crate) fn set_ipv6(&self, id: &InstanceId, ipv6: bool) -> Result<(), DatabaseError> {
        let values = params![ipv6, id.0];
        self.with_quickly(|connection| {
            connection.execute("UPDATE instances SET ipv6 = ? WHERE id = ?", values).map(drop)
        })
    }
}

fn put(connection: &Connection, record: &InstanceRecord) -> rusqlite::Result<()> {
    let statement = "INSERT OR REPLACE INTO instances (id, pool, slot, port, token, ipv6, retired)
        VALUES (?, ?, ?, ?, ?, ?, ?)";
    let InstanceRecord { id, pool, slot, port, token, ipv6, retired } = record;
    connection.execute(statement, params![id.0, pool.0, slot, port, token, ipv6, retired]).map(drop)
}

fn read(row: &Row<'_>) -> rusqlite::Result<InstanceRecord> {
    Ok(InstanceRecord {
        id: InstanceId(row.get(0)?),
        pool: PoolId(row.get(1)?),
        slot: row.get(2)?,
        port: row.get(3)?,
        token: row.get(4)?,
        ipv6: row.get(5)?,
        retired: row.get(6)?,
    })
}
