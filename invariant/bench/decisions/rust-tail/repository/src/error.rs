//! What can go wrong.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Every failure of this crate.
#[derive(Debug)]
pub enum SiftError {
    /// A file could not be opened or read.
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The pattern is not a regular expression.
    Pattern(String),
    /// A word is not a log level.
    Level(String),
    /// The file became shorter while it was followed.
    Truncated(PathBuf),
}

impl fmt::Display for SiftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SiftError::Io { source, .. } => write!(f, "cannot read the file: {source}"),
            SiftError::Pattern(text) => write!(f, "not a pattern: {text}"),
            SiftError::Level(text) => write!(f, "Unknown level '{text}'"),
            SiftError::Truncated(path) => {
                write!(f, "{} was truncated, starting over", path.display())
            }
        }
    }
}

impl std::error::Error for SiftError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SiftError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
