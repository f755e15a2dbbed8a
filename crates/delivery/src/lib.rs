//! Continuous deployment, decided: what runs next, what a newer commit supersedes, when a release has soaked, what a
//! check's verdict says, and what others are told. Pure: IO is the node's.

pub mod answer;
pub mod credentials;
pub mod evidence;
pub mod forge;
pub mod next;
pub mod pace;
pub mod signature;
pub mod soak;
pub mod watch;
