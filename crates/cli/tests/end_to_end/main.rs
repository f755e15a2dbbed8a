//! The whole program, from the command line to the answers that users get: every test has a home, a gateway and
//! services of its own, and looks at them from outside.

#![cfg(target_os = "linux")]

mod support;

mod api_access;
mod as_found;
mod bases;
mod check;
mod check_killed;
mod database;
mod deployment_faults;
mod egress;
mod exec;
mod fanout;
mod first_day;
mod follow;
mod follow_disk;
mod follow_doors;
mod follow_others;
mod follow_several;
mod follow_soak;
mod follow_ssh;
mod follow_sweep;
mod follow_trouble;
mod foreign_images;
mod images;
mod init;
mod installed;
mod internal_calls;
mod invoices;
mod jobs;
mod kills;
mod machine_faults;
mod node_killed;
mod other_kinds;
mod other_tools;
mod printed;
mod printed_live;
mod printed_machine;
mod reboot;
mod redeploy_under_load;
mod remote;
mod replace;
mod reports;
mod sent;
mod smoke_and_bake;
mod stopped;
mod stored_images;
mod unknown_names;
mod walls;
