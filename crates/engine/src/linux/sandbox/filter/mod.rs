//! Which system calls a program may make (seccomp(2)): what containers are used to.
//!
//! * What changes the machine, or looks into what is not the instance's, answers `EPERM`.
//! * What is not in the list answers `ENOSYS`, as if the kernel did not know it; so does `clone3`, whose flags a filter
//!   cannot see. Programs go back to the older call then.
//! * `ptrace` is refused also within an instance, unlike in Docker's newer profiles: no program needs it in production,
//!   and one that was broken into could take over those beside it.

mod allowed;
mod denied;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::io;

/// Both are asked for each call, and the stricter answer counts.
pub(crate) struct Filters {
    refusing: BpfProgram,
    knowing: BpfProgram,
}

/// The filters, ready to be applied.
///
/// # Errors
/// When this kind of machine has no list.
pub(crate) fn programs() -> io::Result<Filters> {
    let build = || -> Result<Filters, seccompiler::BackendError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let error = |number: libc::c_int| SeccompAction::Errno(number.unsigned_abs());
        let filter = |rules, otherwise, then| SeccompFilter::new(rules, otherwise, then, arch)?.try_into();
        Ok(Filters {
            refusing: filter(refused()?, SeccompAction::Allow, error(libc::EPERM))?,
            knowing: filter(known(), error(libc::ENOSYS), SeccompAction::Allow)?,
        })
    };
    build().map_err(|error| io::Error::new(io::ErrorKind::Unsupported, format!("cannot filter system calls: {error}")))
}

/// Applies them to this process and all that come of it. Allocates nothing, and needs `no_new_privs`.
///
/// # Errors
/// When the kernel has no filters.
pub(crate) fn apply(filters: &Filters) -> io::Result<()> {
    // The second passes what installs it: `seccomp` and `prctl` are known.
    for filter in [&filters.refusing, &filters.knowing] {
        seccompiler::apply_filter(filter).map_err(io::Error::other)?;
    }
    Ok(())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// With no rule a call is meant whatever its arguments are.
fn known() -> Rules {
    allowed::EVERYWHERE.iter().chain(allowed::HERE).chain(denied::EVERYWHERE).chain(denied::HERE).map(whole).collect()
}

fn refused() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = denied::EVERYWHERE.iter().chain(denied::HERE).map(whole).collect();
    let namespace = |flag: &libc::c_int| {
        let flag = u64::from(flag.unsigned_abs());
        let operator = SeccompCmpOp::MaskedEq(flag);
        SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Qword, operator, flag)?])
    };
    rules.insert(libc::SYS_clone, denied::NAMESPACES.iter().map(namespace).collect::<Result<_, _>>()?);
    let other = |family: &libc::c_int| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(family.unsigned_abs()))
    };
    let others = denied::SOCKETS.iter().map(other).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(others)?]);
    Ok(rules)
}

fn whole(number: &libc::c_long) -> (i64, Vec<SeccompRule>) {
    (*number, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_call_is_both_allowed_and_denied_and_both_filters_fit() {
        let allowed: BTreeSet<_> = allowed::EVERYWHERE.iter().chain(allowed::HERE).collect();
        let denied: BTreeSet<_> = denied::EVERYWHERE.iter().chain(denied::HERE).collect();
        assert!(allowed.is_disjoint(&denied));
        assert!(!allowed.contains(&libc::SYS_clone3));
        let filters = programs().unwrap();
        for filter in [&filters.refusing, &filters.knowing] {
            assert!(filter.len() < 4096, "the most instructions that the kernel takes (BPF_MAXINSNS)");
        }
    }
}
