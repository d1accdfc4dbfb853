//! Follow log files and print the lines that match.
//!
//! Everything the binary does can be used from other programs as well; the binary only parses
//! arguments and prints.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod error;
pub mod filter;
pub mod follow;
pub mod level;

pub use error::SiftError;
pub use filter::Filter;
pub use follow::Follower;
pub use level::Level;
