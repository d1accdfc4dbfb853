use barrel::{Durability, Error, Store};
use std::fs;

#[test]
fn what_was_written_survives_a_kill() {
    let folder = std::env::temp_dir().join(format!("barrel-crash-{}", std::process::id()));
    let mut store = Store::open(&folder, Durability::Always).unwrap();
    store.put(b"first", b"1").unwrap();
    // Killed between two writes: nothing is closed and the lock stays behind.
    std::mem::forget(store);
    assert!(matches!(Store::open(&folder, Durability::Always), Err(Error::Locked)));
    fs::remove_file(folder.join("lock")).unwrap();
    let mut store = Store::open(&folder, Durability::Always).unwrap();
    assert_eq!(store.get(b"first"), Some(&b"1"[..]));
    store.put(b"second", b"2").unwrap();
    store.close().unwrap();
    fs::remove_dir_all(&folder).unwrap();
}
