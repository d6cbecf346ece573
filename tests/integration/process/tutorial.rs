//! `docs/tutorial.md` followed by the letter: its commands run in one shell in an empty folder, and
//! each block must print what the page shows.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::haproxy::lasting_port;

/// Longest run of the whole page; it takes about ten seconds.
const LONGEST: Duration = Duration::from_mins(3);

/// Commands, and what they print.
struct Step {
    commands: String,
    expected: String,
}

/// Returns the steps of a page: each block of commands is followed by a block of output.
fn steps(page: &str) -> Vec<Step> {
    let blocks = page.split("\n```").skip(1).step_by(2);
    let blocks: Vec<(&str, &str)> =
        blocks.map(|block| block.split_once('\n').expect("a line")).collect();
    let pairs = blocks.chunks(2).map(|pair| match pair {
        [("sh", commands), ("text", expected)] => {
            Step { commands: format!("{commands}\n"), expected: format!("{expected}\n") }
        }
        other => panic!("not commands and their output: {other:?}"),
    });
    pairs.collect()
}

/// Whether a text is the expected one, in which `…` is any text within a line.
fn matches(expected: &str, text: &str) -> bool {
    let lines = (expected.lines(), text.lines());
    let matches_line = |(expected, line): (&str, &str)| {
        let mut parts = expected.split('…');
        let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let at = if last {
                rest.ends_with(part).then(|| rest.len() - part.len())
            } else {
                rest.find(part)
            };
            let Some(at) = at else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.is_empty()
    };
    lines.0.clone().count() == lines.1.clone().count() && lines.0.zip(lines.1).all(matches_line)
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tutorial.md")).unwrap()
}

/// Writes the steps as one script: the output of each goes to a file of its own.
fn script(steps: &[Step], address: &str) -> String {
    let mut script =
        "set -euo pipefail\ntrap 'kill ${MDL:-} 2>/dev/null || true' EXIT\n".to_owned();
    for (number, step) in steps.iter().enumerate() {
        let commands = step.commands.replace("localhost:3000", address);
        writeln!(script, "{{\n{commands}}} >out-{number} 2>>err").unwrap();
    }
    script
}

#[test]
fn commands_of_the_tutorial_print_what_it_shows() {
    let steps = steps(&page());
    assert!(steps.len() >= 10, "{} steps", steps.len());
    let (folder, port) = (tempfile::tempdir().unwrap(), lasting_port());
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mdl"), bin.join("mdl")).unwrap();
    let tools = std::env::var("MDL_TEST_PROMETHEUS").unwrap_or_default();
    let path = [bin.to_str().unwrap(), &tools, &std::env::var("PATH").unwrap()].join(":");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let address = format!("localhost:{port}");
    std::fs::write(folder.path().join("script"), script(&steps, &address)).unwrap();
    let mut shell = Command::new("bash");
    shell.arg("../script").current_dir(&home).env_clear().env("PATH", path);
    shell.env("PORT", port.to_string()).env("METRICS_PORT", "0").stdin(Stdio::null());
    let mut child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > LONGEST {
            // Its trap ends the service.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            panic!("the page takes longer than {LONGEST:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let read = |name: String| -> String {
        let path: PathBuf = home.join(&name);
        std::fs::read_to_string(path).unwrap_or_else(|_| format!("no {name}"))
    };
    for (number, step) in steps.iter().enumerate() {
        let expected = step.expected.replace("localhost:3000", &address);
        let printed = read(format!("out-{number}"));
        assert!(
            matches(expected.trim_end(), printed.trim_end()),
            "{}\nprinted:\n{printed}\nexpected:\n{expected}\n{}",
            step.commands,
            read("err".to_owned())
        );
    }
    assert!(status.success(), "{status}: {}", read("err".to_owned()));
    println!("{} steps in {:.1?}", steps.len(), began.elapsed());
}

#[test]
fn output_that_differs_does_not_match() {
    assert!(matches("mdl_…\nb", "mdl_x\nb") && matches("a … c … e", "a b c d e"));
    for text in ["xmdl_\nb", "mdl_x", "mdl_x\nc", "mdl_x\nb\n\nc"] {
        assert!(!matches("mdl_…\nb", text), "{text}");
    }
    assert!(!matches("a … c", "a b d") && !matches("a", "ab") && !matches("a…", "b"));
}

#[test]
fn steps_of_a_page_are_found() {
    let found = steps("# T\n\n```sh\na\nb\n```\n\nText.\n\n```text\nc\n```\n");
    assert_eq!((found[0].commands.as_str(), found[0].expected.as_str()), ("a\nb\n", "c\n"));
}
