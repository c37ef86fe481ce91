//! The process as the system sees it, under the names that all Prometheus clients use.

/// Figures of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub cpu_seconds: f64,
    /// Seconds since 1970.
    pub start_time: f64,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub threads: u64,
    pub open_fds: u64,
    pub max_fds: u64,
}

impl Process {
    /// As it is now; `None` where the system does not tell.
    #[cfg(target_os = "linux")]
    pub fn now() -> Option<Self> {
        use procfs::{WithCurrentSystemInfo as _, process};
        let this = process::Process::myself().ok()?;
        let (stat, limits) = (this.stat().ok()?, this.limits().ok()?);
        let ticks = procfs::ticks_per_second() as f64;
        let max_fds = match limits.max_open_files.soft_limit {
            process::LimitValue::Value(limit) => limit,
            process::LimitValue::Unlimited => u64::MAX,
        };
        Some(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            start_time: procfs::boot_time_secs().ok()? as f64 + stat.starttime as f64 / ticks,
            resident_bytes: stat.rss_bytes().get(),
            virtual_bytes: stat.vsize,
            threads: u64::try_from(stat.num_threads).ok()?,
            open_fds: this.fd_count().ok()? as u64,
            max_fds,
        })
    }

    /// As it is now; `None` where the system does not tell.
    #[cfg(not(target_os = "linux"))]
    pub fn now() -> Option<Self> {
        None
    }
}
