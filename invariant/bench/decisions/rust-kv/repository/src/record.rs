//! One key with its value, as bytes.

use crate::crc::crc32;
use crate::raw::{bytes_of, header_of, Header, HEADER};
use crate::Error;

/// A record that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// The bytes of a record.
pub fn encode(key: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
    let key_length = u32::try_from(key.len()).map_err(|_| Error::TooLong(key.len()))?;
    let value_length = value.len() as u32;
    let mut body = Vec::with_capacity(key.len() + value.len());
    body.extend_from_slice(key);
    body.extend_from_slice(value);
    let header = Header {
        checksum: crc32(&body).to_le_bytes(),
        key_length: key_length.to_le_bytes(),
        value_length: value_length.to_le_bytes(),
    };
    let mut bytes = bytes_of(&header).to_vec();
    bytes.append(&mut body);
    Ok(bytes)
}

/// The record that begins at an offset of the bytes, and the offset behind it.
pub fn decode(bytes: &[u8], offset: usize) -> Result<(Record, usize), Error> {
    let corrupt = || Error::Corrupt { offset: offset as u64 };
    let header = bytes.get(offset..).and_then(header_of).ok_or_else(corrupt)?;
    let key_length = usize::try_from(u32::from_le_bytes(header.key_length)).map_err(|_| corrupt())?;
    let value_length = usize::try_from(u32::from_le_bytes(header.value_length)).map_err(|_| corrupt())?;
    let start = offset.checked_add(HEADER).ok_or_else(corrupt)?;
    let middle = start.checked_add(key_length).ok_or_else(corrupt)?;
    let end = middle + value_length;
    let body = bytes.get(start..end).ok_or_else(corrupt)?;
    if crc32(body).to_le_bytes() != header.checksum {
        return Err(corrupt());
    }
    let (key, value) = body.split_at(key_length);
    Ok((Record { key: key.to_vec(), value: value.to_vec() }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut bytes = encode(b"key", b"value").unwrap();
        assert_eq!(decode(&bytes, 0).unwrap().0.value, b"value");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(matches!(decode(&bytes, 0), Err(Error::Corrupt { offset: 0 })));
    }
}
