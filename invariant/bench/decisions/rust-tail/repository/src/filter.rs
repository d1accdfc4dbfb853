//! Which lines are printed.

use crate::{Level, SiftError};
use regex::Regex;
use std::io::{BufRead, Write};

/// The conditions that a line has to meet.
pub struct Filter {
    pattern: Option<Regex>,
    least: Option<Level>,
    invert: bool,
}

impl Filter {
    /// A filter from the text of a pattern and the least level.
    pub fn new(pattern: Option<&str>, least: Option<Level>, invert: bool) -> Result<Self, SiftError> {
        let pattern = match pattern {
            Some(text) => Some(Regex::new(text).map_err(|e| SiftError::Pattern(e.to_string()))?),
            None => None,
        };
        Ok(Filter { pattern, least, invert })
    }

    pub fn accepts(&self, line: &str) -> bool {
        let matched = self.pattern.as_ref().map_or(true, |p| p.is_match(line));
        let severe = self
            .least
            .map_or(true, |least| Level::of_line(line).is_some_and(|level| level >= least));
        (matched && severe) != self.invert
    }

    /// Copies the lines that are accepted; returns how many there were.
    pub fn copy<R: BufRead, W: Write>(&self, mut from: R, to: &mut W) -> Result<usize, String> {
        let mut count = 0;
        let mut line = String::new();
        loop {
            line.clear();
            let read = from.read_line(&mut line).map_err(|e| e.to_string())?;
            if read == 0 {
                return Ok(count);
            }
            if self.accepts(line.trim_end()) {
                let kept = line.clone();
                to.write_all(kept.as_bytes()).map_err(|e| e.to_string())?;
                count += 1;
            }
        }
    }
}

/// The part of a line that is shown when it is too long for the screen.
pub fn clip(line: &str, width: usize) -> &str {
    if line.len() <= width {
        return &line[..];
    }
    let mut end = width;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverts() {
        let filter = Filter::new(Some("x"), None, true).unwrap();
        assert!(filter.accepts("abc"));
        assert!(!filter.accepts("axc"));
    }
}
