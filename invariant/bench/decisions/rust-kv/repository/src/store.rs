//! The store itself.

use crate::record::Record;
use crate::segment::Segment;
use crate::Error;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After each write.
    Always,
    /// When [`Store::sync`] is called; until then writes are only pending.
    OnSync,
}

/// An open store.
pub struct Store {
    folder: PathBuf,
    segment: Segment,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    durability: Durability,
    pending: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Store {
    /// Opens the store in a folder and reads what is there.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        let lock = OpenOptions::new().write(true).create_new(true).open(folder.join("lock"));
        match lock {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(Error::Locked),
            Err(e) => return Err(e.into()),
        }
        let segment = Segment::open(&folder.join("000.barrel"))?;
        let mut values = BTreeMap::new();
        for Record { key, value } in segment.records()? {
            values.insert(key, value);
        }
        Ok(Store { folder: folder.to_owned(), segment, values, durability, pending: Vec::new() })
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    /// Writes a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match self.durability {
            Durability::Always => self.segment.append(key, value)?,
            Durability::OnSync => self.pending.push((key.to_vec(), value.to_vec())),
        }
        self.values.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    /// Brings everything that is pending to the disk.
    pub fn sync(&mut self) -> Result<(), Error> {
        for (key, value) in std::mem::take(&mut self.pending) {
            self.segment.append(&key, &value)?;
        }
        Ok(())
    }

    /// The pairs whose keys lie between two bounds, at most `limit` of them.
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize, reverse: bool) -> Vec<(&[u8], &[u8])> {
        if from >= to {
            return Vec::new();
        }
        let all = self.values.range(from.to_vec()..to.to_vec());
        let pairs = all.map(|(k, v)| (k.as_slice(), v.as_slice()));
        if reverse {
            pairs.rev().take(limit).collect()
        } else {
            pairs.take(limit).collect()
        }
    }

    /// Writes how many keys there are into a file that monitoring reads.
    pub fn write_stats(&self) -> Result<(), Error> {
        let mut file = File::create(self.folder.join("stats"))?;
        writeln!(file, "keys {}", self.values.len())?;
        Ok(())
    }

    /// Throws away overwritten values.
    pub fn compact(&mut self) -> Result<(), Error> {
        self.sync()?;
        if !self.pending.is_empty() {
            panic!("bug: writes are pending after a sync");
        }
        let records: Vec<Record> = self
            .values
            .iter()
            .map(|(key, value)| Record { key: key.clone(), value: value.clone() })
            .collect();
        self.segment.rewrite(&records)
    }

    /// Lets another process open the store.
    pub fn close(mut self) -> Result<(), Error> {
        self.sync()?;
        fs::remove_file(self.folder.join("lock"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins() {
        let folder = std::env::temp_dir().join(format!("barrel-{}", std::process::id()));
        let mut store = Store::open(&folder, Durability::Always).unwrap();
        store.put(b"a", b"1").unwrap();
        store.put(b"a", b"2").unwrap();
        assert_eq!(store.get(b"a"), Some(&b"2"[..]));
        store.close().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::remove_dir_all(&folder).unwrap();
    }
}
