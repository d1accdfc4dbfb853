//! The few places that step outside of what the compiler can check.

/// A header as it lies in the file: checksum, length of the key, length of the value.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub checksum: [u8; 4],
    pub key_length: [u8; 4],
    pub value_length: [u8; 4],
}

pub const HEADER: usize = std::mem::size_of::<Header>();

/// The bytes of a header, without copying.
pub fn bytes_of(header: &Header) -> &[u8] {
    // SAFETY: Header is repr(C), consists of bytes only and so has neither padding nor alignment.
    unsafe { std::slice::from_raw_parts((header as *const Header).cast::<u8>(), HEADER) }
}

/// The header at the start of the bytes, or nothing when there are too few.
pub fn header_of(bytes: &[u8]) -> Option<Header> {
    if bytes.len() < HEADER {
        return None;
    }
    let start = bytes.as_ptr();
    Some(unsafe { start.cast::<Header>().read_unaligned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let header = Header { checksum: [1; 4], key_length: [2; 4], value_length: [3; 4] };
        assert_eq!(header_of(bytes_of(&header)), Some(header));
    }
}
