//! An embedded key-value store: one directory, one writer, no server.

mod crc;
mod error;
mod raw;
mod record;
mod segment;
mod store;

pub use error::Error;
pub use store::{Durability, Store};
