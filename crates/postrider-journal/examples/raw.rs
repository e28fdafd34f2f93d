//! Compares the log with the device it writes to, in one run.
//!
//! `cargo run --release -p postrider-journal --example raw -- DIRECTORY [SECONDS] [ROUNDS]`
//!
//! *device* is the floor: preallocate a file, write B x 280 bytes, sync. *log* does the same by `append` and `commit`;
//! *writer* by its thread, with 2 B records under way, so that about B gather while B are synced. All take turns.

use postrider_journal::{
    Creation, Directory, Log, Options, Refused, Sequence, Storage, StorageFile, StoreId, Urgency, Waker, Writer,
    WriterOptions,
};
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

const RECORD_BYTES: usize = 280;
/// With kind, length and checksum, a record of 280 bytes.
const PAYLOAD: [u8; RECORD_BYTES - 7] = [0x5A; RECORD_BYTES - 7];
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Records are released so many later.
const BACKLOG: u64 = 200_000;

/// What a number of commits took.
#[derive(Default)]
struct Measure {
    records: u64,
    commits_us: Vec<u64>,
    seconds: f64,
    cpu_s: f64,
    written_bytes: u64,
}

/// Something that makes so many records durable at a time, or more, and says how many.
type Subject<'a> = &'a mut dyn FnMut(u64) -> Outcome<u64>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a directory on the device")?;
    let seconds: f64 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let rounds: u32 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let path = Path::new(&path);
    fs::create_dir_all(path)?;
    print("| B | what | records/s | of the device | p50 ms | p99 ms | CPU us/record | written / payload |\n")?;
    print("|---:|---|---:|---:|---:|---:|---:|---:|\n")?;
    for batch in [1, 32, 256, 2048] {
        let mut device = Device::new(&path.join("device"))?;
        let mut log = Plain::new(&path.join("log"))?;
        let mut writer = Threaded::new(&path.join("writer"), batch)?;
        let mut measures = [Measure::default(), Measure::default(), Measure::default()];
        for _ in 0..rounds {
            run(&mut |count| device.commit(count), batch, seconds, &mut measures[0])?;
            run(&mut |count| log.commit(count), batch, seconds, &mut measures[1])?;
            run(&mut |count| writer.advance(count), batch, seconds, &mut measures[2])?;
        }
        writer.writer.close()?;
        let floor = rate(&measures[0]);
        for (name, measure) in ["device", "log", "writer"].iter().zip(&mut measures) {
            report(batch, name, measure, floor)?;
        }
        fs::remove_dir_all(path)?;
        fs::create_dir_all(path)?;
    }
    Ok(())
}

fn run(subject: Subject<'_>, batch: u64, seconds: f64, measure: &mut Measure) -> Outcome<()> {
    subject(batch)?;
    let (start, cpu, written) = (Instant::now(), cpu_seconds()?, written_bytes()?);
    let mut before = start;
    while start.elapsed().as_secs_f64() < seconds {
        measure.records += subject(batch)?;
        let now = Instant::now();
        measure.commits_us.push(u64::try_from((now - before).as_micros())?);
        before = now;
    }
    measure.seconds += start.elapsed().as_secs_f64();
    measure.cpu_s += cpu_seconds()? - cpu;
    measure.written_bytes += written_bytes()? - written;
    Ok(())
}

/// The device alone.
struct Device {
    directory: Directory,
    file: Option<(postrider_journal::DirectoryFile, u64)>,
    buffer: Vec<u8>,
}

impl Device {
    fn new(path: &Path) -> Outcome<Self> {
        Ok(Self { directory: Directory::open(path)?, file: None, buffer: Vec::new() })
    }

    fn commit(&mut self, count: u64) -> Outcome<u64> {
        self.buffer.resize(usize::try_from(count)? * RECORD_BYTES, 0xA5);
        let length = self.buffer.len() as u64;
        let (file, offset) = match self.file.take() {
            Some((file, offset)) if offset + length <= SEGMENT_BYTES => (file, offset),
            _ => {
                let _ = self.directory.remove("file");
                let file = self.directory.create("file")?;
                file.preallocate(SEGMENT_BYTES)?;
                (file, 0)
            }
        };
        file.write_all_at(offset, &[&self.buffer])?;
        file.sync_data()?;
        self.file = Some((file, offset + length));
        Ok(count)
    }
}

fn options() -> Options {
    Options::new(Creation::Allowed(StoreId([1; 16])))
}

/// The log in this thread.
struct Plain(Log<Directory>);

impl Plain {
    fn new(path: &Path) -> Outcome<Self> {
        Ok(Self(Log::open(Directory::open(path)?, options())?.0))
    }

    fn commit(&mut self, count: u64) -> Outcome<u64> {
        for _ in 0..count {
            let sequence = self.0.append(1, &[&PAYLOAD])?;
            self.0.release(Sequence::new(sequence.number().saturating_sub(BACKLOG)))?;
        }
        self.0.commit()?;
        Ok(count)
    }
}

/// The log in its own thread.
struct Threaded {
    writer: Writer<Directory>,
    last: Sequence,
    seen: Sequence,
    ahead: u64,
}

impl Threaded {
    fn new(path: &Path, batch: u64) -> Outcome<Self> {
        let (log, _) = Log::open(Directory::open(path)?, options())?;
        let owner = thread::current();
        let waker = Waker::new(move || owner.unpark());
        let writer = Writer::spawn(log, WriterOptions::default(), waker)?;
        Ok(Self { writer, last: Sequence::NONE, seen: Sequence::NONE, ahead: 2 * batch })
    }

    /// Returns when so many more are durable, and keeps twice as many under way.
    fn advance(&mut self, count: u64) -> Outcome<u64> {
        let handle = self.writer.handle();
        let before = self.seen.number();
        let goal = Sequence::new(before + count);
        while handle.durable() < goal {
            while self.last.number() < handle.durable().number() + self.ahead {
                match handle.try_append(1, &[&PAYLOAD], Urgency::Now) {
                    Ok(sequence) => self.last = sequence,
                    Err(Refused::Busy) => break,
                    Err(error) => return Err(error.into()),
                }
                handle.release(Sequence::new(self.last.number().saturating_sub(BACKLOG)))?;
            }
            thread::park_timeout(Duration::from_millis(100));
        }
        self.seen = handle.durable();
        Ok(self.seen.number() - before)
    }
}

fn rate(measure: &Measure) -> f64 {
    measure.records as f64 / measure.seconds
}

fn report(batch: u64, name: &str, measure: &mut Measure, floor: f64) -> Outcome<()> {
    measure.commits_us.sort_unstable();
    let at = |part: usize| measure.commits_us[(measure.commits_us.len() - 1) * part / 100] as f64 / 1000.0;
    let payload = (measure.records * RECORD_BYTES as u64) as f64;
    print(&format!(
        "| {batch} | {name} | {:.0} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.2} |\n",
        rate(measure),
        100.0 * rate(measure) / floor,
        at(50),
        at(99),
        1e6 * measure.cpu_s / measure.records as f64,
        measure.written_bytes as f64 / payload,
    ))
}

/// User and system time of all threads of this process.
fn cpu_seconds() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // Linux counts in hundredths of a second for everybody.
    Ok(ticks / 100.0)
}

/// What this process made the kernel write to the device.
fn written_bytes() -> Outcome<u64> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("no write_bytes in /proc/self/io")?.parse()?)
}

fn print(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
