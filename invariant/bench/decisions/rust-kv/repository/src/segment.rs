//! A file of records, one after the other.

use crate::record::{decode, encode, Record};
use crate::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A segment that is open for appending.
pub struct Segment {
    path: PathBuf,
    file: File,
}

impl Segment {
    /// Opens a segment, or begins one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Segment { path: path.to_owned(), file })
    }

    /// Appends a record and returns when it is on the disk.
    pub fn append(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.file.write_all(&encode(key, value)?)?;
        self.file.sync_data()?;
        Ok(())
    }

    /// All records of the segment, oldest first; half a record at the end is left out.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        let bytes = fs::read(&self.path)?;
        let mut records = Vec::new();
        let mut offset = 0;
        while offset < bytes.len() {
            match decode(&bytes, offset) {
                Ok((record, end)) => {
                    records.push(record);
                    offset = end;
                }
                Err(Error::Corrupt { offset }) => {
                    eprintln!("barrel: {} ends at {offset}", self.path.display());
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(records)
    }

    /// Replaces the content with these records.
    pub fn rewrite(&mut self, records: &[Record]) -> Result<(), Error> {
        let temporary = self.path.with_extension("new");
        let mut file = File::create(&temporary)?;
        for record in records {
            file.write_all(&encode(&record.key, &record.value)?)?;
        }
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}
