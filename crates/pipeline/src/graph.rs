//! Which step may run when: a graph of steps, worked off in parallel. It does nothing itself and has no clock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a wish to stop is looked for while everybody works.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What has become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It may run, or waits for others.
    Waiting,
    /// It runs.
    Running,
    /// It ended well.
    Passed,
    /// It ended badly.
    Failed,
    /// It never runs: what it needs did not end well, or somebody asked to stop.
    NotRun,
}

/// Steps, what each needs, and what has become of them.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    steps: Vec<Entry<K>>,
    at_once: usize,
}

#[derive(Debug)]
struct Entry<K> {
    key: K,
    needs: Vec<usize>,
    state: State,
}

impl<K> Schedule<K> {
    /// No steps yet; of them so many may run at once, at least one.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { steps: Vec::new(), at_once: at_once.max(1) }
    }

    /// Adds a step that runs when those that it needs have passed; gives its number. It can only need steps that were
    /// added before, so there is never a circle. Of steps that may run, those that were added earlier come first.
    pub(crate) fn add(&mut self, key: K, needs: &[usize]) -> usize {
        let number = self.steps.len();
        let needs = needs.iter().copied().filter(|need| *need < number).collect();
        self.steps.push(Entry { key, needs, state: State::Waiting });
        number
    }

    /// The next step that may run now; it counts as running from here on.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let running = self.steps.iter().filter(|step| step.state == State::Running).count();
        if running >= self.at_once {
            return None;
        }
        let may = |step: &Entry<K>| {
            step.state == State::Waiting && step.needs.iter().all(|need| self.steps[*need].state == State::Passed)
        };
        let number = self.steps.iter().position(may)?;
        self.steps[number].state = State::Running;
        Some(number)
    }

    /// A step that ran has ended. What needs a step that did not pass will not run.
    pub(crate) fn ended(&mut self, number: usize, passed: bool) {
        self.steps[number].state = if passed { State::Passed } else { State::Failed };
        for later in number + 1..self.steps.len() {
            let lost = self.steps[later].needs.iter().any(|need| self.is_lost(*need));
            if lost && self.steps[later].state == State::Waiting {
                self.steps[later].state = State::NotRun;
            }
        }
    }

    /// Nothing begins any more.
    pub(crate) fn give_up(&mut self) {
        for step in self.steps.iter_mut().filter(|step| step.state == State::Waiting) {
            step.state = State::NotRun;
        }
    }

    /// Whether nothing runs and nothing will.
    pub(crate) fn is_over(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.state, State::Waiting | State::Running))
    }

    /// What a step is.
    pub(crate) fn key(&self, number: usize) -> &K {
        &self.steps[number].key
    }

    /// Every step with what has become of it, and the first of those that it needs which failed, or which is not run
    /// either.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&K, State, Option<&K>)> {
        self.steps.iter().map(|step| {
            let cause = step.needs.iter().find(|need| self.is_lost(**need));
            (&step.key, step.state, cause.map(|cause| &self.steps[*cause].key))
        })
    }

    fn is_lost(&self, number: usize) -> bool {
        matches!(self.steps[number].state, State::Failed | State::NotRun)
    }
}

/// Works a schedule off on threads; `work` says whether a step passed. After `stop` nothing begins any more.
pub(crate) fn run<K: Clone + Send + Sync>(
    schedule: Schedule<K>,
    work: &(dyn Fn(&K) -> bool + Sync),
    stop: &(dyn Fn() -> bool + Sync),
) -> Schedule<K> {
    let workers = schedule.at_once.min(schedule.steps.len());
    let (shared, changed) = (Mutex::new(schedule), Condvar::new());
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((number, key)) = take(lock(), &changed, stop) {
                    // A step that panics has ended, too: the others must not wait for it.
                    let mut ending =
                        Ending { passed: false, tell: &|passed| lock().ended(number, passed), changed: &changed };
                    ending.passed = work(&key);
                }
            });
        }
    });
    shared.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a step that may run; `None`: there will be none.
fn take<K: Clone>(
    mut schedule: MutexGuard<'_, Schedule<K>>,
    changed: &Condvar,
    stop: &dyn Fn() -> bool,
) -> Option<(usize, K)> {
    loop {
        if stop() {
            schedule.give_up();
        }
        if let Some(number) = schedule.next() {
            return Some((number, schedule.key(number).clone()));
        }
        if schedule.is_over() {
            changed.notify_all();
            return None;
        }
        let waited = changed.wait_timeout(schedule, LOOK_EVERY);
        schedule = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Tells how a step ended when it goes out of scope.
struct Ending<'a> {
    passed: bool,
    tell: &'a dyn Fn(bool),
    changed: &'a Condvar,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        (self.tell)(self.passed);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Steps with what they need, and which of them fail.
    #[derive(Debug, Clone)]
    struct Case {
        needs: Vec<Vec<usize>>,
        failing: BTreeSet<usize>,
        at_once: usize,
        /// In which order running steps end.
        turns: Vec<usize>,
    }

    fn cases() -> impl Strategy<Value = Case> {
        let needs = vec(vec(any::<usize>(), 0..4), 0..24);
        (needs, vec(any::<bool>(), 24), 1..6_usize, vec(any::<usize>(), 64)).prop_map(|(raw, fails, at_once, turns)| {
            let earlier = |(number, needs): (usize, &Vec<usize>)| -> Vec<usize> {
                if number == 0 { Vec::new() } else { needs.iter().map(|need| need % number).collect() }
            };
            let needs: Vec<Vec<usize>> = raw.iter().enumerate().map(earlier).collect();
            let failing = (0..needs.len()).filter(|number| fails[*number]).collect();
            Case { needs, failing, at_once, turns }
        })
    }

    fn schedule(case: &Case) -> Schedule<usize> {
        let mut schedule = Schedule::new(case.at_once);
        for (number, needs) in case.needs.iter().enumerate() {
            assert_eq!(schedule.add(number, needs), number);
        }
        schedule
    }

    /// What must become of a step, by the definition and not by the schedule.
    fn expected(case: &Case, number: usize) -> State {
        let lost = case.needs[number].iter().any(|need| expected(case, *need) != State::Passed);
        match (lost, case.failing.contains(&number)) {
            (true, _) => State::NotRun,
            (false, true) => State::Failed,
            (false, false) => State::Passed,
        }
    }

    proptest! {
        #[test]
        fn every_step_whose_needs_passed_runs_exactly_once_and_no_other(case in cases()) {
            let mut schedule = schedule(&case);
            let (mut running, mut ran) = (Vec::new(), Vec::new());
            let mut turns = case.turns.iter().cycle();
            loop {
                while let Some(number) = schedule.next() {
                    for need in &case.needs[number] {
                        prop_assert!(ran.contains(need) && !case.failing.contains(need));
                    }
                    running.push(number);
                    prop_assert!(running.len() <= case.at_once);
                }
                if running.is_empty() {
                    break;
                }
                let number = running.remove(turns.next().copied().unwrap_or(0) % running.len());
                ran.push(number);
                schedule.ended(number, !case.failing.contains(&number));
            }
            prop_assert!(schedule.is_over());
            let once: BTreeSet<usize> = ran.iter().copied().collect();
            prop_assert_eq!(once.len(), ran.len());
            for (number, state, cause) in schedule.all() {
                prop_assert_eq!(state, expected(&case, *number));
                prop_assert_eq!(ran.contains(number), state != State::NotRun);
                prop_assert_eq!(cause.is_some(), state == State::NotRun);
            }
        }

        #[test]
        fn nothing_begins_after_giving_up(case in cases(), steps in 0..10_usize) {
            let mut schedule = schedule(&case);
            let begun: Vec<usize> = (0..steps).map_while(|_| schedule.next()).collect();
            schedule.give_up();
            prop_assert_eq!(schedule.next(), None);
            for number in begun {
                schedule.ended(number, true);
                prop_assert_eq!(schedule.next(), None);
            }
            prop_assert!(schedule.is_over());
        }

        #[test]
        fn threads_keep_to_the_schedule(case in cases()) {
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let ran = Mutex::new(Vec::new());
            let work = |number: &usize| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                ran.lock().unwrap().push(*number);
                now.fetch_sub(1, Ordering::SeqCst);
                !case.failing.contains(number)
            };
            let done = run(schedule(&case), &work, &|| false);
            prop_assert!(most.load(Ordering::SeqCst) <= case.at_once);
            for (number, state, _) in done.all() {
                prop_assert_eq!(state, expected(&case, *number));
            }
            let ran = ran.into_inner().unwrap();
            let wanted = (0..case.needs.len()).filter(|number| expected(&case, *number) != State::NotRun).count();
            prop_assert_eq!(ran.len(), wanted);
        }
    }

    #[test]
    fn a_step_that_panics_stops_nobody() {
        let mut schedule = Schedule::new(2);
        let first = schedule.add("panics", &[]);
        schedule.add("needs it", &[first]);
        schedule.add("does not", &[]);
        let ran = Mutex::new(Vec::new());
        let work = |key: &&'static str| {
            assert!(*key != "panics", "on purpose");
            ran.lock().unwrap().push(*key);
            true
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(schedule, &work, &|| false)));
        assert!(result.is_err(), "the panic is not lost");
        assert_eq!(*ran.lock().unwrap(), ["does not"]);
    }
}
