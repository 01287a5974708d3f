//! The program takes no elementary function from the system, whose last digits depend on the processor.

use object::{Object as _, ObjectSymbol as _};
use std::process::Command;

/// The functions of C's `math.h` on doubles and floats that round; what is exact (`fma`, `floor`, `fmod`) may come from
/// anywhere.
const ROUNDED: [&str; 30] = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp", "exp10",
    "exp2", "expm1", "hypot", "lgamma", "lgamma_r", "log", "log10", "log1p", "log2", "pow", "sin", "sincos", "sinh",
    "tan", "tanh", "tgamma",
];

#[test]
#[cfg(target_os = "linux")]
fn elementary_functions_are_our_own() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_oci-agent")).unwrap();
    let program = object::File::parse(program.as_slice()).unwrap();
    let dynamic: Vec<&str> = program.dynamic_symbols().filter_map(|symbol| symbol.name().ok()).collect();
    assert!(dynamic.contains(&"malloc"), "the table is read: {dynamic:?}");
    for name in ROUNDED {
        let float = format!("{name}f");
        assert!(!dynamic.contains(&name), "`{name}` is taken from the system; add it to portable_math::elementary");
        assert!(!dynamic.contains(&float.as_str()), "`{float}` is taken from the system; compute it in f64");
    }
    let own = |name: &str| program.symbols().any(|symbol| symbol.is_definition() && symbol.name() == Ok(name));
    assert!(own("exp") && own("log") && own("dpotrf_"), "they are in the program itself");
}

/// Set `OCI_QEMU` to the emulator (`qemu-x86_64` of the package `qemu-user`) to run it.
#[test]
#[allow(clippy::disallowed_methods, reason = "only this test looks at the environment, for an emulator")]
fn the_same_tree_on_other_processors() {
    let Some(emulator) = std::env::var_os("OCI_QEMU") else { return };
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nhefs/plan.yaml");
    let program = env!("CARGO_BIN_EXE_oci-agent");
    let folder = tempfile::tempdir().unwrap();
    let tree = |name: &str, mut command: Command| {
        let out = folder.path().join(name);
        let ended = command.args(["-q", "run", plan, "--out"]).arg(&out).output().unwrap();
        assert!(ended.status.success(), "{name}: {}", String::from_utf8_lossy(&ended.stderr));
        let asked = Command::new("git").arg("-C").arg(&out).args(["rev-parse", "HEAD^{tree}"]).output().unwrap();
        String::from_utf8(asked.stdout).unwrap()
    };
    let here = tree("here", Command::new(program));
    assert_eq!(here.trim().len(), 40);
    for processor in ["Nehalem", "Haswell", "max"] {
        let mut command = Command::new(&emulator);
        command.args(["-cpu", processor, program]);
        assert_eq!(tree(processor, command), here, "{processor}");
    }
}
