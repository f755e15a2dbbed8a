//! The steps of a plan. Each has all that it needs, and each may be done again after a crash in the middle of it.

use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::release::Check;
use seaworthy_model::units::format_duration;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Step {
    /// Runs the migrations of a pool.
    Before {
        /// The pool.
        pool: PoolSpec,
    },
    /// Starts a pool's instances.
    Start {
        /// The pool.
        pool: PoolSpec,
    },
    /// Brings a pool that is kept to other numbers and times.
    Scale {
        /// The pool, as it is to be.
        pool: PoolSpec,
        /// How many instances there were.
        replicas_before: u16,
    },
    /// Waits until a pool is healthy.
    Healthy {
        /// The pool.
        pool: PoolSpec,
    },
    /// Runs checks against a revision, by the listener that is pinned to it.
    Smoke {
        /// The revision's number.
        revision: u64,
        /// The checks.
        checks: Vec<SmokeCheck>,
    },
    /// Holds the requests of services that change over. What follows, up to [`Step::Release`], may not take longer.
    Hold {
        /// The services.
        services: Vec<Name>,
        /// The longest time.
        hold: Duration,
    },
    /// Lets the held requests go to the instances that are there now.
    Release {
        /// The services.
        services: Vec<Name>,
    },
    /// Stops a pool at once: one of a service that changes over, or a worker.
    StopNow {
        /// The service.
        service: Name,
        /// The pool.
        pool: PoolId,
        /// How long requests that were sent before they were held may still be under way, first: a server that is
        /// asked to end closes connections on which the next request may just be arriving.
        #[serde(default)]
        quiet: Duration,
    },
    /// Gives a revision its share of traffic, and watches what comes of it.
    Shift {
        /// The revision's number.
        revision: u64,
        /// Its share, 0 to 100.
        weight: u8,
        /// Whom to watch, and how long; absent: go on at once.
        watch: Option<Watch>,
    },
    /// Takes the environment's routes away.
    Withdraw,
    /// Keeps the old revision warm and watches the new one.
    Bake {
        /// Whom to watch, and how long.
        watch: Watch,
        /// Whether a failure goes back by itself.
        returns: bool,
    },
    /// Waits until nothing is in flight to these pools.
    Drain {
        /// The pools.
        pools: Vec<PoolId>,
        /// The longest time; what is in flight then is closed politely.
        drain: Duration,
    },
    /// Stops pools to which nothing is in flight.
    Stop {
        /// The pools.
        pools: Vec<PoolId>,
    },
}

/// Whose counters decide whether a revision does well (DESIGN 6.4), and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The revision that is watched.
    pub revision: u64,
    /// Its pools that the old one does not have.
    pub new: Vec<PoolId>,
    /// The old one's pools that they replace.
    pub old: Vec<PoolId>,
    /// How long.
    pub during: Duration,
}

/// A check to run, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeCheck {
    /// What it checks.
    pub subject: Subject,
    /// The check.
    pub check: Check,
}

/// What a check checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A route, by its host and path.
    Route {
        /// The route.
        route: Name,
        /// Its host.
        host: String,
        /// Its path.
        path: String,
    },
    /// A service itself, whether or not it has a route.
    Service {
        /// The service.
        service: Name,
        /// Its pool.
        pool: PoolId,
    },
}

impl Subject {
    /// Of the route or the service.
    pub(crate) fn name(&self) -> &Name {
        match self {
            Self::Route { route, .. } => route,
            Self::Service { service, .. } => service,
        }
    }
}

impl Step {
    /// The pools that it stops.
    #[must_use]
    pub fn stops(&self) -> &[PoolId] {
        match self {
            Self::StopNow { pool, .. } => std::slice::from_ref(pool),
            Self::Stop { pools } => pools,
            _ => &[],
        }
    }

    /// Whether a newer deployment may take it over, or need not wait for its end.
    #[must_use]
    pub fn is_left_to_a_newer(&self) -> bool {
        matches!(self, Self::Bake { .. } | Self::Drain { .. } | Self::Stop { .. })
    }

    /// How long the changeover that begins here may last.
    #[must_use]
    pub fn hold(&self) -> Option<Duration> {
        match self {
            Self::Hold { hold, .. } => Some(*hold),
            _ => None,
        }
    }

    /// The step's kind, one word, for machines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Before { .. } => "before",
            Self::Start { .. } => "start",
            Self::Scale { .. } => "scale",
            Self::Healthy { .. } => "healthy",
            Self::Smoke { .. } => "smoke",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::StopNow { .. } => "stop-now",
            Self::Shift { .. } => "shift",
            Self::Withdraw => "withdraw",
            Self::Bake { .. } => "bake",
            Self::Drain { .. } => "drain",
            Self::Stop { .. } => "stop",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before { pool } => {
                let commands: Vec<String> = pool.before.iter().map(|command| command.join(" ")).collect();
                write!(f, "run before `{}`: {}", pool.service, commands.join("; "))
            }
            Self::Start { pool } => write!(f, "start `{}` x {}", pool.service, pool.tuning.replicas),
            Self::Scale { pool, replicas_before } if *replicas_before == pool.tuning.replicas => {
                write!(f, "tune `{}`", pool.service)
            }
            Self::Scale { pool, replicas_before } => {
                write!(f, "scale `{}` from {replicas_before} to {}", pool.service, pool.tuning.replicas)
            }
            Self::Healthy { pool } => write!(f, "wait until `{}` is healthy", pool.service),
            Self::Smoke { revision, checks } => {
                let plural = if checks.len() == 1 { "" } else { "s" };
                write!(f, "run {} smoke check{plural} against revision {revision}", checks.len())
            }
            Self::Hold { services, hold } => {
                write!(f, "hold the requests of {}, at most {}", names(services), format_duration(*hold))
            }
            Self::Release { services } => write!(f, "let the requests of {} go", names(services)),
            Self::StopNow { service, .. } => write!(f, "stop the old `{service}`"),
            Self::Shift { revision, weight, watch: None } => {
                write!(f, "shift traffic: {weight}% to revision {revision}")
            }
            Self::Shift { revision, weight, watch: Some(watch) } => {
                write!(f, "shift traffic: {weight}% to revision {revision}, for {}", format_duration(watch.during))
            }
            Self::Withdraw => f.write_str("take all routes away"),
            Self::Bake { watch, returns: true } => {
                write!(f, "bake for {}, going back if it fails", format_duration(watch.during))
            }
            Self::Bake { watch, returns: false } => {
                write!(f, "bake for {}, without going back", format_duration(watch.during))
            }
            Self::Drain { pools, drain } => write!(f, "drain {}, at most {}", names(pools), format_duration(*drain)),
            Self::Stop { pools } => write!(f, "stop {}", names(pools)),
        }
    }
}

fn names(things: &[impl fmt::Display]) -> String {
    things.iter().map(|thing| format!("`{thing}`")).collect::<Vec<_>>().join(", ")
}
