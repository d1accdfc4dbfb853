//! Reads what is appended to a file.

use crate::SiftError;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const BLOCK: usize = 64 * 1024;

/// A file that is read from its end on, again and again.
pub struct Follower {
    path: PathBuf,
    file: File,
    position: u64,
    rest: Vec<u8>,
}

impl Follower {
    /// Opens a file and goes to its end.
    pub fn open(path: &Path) -> Result<Self, SiftError> {
        let fail = |source| SiftError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(fail)?;
        let position = file.seek(SeekFrom::End(0)).map_err(fail)?;
        Ok(Follower { path: path.to_owned(), file, position, rest: Vec::new() })
    }

    /// Hands every complete line that was appended since the last call to `each`.
    pub fn poll(&mut self, mut each: impl FnMut(&str)) -> Result<(), SiftError> {
        let length = self.file.metadata().map_err(|e| self.fail(e))?.len();
        if length < self.position {
            self.position = 0;
            // The seek cannot fail on a file that was opened for reading; the next read would tell.
            let _ = self.file.seek(SeekFrom::Start(0));
            return Err(SiftError::Truncated(self.path.clone()));
        }
        let mut block = vec![0; BLOCK];
        loop {
            let read = self.file.read(&mut block).map_err(|e| self.fail(e))?;
            if read == 0 {
                return Ok(());
            }
            self.position += read as u64;
            self.rest.extend(block.iter().take(read));
            while let Some(end) = memchr::memchr(b'\n', &self.rest) {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                each(String::from_utf8_lossy(&line).trim_end());
            }
        }
    }

    /// The last lines that are in the file already.
    pub fn last_lines(&self, count: usize) -> Result<Vec<String>, SiftError> {
        let text = fs::read_to_string(&self.path).map_err(|e| self.fail(e))?;
        let mut lines: Vec<String> = text.lines().rev().take(count).map(str::to_owned).collect();
        lines.reverse();
        Ok(lines)
    }

    /// Writes the position to a file, so that a later run can go on from there.
    pub fn remember(&self, state: &Path) -> Result<(), SiftError> {
        let _ = fs::rename(state, state.with_extension("old"));
        fs::write(state, self.position.to_string())
            .map_err(|source| SiftError::Io { path: state.to_owned(), source })
    }

    /// Goes on from a position that was remembered.
    pub fn resume(&mut self, state: &Path) -> Result<(), SiftError> {
        let text = fs::read_to_string(state)
            .map_err(|source| SiftError::Io { path: state.to_owned(), source })?;
        self.position = text.trim().parse().expect("the state file holds a number");
        self.file.seek(SeekFrom::Start(self.position)).map_err(|e| self.fail(e))?;
        Ok(())
    }

    fn fail(&self, source: io::Error) -> SiftError {
        SiftError::Io { path: self.path.clone(), source }
    }
}
