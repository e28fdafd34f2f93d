//! How long a store takes to open and to be read again, and how much memory.
//!
//! `cargo run --release -p postrider-journal --example recovery -- DIRECTORY [MEBIBYTES]`
//!
//! Run it twice: the first time it fills the directory and ends, so that the second has its memory to itself.

use postrider_journal::{Creation, Directory, Log, Options, StoreId};
use std::error::Error;
use std::fs;
use std::io::Write;
use std::time::Instant;

const PAYLOAD: [u8; 273] = [0x5A; 273];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a directory on the device")?;
    let mebibytes: u64 = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let start = Instant::now();
    let options = Options::new(Creation::Allowed(StoreId([1; 16])));
    let (mut log, mut recovered) = Log::open(Directory::open(&path)?, options)?;
    let opened = start.elapsed();
    let mut out = std::io::stdout();
    if recovered.last().number() == 0 {
        for number in 0..mebibytes * 1024 * 1024 / 280 {
            log.append(1, &[&PAYLOAD])?;
            if number % 4096 == 0 {
                log.write()?;
            }
        }
        log.close()?;
        return Ok(writeln!(out, "filled")?);
    }
    let (mut records, mut bytes, mut payload) = (0_u64, 0, Vec::new());
    while recovered.next(&mut payload)?.is_some() {
        (records, bytes) = (records + 1, bytes + payload.len());
        payload.clear();
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    let total = start.elapsed();
    Ok(writeln!(out, "{records} records, {bytes} bytes: opened in {opened:.2?}, read in {total:.2?}, peak {peak}")?)
}
