//! JUnit's XML: there is no standard, so reading takes what the common writers write, and writing what they all read.

mod decode;
mod place;
mod read;
mod write;

pub use place::relocate;
pub use read::{Problem, Report, read};
pub use write::write;
