//! CRC-32 as in IEEE 802.3, with a table that is built at compile time.

const POLYNOMIAL: u32 = 0xEDB8_8320;
static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { POLYNOMIAL ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// The checksum of the bytes.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut value = !0u32;
    for &byte in bytes {
        let [low, ..] = value.to_le_bytes();
        value = TABLE[usize::from(low ^ byte)] ^ (value >> 8);
    }
    !value
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
