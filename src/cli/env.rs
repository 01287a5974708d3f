//! The only place that reads the environment.

#![allow(clippy::disallowed_methods, reason = "this is the one module that reads the environment")]

/// `NO_COLOR` is set to anything but the empty string (no-color.org).
#[must_use]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}

/// Columns of the terminal, if known.
#[must_use]
pub fn columns() -> Option<usize> {
    let declared = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    declared.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
}

/// The log filter of `OCI_AGENT_LOG`, if set.
#[must_use]
pub fn log_filter() -> Option<String> {
    std::env::var("OCI_AGENT_LOG").ok().filter(|text| !text.is_empty())
}

/// A variable that is set to something.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

/// The variables that are about stores of objects, under the names by which they are known there.
#[must_use]
pub fn store_settings() -> Vec<(String, String)> {
    const BEGINNINGS: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
    /// Two that other tools set without the name of their vendor.
    const OTHERS: [(&str, &str); 2] =
        [("SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT"), ("IDENTITY_ENDPOINT", "AZURE_IDENTITY_ENDPOINT")];
    let others = OTHERS.iter().filter_map(|(name, known)| Some(((*known).to_owned(), variable(name)?)));
    // What is no text is nothing that a store could be told.
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let named = texts.filter(|(name, _)| BEGINNINGS.iter().any(|begins| name.starts_with(begins)));
    others.chain(named.filter(|(_, value)| !value.is_empty())).collect()
}

/// The folder of the user's configuration (XDG Base Directory Specification), if the system says where.
#[must_use]
pub fn config_folder() -> Option<std::path::PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(std::path::PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}

/// Where files go that are needed for a while.
#[must_use]
pub fn temporary_folder() -> std::path::PathBuf {
    std::env::temp_dir()
}

/// The user who asked root to run this, as sudo says.
#[must_use]
pub fn sudo_user() -> Option<u32> {
    std::env::var("SUDO_UID").ok().and_then(|text| text.parse().ok())
}

/// A number that differs between processes, for the pauses between retries.
#[must_use]
pub fn jitter() -> u64 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
    u64::from(nanos) ^ (u64::from(std::process::id()) << 32)
}

/// 256 bits that nobody can guess, in hexadecimal.
///
/// # Errors
/// The system has none to give.
pub fn secret() -> std::io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A stopwatch.
#[must_use]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// Clock ticks of a second in /proc, on every architecture that Linux runs on.
const TICKS: f64 = 100.0;

/// Processor time of this process so far, all threads, in seconds; `None` where nothing tells it.
#[must_use]
pub fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    // utime and stime are the fields 14 and 15; the first after the name is the third.
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    (ticks.len() == 2).then(|| ticks.iter().sum::<f64>() / TICKS)
}

/// Seconds since 1970, for commit times. `SOURCE_DATE_EPOCH` pins it, as reproducible builds do.
#[must_use]
pub fn now() -> i64 {
    if let Some(pinned) = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok()) {
        return pinned;
    }
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}
