//! The scripts of `action.yml`, run as GitHub would run them: with the inputs in the environment, and nothing of them in the text.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn action() -> Value {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).expect("action.yml");
    serde_saphyr::from_str(&text).expect("YAML")
}

fn steps(action: &Value) -> &Vec<Value> {
    action["runs"]["steps"].as_array().expect("steps")
}

fn script(name: &str) -> String {
    let action = action();
    let step = steps(&action).iter().find(|step| step["name"] == name).expect(name);
    step["run"].as_str().expect("a script").to_owned()
}

/// As the runner starts a script of `shell: bash`.
fn bash(dir: &Path, script: &str, env: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(dir);
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        command.env(name, dir.join(name));
    }
    command.env("RUNNER_TEMP", dir).env("BINARY", env!("CARGO_BIN_EXE_oci-agent")).envs(env.iter().copied());
    command.output().expect("bash")
}

fn text(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap_or_default()
}

#[test]
fn no_input_is_in_the_text_of_a_script_and_every_input_is_used() {
    let action = action();
    for step in steps(&action) {
        if let Some(script) = step["run"].as_str() {
            assert!(!script.contains("${{"), "{script}");
            assert_eq!(step["shell"], "bash");
        }
    }
    let whole = serde_json::to_string(&action["runs"]).expect("JSON");
    for input in action["inputs"].as_object().expect("inputs").keys() {
        assert!(whole.contains(&format!("inputs.{input}")), "{input}");
        assert!(action["inputs"][input]["description"].as_str().is_some_and(|words| !words.is_empty()), "{input}");
    }
}

#[test]
fn a_watch_leaves_a_comment_an_output_and_a_summary() {
    let dir = crate::watch::world();
    let dir = dir.path();
    crate::watch::week(dir, 0, crate::watch::WEEK);
    crate::watch::week(dir, 1, crate::watch::WEEK);
    let odd = "new/a b $(touch pwned) [1].csv";
    std::fs::rename(dir.join("new/w01.csv"), dir.join(odd)).expect("a name");
    let data = format!("new/w*.csv\n\n{odd}\n");
    let inputs = [("COMMAND", "watch"), ("PLAN", "plan.yaml"), ("OUT", "run"), ("DATA", data.as_str())];
    let ran = bash(dir, &script("The work"), &inputs);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!dir.join("pwned").exists());
    let comment = text(dir, "oci-agent-comment.md");
    assert!(comment.contains("No drift in 2 partitions") && comment.contains("new/w00.csv"), "{comment}");
    assert_eq!(text(dir, "GITHUB_STEP_SUMMARY"), comment);
    let place = dir.join("oci-agent-comment.md");
    assert_eq!(text(dir, "GITHUB_OUTPUT"), format!("exit-code=0\ncomment={}\n", place.display()));
    let nothing = [("COMMAND", "watch"), ("PLAN", "plan.yaml"), ("OUT", "run"), ("DATA", "none/*.csv")];
    let ran = bash(dir, &script("The work"), &nothing);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("::error::no file matches"));
}

#[test]
fn other_commands_end_with_the_programs_own_code() {
    let dir = crate::watch::world();
    let dir = dir.path();
    for (command, code) in [("check", "exit-code=0\n"), ("none", "")] {
        let inputs = [("COMMAND", command), ("PLAN", "plan.yaml"), ("OUT", "run")];
        let ran = bash(dir, &script("The work"), &inputs);
        assert_eq!(ran.status.success(), !code.is_empty(), "{}", String::from_utf8_lossy(&ran.stdout));
        assert_eq!(text(dir, "GITHUB_OUTPUT"), code);
        let _ = std::fs::remove_file(dir.join("GITHUB_OUTPUT"));
    }
    let inputs = [("COMMAND", "check"), ("PLAN", "nowhere.yaml"), ("OUT", "run")];
    assert!(bash(dir, &script("The work"), &inputs).status.success());
    let code = text(dir, "GITHUB_OUTPUT").trim().rsplit('=').next().unwrap_or_default().to_owned();
    assert_ne!(code, "0");
    assert_eq!(bash(dir, &script("The verdict"), &[("CODE", &code)]).status.code(), code.parse().ok());
}

/// `gh` is a script that writes down what it was asked.
#[cfg(unix)]
#[test]
fn the_comment_of_a_plan_is_written_once_and_then_renewed() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("temporary directory");
    let dir = dir.path();
    std::fs::write(dir.join("comment.md"), "<!-- oci-agent watch 0123456789 -->\n### ✔ No drift\n").expect("a comment");
    let gh = dir.join("gh");
    std::fs::write(&gh, "#!/bin/bash\nprintf '%s\\n' \"$*\" >> asked\ncase \"$*\" in *paginate*) cat there ;; esac\n")
        .expect("gh");
    std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o755)).expect("a program");
    // The stand-in comes first on the path.
    let script = format!("PATH=\"$PWD:$PATH\"\n{}", script("The comment"));
    let env = [("REPOSITORY", "a/b"), ("NUMBER", "7"), ("COMMENT", "comment.md")];
    for (there, call) in
        [("", "--method POST repos/a/b/issues/7/comments"), ("31\n32\n", "--method PATCH repos/a/b/issues/comments/31")]
    {
        std::fs::write(dir.join("there"), there).expect("a list");
        let _ = std::fs::remove_file(dir.join("asked"));
        let ran = bash(dir, &script, &env);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert!(text(dir, "asked").contains(&format!("api {call} --field body=@comment.md")), "{}", text(dir, "asked"));
    }
}
