//! How operations fail.

use std::fmt;
use std::io;

/// Why an operation of the store did not succeed.
#[derive(Debug)]
pub enum Error {
    /// The operating system refused.
    Io(io::Error),
    /// A record does not match its checksum.
    Corrupt {
        /// Where the record begins.
        offset: u64,
    },
    /// A key or value is longer than a record can hold.
    TooLong(usize),
    /// Another process has the store open.
    Locked,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(e) => write!(f, "i/o: {e}"),
            Error::Corrupt { offset } => write!(f, "corrupt record at {offset}"),
            Error::TooLong(length) => write!(f, "{length} bytes are too long"),
            Error::Locked => f.write_str("another process has the store open"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Error::Io(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where() {
        assert_eq!(Error::Corrupt { offset: 7 }.to_string(), "corrupt record at 7");
    }
}
