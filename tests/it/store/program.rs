//! The built program in places that somebody else had a hand in.

use crate::cli::oci_agent;
use crate::models::program;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Two hundred units, and an effect that says which file was read.
fn study(dir: &Path, source: &str, effect: u32) -> String {
    fs::create_dir_all(dir).expect("creates");
    let mut data = "t,y,x1\n".to_owned();
    for unit in 0..200u32 {
        let (t, x) = (unit % 2, unit * 37 % 101);
        writeln!(data, "{t},{},{x}", unit * 13 % 10 + effect * t).expect("writes");
    }
    fs::write(dir.join("d.csv"), &data).expect("writes");
    let plan = format!(
        "title: x\nquestion: q\ndata: {{source: {source}}}\ntreatment: {{column: t}}\noutcome: {{column: y, units: u}}\n\
         confounders: {{priority: [x1]}}\n"
    );
    fs::write(dir.join("plan.yaml"), plan).expect("writes");
    ::oci_agent::text::sha256::sha256_hex(data.as_bytes())
}

#[test]
fn a_repository_above_the_plan_does_not_choose_the_data() {
    let home = tempfile::tempdir().expect("temporary directory");
    let own = study(&home.path().join("shared/proj"), "d.csv", 0);
    let planted = study(&home.path().join("evil"), "d.csv", 100);
    let evil = home.path().join("evil").to_string_lossy().into_owned();
    let git = home.path().join("shared/.git");
    for folder in ["objects", "refs/heads"] {
        fs::create_dir_all(git.join(folder)).expect("creates");
    }
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n").expect("writes");
    fs::write(git.join("config"), format!("[oci-agent]\n\tlayout = 1\n\tdata-root = {evil}\n")).expect("writes");
    let checked = oci_agent(home.path(), &["check", "shared/proj/plan.yaml", "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stdout.contains(&own) && !checked.stdout.contains(&planted), "{}", checked.stdout);
    assert!(!checked.stderr.contains("evil"), "{}", checked.stderr);
}

#[test]
fn data_outside_the_plan_s_folder_are_named() {
    let home = tempfile::tempdir().expect("temporary directory");
    study(&home.path().join("data"), "d.csv", 0);
    study(&home.path().join("proj"), "../data/d.csv", 0);
    let checked = oci_agent(home.path(), &["check", "proj/plan.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stderr.contains("outside") && checked.stderr.contains("data/d.csv"), "{}", checked.stderr);
    let told = oci_agent(home.path(), &["check", "data/plan.yaml"]);
    assert!(!told.stderr.contains("outside"), "{}", told.stderr);
}

#[test]
fn the_plan_of_a_run_finds_its_data_and_says_where() {
    let home = tempfile::tempdir().expect("temporary directory");
    study(&home.path().join("proj"), "d.csv", 5);
    // A name that a commit cannot hold, and a git that is told to trust nobody.
    let user = home.path().join("user");
    fs::create_dir(&user).expect("creates");
    fs::write(user.join(".gitconfig"), "[user]\n name = \"Ada <ada>\"\n email = a@b\n").expect("writes");
    let home_of_user = user.to_string_lossy().into_owned();
    let ran = program(home.path(), &["run", "proj/plan.yaml", "--out", "out"], &[("HOME", &home_of_user)]);
    assert!(ran.code <= 1, "{}", ran.stderr);
    let head = fs::read_to_string(home.path().join("out/.git/logs/HEAD")).expect("reads");
    assert!(head.contains(" Ada ada <a@b> "), "{head}");
    let checked = oci_agent(home.path(), &["check", "out/plan.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stderr.contains("proj/d.csv"), "{}", checked.stderr);
}
