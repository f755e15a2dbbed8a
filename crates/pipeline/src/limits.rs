//! How much of the machine one step may take, and how many run at once.

use seaworthy_host::machine;
use std::time::Duration;

/// How long a step may take unless somebody says otherwise.
const TIME_MAX: Duration = Duration::from_secs(3600);
const MEBIBYTE: u64 = 1 << 20;
/// The least memory that makes it worth while to run one more step at once.
const MEMORY_STEP_MIN: u64 = 1 << 30;
/// Processes and threads of a step, beside those that go with the cores.
const PROCESSES: u32 = 1024;
/// The same for each core: compilers and test runners start some for each.
const PROCESSES_A_CORE: u32 = 64;
/// Bytes that the programs of a step may print.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;

/// What one step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepLimits {
    /// How long it may take; each attempt of a test anew.
    pub time_max: Duration,
    /// Bytes of memory of all its processes together.
    pub memory_bytes_max: u64,
    /// Processes and threads.
    pub processes_max: u32,
    /// Bytes that it may print.
    pub output_bytes_max: u64,
    /// Whether what no control group limits is watched: not where somebody limits the whole check from outside.
    pub watched: bool,
    /// How many steps run at once.
    pub at_once: usize,
}

impl StepLimits {
    /// For this machine: as many steps at once as it has cores and memory for, and three quarters of its memory for
    /// all of them together.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self::of(machine::cores(), machine::memory_bytes())
    }

    fn of(cores: usize, memory_bytes: Option<u64>) -> Self {
        let memory = memory_bytes.map_or(u64::MAX / 4, |bytes| bytes / 4 * 3);
        let fitting = usize::try_from(memory / MEMORY_STEP_MIN).unwrap_or(usize::MAX).max(1);
        let at_once = cores.clamp(1, fitting);
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        Self {
            time_max: TIME_MAX,
            // Whole mebibytes, so that messages can say how many.
            memory_bytes_max: memory / at_once as u64 / MEBIBYTE * MEBIBYTE,
            processes_max: PROCESSES.saturating_add(cores.saturating_mul(PROCESSES_A_CORE)),
            output_bytes_max: OUTPUT_BYTES_MAX,
            watched: true,
            at_once,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_machine_does_one_thing_after_the_other() {
        let gib = 1_u64 << 30;
        let shown = |cores, memory| {
            let limits = StepLimits::of(cores, memory);
            (limits.at_once, limits.memory_bytes_max >> 20)
        };
        assert_eq!(shown(2, Some(gib)), (1, 768));
        assert_eq!(shown(2, Some(8 * gib)), (2, 3072));
        assert_eq!(shown(64, Some(16 * gib)), (12, 1024));
    }

    proptest! {
        #[test]
        fn all_steps_together_leave_a_quarter_of_the_machine(
            cores in 1..512_usize,
            memory in (64_u64 << 20)..(1 << 42),
        ) {
            let limits = StepLimits::of(cores, Some(memory));
            prop_assert!(limits.at_once >= 1 && limits.at_once <= cores);
            prop_assert!(limits.memory_bytes_max * limits.at_once as u64 <= memory / 4 * 3);
        }
    }
}
