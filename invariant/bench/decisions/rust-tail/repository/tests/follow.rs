use sift::{Follower, SiftError};
use std::fs::{self, OpenOptions};
use std::io::Write;

#[test]
fn only_new_lines_are_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "old\n").unwrap();
    let mut follower = Follower::open(&path).unwrap();
    let mut log = OpenOptions::new().append(true).open(&path).unwrap();
    writeln!(log, "new").unwrap();
    let mut seen = Vec::new();
    follower.poll(|line| seen.push(line.to_owned())).unwrap();
    assert_eq!(seen, ["new"]);
}

#[test]
fn truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "one\ntwo\n").unwrap();
    let mut follower = Follower::open(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert!(matches!(follower.poll(|_| ()), Err(SiftError::Truncated(_))));
}

#[test]
fn the_position_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, "one\n").unwrap();
    let state = std::path::Path::new("target/sift-state");
    Follower::open(&path).unwrap().remember(state).unwrap();
    assert_eq!(fs::read_to_string(state).unwrap(), "4");
}
