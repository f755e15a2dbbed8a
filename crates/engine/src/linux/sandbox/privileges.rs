//! Giving up rights, for good (capabilities(7)).

use nix::errno::Errno;
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
use std::io;

/// What a shim goes on doing: starting programs in new namespaces, signalling them, its network, its files.
const OF_A_SHIM: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_ADMIN);

/// The shim gives up what it does not need.
pub(super) fn keep_those_of_a_shim() -> io::Result<()> {
    let now = rustix::thread::capabilities(None)?;
    let kept = now.permitted & OF_A_SHIM;
    Ok(set(CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })?)
}

/// From here on no program that is executed gets a capability, whatever its file or its user says.
pub(super) fn never_more() -> io::Result<()> {
    rustix::thread::clear_ambient_capability_set()?;
    for number in 0..u64::BITS {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Err(error) if error == rustix::io::Errno::INVAL => break, // the kernel knows no more
            other => other?,
        }
    }
    // A change of the user must go on taking capabilities away: that bit is locked while it is off.
    rustix::thread::set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )?;
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// This process gives up every capability that it has.
pub(super) fn none() -> io::Result<()> {
    let nothing = CapabilitySet::empty();
    Ok(set(CapabilitySets { effective: nothing, permitted: nothing, inheritable: nothing })?)
}

fn set(sets: CapabilitySets) -> Result<(), Errno> {
    rustix::thread::set_capabilities(None, sets).map_err(|error| Errno::from_raw(error.raw_os_error()))
}
