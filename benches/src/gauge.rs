//! What the process has used so far, as the kernel tells it.

use std::fs;

/// CPU time in milliseconds, user and system; none where the kernel does not tell.
#[must_use]
pub fn cpu_millis() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process may have spaces; it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // The kernel counts in hundredths of a second for all its users.
    Some(ticks * 10)
}

/// Most memory that was resident at once, in bytes; none where the kernel does not tell.
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
