//! What the program is before it does anything: its size, its start, its readiness.

use crate::failure::{Failure, Outcome};
use crate::table::{Row, Table, Target, Times, mib, ms};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 100;
const READIES: usize = 20;
const VERSION_MAX: Duration = Duration::from_millis(4);
const READY_MAX: Duration = Duration::from_millis(100);
const BINARY_MAX: u64 = 25 * 1024 * 1024;

pub fn measure(binary: &Path, table: &mut Table) -> Outcome<()> {
    size(binary, table)?;
    version(binary, table)?;
    ready(binary, table)
}

fn size(binary: &Path, table: &mut Table) -> Outcome<()> {
    let reading = format!("read {}", binary.display());
    let bytes = std::fs::metadata(binary)
        .map_err(Failure::to(reading))?
        .len();
    table.push(Row::new(
        "the binary",
        mib(bytes),
        Target::of("25 MiB", bytes <= BINARY_MAX),
    ));
    Ok(())
}

/// `wardroom --version` beside `true`.
fn version(binary: &Path, table: &mut Table) -> Outcome<()> {
    let (mut ours, mut least) = (Times::default(), Times::default());
    for _ in 0..STARTS {
        least.push(run("true".as_ref(), &[])?);
        ours.push(run(binary, &["--version"])?);
    }
    let row = Row::new(
        "`wardroom --version`, beside `true`",
        ours.shown(),
        Target::of("4 ms", ours.median() <= VERSION_MAX),
    );
    let ratio = ours.median().as_secs_f64() / least.median().as_secs_f64();
    table.push(row.beside(least.shown(), ratio));
    Ok(())
}

fn run(program: &Path, arguments: &[&str]) -> Outcome<Duration> {
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .map_err(Failure::to(format!("run {}", program.display())))?;
    match status.success() {
        true => Ok(started.elapsed()),
        false => Err(Failure::new(format!("{} failed", program.display()))),
    }
}

/// From the start to the line that says so, on a database that is there already.
fn ready(binary: &Path, table: &mut Table) -> Outcome<()> {
    let folder = tempfile::tempdir().map_err(Failure::to("make a temporary folder"))?;
    let mut first = Times::default();
    start_and_stop(binary, folder.path(), &mut first)?;
    let mut times = Times::default();
    for _ in 0..READIES {
        start_and_stop(binary, folder.path(), &mut times)?;
    }
    table.push(Row::new(
        "ready on a new database",
        ms(first.median()),
        Target::None,
    ));
    table.push(Row::new(
        "ready on an existing database",
        times.shown(),
        Target::of("100 ms", times.median() <= READY_MAX),
    ));
    Ok(())
}

/// Starts a server, adds the time until it was ready, and stops it.
pub fn start_and_stop(binary: &Path, data: &Path, times: &mut Times) -> Outcome<()> {
    let started = Instant::now();
    let mut server = Command::new(binary)
        .args(["up", "--listen", "127.0.0.1:0", "--ready-json", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Failure::to("start the server"))?;
    let line = first_line(&mut server)?;
    times.push(started.elapsed());
    let asked = Command::new("kill").arg(server.id().to_string()).status();
    asked.map_err(Failure::to("ask the server to stop"))?;
    server.wait().map_err(Failure::to("stop the server"))?;
    match line.contains("\"ready\":true") {
        true => Ok(()),
        false => Err(Failure::new("the server did not become ready")),
    }
}

fn first_line(server: &mut Child) -> Outcome<String> {
    let mut line = String::new();
    if let Some(output) = server.stdout.take() {
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(Failure::to("hear from the server"))?;
    }
    Ok(line)
}
