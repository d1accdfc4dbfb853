use sift::{Filter, Level};
use std::io::Cursor;
use std::time::Instant;

fn main() {
    let mut text = String::new();
    for number in 0..100_000 {
        let level = if number % 100 == 0 { "ERROR" } else { "INFO" };
        text.push_str(&format!("2025-01-01T00:00:00Z {level} request {number}\n"));
    }
    let filter = Filter::new(Some("request"), Some(Level::Warn), false).unwrap();
    let start = Instant::now();
    let count = filter.copy(Cursor::new(&text), &mut std::io::sink()).unwrap();
    println!("{count} lines in {:?}", start.elapsed());
}
