//! What the system knows about this process; `None` where the system does not tell it in `/proc`.

use std::fs;

/// Memory the process holds.
pub fn resident_bytes() -> Option<u64> {
    resident_bytes_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Open files and sockets.
pub fn open_files() -> Option<u64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(files).ok()
}

fn resident_bytes_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn memory_is_read_in_its_unit() {
        let status = "Name:\tpulse\nVmPeak:\t  9999 kB\nVmRSS:\t   2048 kB\nThreads:\t4\n";
        assert_eq!(resident_bytes_in(status), Some(2 * 1024 * 1024));
        for strange in ["", "VmRSS:", "VmRSS:\t12 MB", "VmRSS:\t18446744073709551615 kB", "vmrss: 1 kB"] {
            assert_eq!(resident_bytes_in(strange), None, "{strange:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_holds_memory_and_its_files() {
        let held = vec![1_u8; 64 << 20];
        assert!(resident_bytes().unwrap() >= 64 << 20, "{} bytes are touched", held.len());
        let files: Vec<File> = (0..50).map(|_| File::open("/proc/self/status").unwrap()).collect();
        assert!(open_files().unwrap() >= 50, "{} files are open", files.len());
    }
}
