use lexopt::prelude::*;
use sift::{Filter, Follower, Level, SiftError};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

struct Arguments {
    path: PathBuf,
    pattern: Option<String>,
    least: Option<Level>,
    invert: bool,
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    let mut path = None;
    let mut pattern = None;
    let mut least = None;
    let mut invert = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('e') | Long("pattern") => pattern = Some(parser.value()?.string()?),
            Short('l') | Long("level") => least = Some(parser.value()?.parse()?),
            Short('v') | Long("invert") => invert = true,
            Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let path = path.ok_or("no file given")?;
    Ok(Arguments { path, pattern, least, invert })
}

fn run(arguments: &Arguments) -> Result<(), SiftError> {
    let filter = Filter::new(arguments.pattern.as_deref(), arguments.least, arguments.invert)?;
    let mut follower = Follower::open(&arguments.path)?;
    loop {
        match follower.poll(|line| {
            if filter.accepts(line) {
                println!("{line}");
            }
        }) {
            Err(SiftError::Truncated(path)) => eprintln!("sift: {} starts over", path.display()),
            other => other?,
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("sift: {error}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sift: {error}");
            ExitCode::FAILURE
        }
    }
}
