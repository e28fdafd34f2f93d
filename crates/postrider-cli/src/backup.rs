//! `postrider backup` and `postrider restore`.

use crate::args::{Backup, Restore};
use crate::check::explain;
use crate::serve::say;
use postrider::{backup_data, restore_data};
use std::process::ExitCode;

/// Copies a data directory that a broker may use.
pub(crate) fn run(args: &Backup) -> anyhow::Result<ExitCode> {
    // All its files are open at once.
    let _ = postrider_net::raise_limit();
    let copied = backup_data(&args.data_dir, &args.new).map_err(explain)?;
    let shown = args.new.display();
    say(&format!("{shown}: {} files, {} bytes, up to record {}", copied.files, copied.bytes, copied.last_record));
    say(&format!("go on with it:  postrider restore {shown} NEW"));
    Ok(ExitCode::SUCCESS)
}

/// Makes a data directory of a backup.
pub(crate) fn restore(args: &Restore) -> anyhow::Result<ExitCode> {
    let copied = restore_data(&args.backup, &args.new).map_err(explain)?;
    let shown = args.new.display();
    say(&format!("{shown}: what the backup held up to record {}", copied.last_record));
    say(&format!("start with it:  postrider --data-dir {shown}"));
    Ok(ExitCode::SUCCESS)
}
