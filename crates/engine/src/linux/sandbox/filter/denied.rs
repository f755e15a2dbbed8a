//! The system calls that are refused with `EPERM`: they change the machine or look into what is not the instance's.

use nix::libc;

/// On every architecture.
#[rustfmt::skip]
pub(super) const EVERYWHERE: &[libc::c_long] = &[
    libc::SYS_acct, libc::SYS_add_key, libc::SYS_bpf, libc::SYS_chroot, libc::SYS_clock_adjtime,
    libc::SYS_clock_settime, libc::SYS_adjtimex, libc::SYS_settimeofday, libc::SYS_delete_module,
    libc::SYS_finit_module, libc::SYS_init_module, libc::SYS_fanotify_init, libc::SYS_fsconfig, libc::SYS_fsmount,
    libc::SYS_fsopen, libc::SYS_fspick, libc::SYS_move_mount, libc::SYS_mount, libc::SYS_mount_setattr,
    libc::SYS_open_tree, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register, libc::SYS_io_uring_setup, libc::SYS_kcmp, libc::SYS_kexec_file_load,
    libc::SYS_kexec_load, libc::SYS_keyctl, libc::SYS_request_key, libc::SYS_lookup_dcookie, libc::SYS_mbind,
    libc::SYS_migrate_pages, libc::SYS_move_pages, libc::SYS_set_mempolicy, libc::SYS_set_mempolicy_home_node,
    libc::SYS_name_to_handle_at, libc::SYS_nfsservctl, libc::SYS_open_by_handle_at, libc::SYS_perf_event_open,
    libc::SYS_personality, libc::SYS_pidfd_getfd, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_ptrace, libc::SYS_quotactl, libc::SYS_quotactl_fd, libc::SYS_reboot, libc::SYS_setdomainname,
    libc::SYS_sethostname, libc::SYS_setns, libc::SYS_swapoff, libc::SYS_swapon, libc::SYS_syslog, libc::SYS_unshare,
    libc::SYS_userfaultfd, libc::SYS_vhangup,
];

/// Those that only x86_64 has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const HERE: &[libc::c_long] = &[
    libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_modify_ldt, libc::SYS_uselib, libc::SYS_ustat, libc::SYS_sysfs,
    libc::SYS__sysctl,
];

#[cfg(target_arch = "aarch64")]
pub(super) const HERE: &[libc::c_long] = &[];

/// Flags of `clone` that make namespaces.
pub(super) const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The families of sockets that stay within the instance. Others do not: a virtual machine's host, for one, is reached
/// from every network namespace (vsock(7)).
pub(super) const SOCKETS: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
