//! A shared library with this crate in it offers none of its symbols to the rest of its process.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use object::{Object as _, ObjectSymbol as _};
use std::path::{Path, PathBuf};

/// The example `shared_library`, which `cargo test` builds beside this test.
fn shared_library() -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let profile = this.parent().and_then(Path::parent).expect("the folder of the profile");
    let name = format!("{}shared_library{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let path = profile.join("examples").join(name);
    assert!(path.is_file(), "{} is missing; run `cargo build -p portable-math --examples`", path.display());
    path
}

/// The names that `file` exports, without the underscore that Mach-O puts before each.
fn exported(file: &[u8]) -> Vec<String> {
    let file = object::File::parse(file).expect("an object file");
    let exports = file.exports().expect("a table of exports");
    let names = exports.iter().map(|export| String::from_utf8_lossy(export.name()).into_owned());
    let bare = |name: String| match file.format() {
        object::BinaryFormat::MachO => name.strip_prefix('_').map_or(name.clone(), str::to_owned),
        _ => name,
    };
    names.map(bare).collect()
}

/// The symbols of the crate.
const SYMBOLS: [&str; 14] = [
    "dpotrf_", "dpotrs_", "dpotri_", "exp", "log", "log1p", "log10", "log2", "pow", "sin", "cos", "hypot", "log2f",
    "powf",
];

#[test]
fn the_symbols_stay_inside() {
    let bytes = std::fs::read(shared_library()).expect("the shared library");
    let names = exported(&bytes);
    assert!(names.iter().any(|name| name == "inverse_of_positive_definite"), "what is offered is seen: {names:?}");
    if cfg!(windows) {
        return; // exported there, but bound by library and name, so nothing can clash
    }
    for symbol in SYMBOLS {
        assert!(!names.iter().any(|name| name == symbol), "{symbol} is exported: {names:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nor_are_they_looked_for_elsewhere() {
    let bytes = std::fs::read(shared_library()).expect("the shared library");
    let file = object::File::parse(bytes.as_slice()).expect("an object file");
    let dynamic: Vec<&str> = file.dynamic_symbols().filter_map(|symbol| symbol.name().ok()).collect();
    assert!(dynamic.contains(&"inverse_of_positive_definite"), "{dynamic:?}");
    for symbol in SYMBOLS {
        assert!(!dynamic.contains(&symbol), "{symbol} is a dynamic symbol: {dynamic:?}");
    }
}
