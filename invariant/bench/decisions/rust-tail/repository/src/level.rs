//! Log levels and how they are recognised in a line.

use crate::SiftError;
use std::str::FromStr;

/// How severe a line says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Details for developers.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Something odd.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The first level that is named in the line, if any.
    pub fn of_line(line: &str) -> Option<Level> {
        let end = line.len().min(80);
        let head = line.get(..end).unwrap_or(line);
        head.split(|c: char| !c.is_ascii_alphabetic())
            .find_map(|word| word.parse().ok())
    }

    /// The letter that stands for the level in short output.
    pub fn letter(self) -> char {
        let rank = match self {
            Level::Debug => 0,
            Level::Info => 1,
            Level::Warn => 2,
            Level::Error => 3,
        };
        match rank {
            0 => 'D',
            1 => 'I',
            2 => 'W',
            3 => 'E',
            _ => unreachable!("there are four ranks"),
        }
    }
}

impl FromStr for Level {
    type Err = SiftError;

    fn from_str(text: &str) -> Result<Self, SiftError> {
        // Only upper case counts: "info" and "error" are words of ordinary messages.
        match text {
            "DEBUG" | "TRACE" => Ok(Level::Debug),
            "INFO" | "NOTICE" => Ok(Level::Info),
            "WARN" | "WARNING" => Ok(Level::Warn),
            "ERROR" | "FATAL" => Ok(Level::Error),
            other => Err(SiftError::Level(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_level_counts() {
        assert_eq!(Level::of_line("12:00 WARN after ERROR"), Some(Level::Warn));
        assert_eq!("INFO".parse::<Level>().unwrap(), Level::Info);
    }
}
