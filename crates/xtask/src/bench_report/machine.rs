//! What it was measured on.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cargo;

/// The packages whose versions are told.
const TOLD: [&str; 7] = [
    "axum",
    "governor",
    "hashbrown",
    "hmac",
    "ringyo",
    "rusqlite",
    "sha2",
];

/// Rows of a table: what, and which.
pub(super) fn describe(root: &Path) -> io::Result<Vec<(&'static str, String)>> {
    let processors = std::thread::available_parallelism()?;
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into());
    let sha = match field("/proc/cpuinfo", "flags") {
        Some(flags) if flags.split(' ').any(|flag| flag == "sha_ni") => {
            "with instructions for SHA-256"
        }
        _ => "without instructions for SHA-256, as far as it says",
    };
    let virtual_note = match field("/proc/cpuinfo", "flags") {
        Some(flags) if flags.split(' ').any(|flag| flag == "hypervisor") => ", a virtual machine",
        _ => "",
    };
    let memory = field("/proc/meminfo", "MemTotal").and_then(|text| {
        let kibibytes: f64 = text.split(' ').next()?.parse().ok()?;
        Some(format!("{:.1} GiB", kibibytes / (1 << 20) as f64))
    });
    let system = field("/etc/os-release", "PRETTY_NAME").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let day = told("date", &["-u", "+%Y-%m-%d"]);
    Ok(vec![
        (
            "processor",
            format!("{model}{virtual_note}, {processors} threads, {sha}"),
        ),
        ("memory", memory.unwrap_or_else(|| "unknown".into())),
        (
            "system",
            format!("{}, Linux {}", system.trim_matches('"'), kernel.trim()),
        ),
        ("compiler", told("rustc", &["--version"])),
        (
            "build",
            "release, `lto = \"thin\"`, `codegen-units = 1`, the compiler's default processor"
                .into(),
        ),
        ("versions", versions(root)?),
        (
            "load over 1, 5 and 15 minutes, when written",
            load.join(", "),
        ),
        ("day", day),
    ])
}

/// Of what the figures depend on most, as the packages of this workspace use it.
fn versions(root: &Path) -> io::Result<String> {
    let metadata = cargo::answer(root, "metadata --format-version 1")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let ours = list(&metadata["workspace_members"]);
    let nodes = list(&metadata["resolve"]["nodes"]).into_iter();
    let ours = nodes.filter(|node| ours.contains(&node["id"]));
    let used: Vec<Value> = ours
        .flat_map(|node| list(&node["deps"]))
        .map(|dependency| dependency["pkg"].clone())
        .collect();
    let mut told = Vec::new();
    for package in list(&metadata["packages"]) {
        let is_named = matches!(package["name"].as_str(), Some(name) if TOLD.contains(&name));
        if is_named && used.contains(&package["id"]) {
            let parts = [&package["name"], &package["version"]].map(Value::as_str);
            told.push(parts.map(Option::unwrap_or_default).join(" "));
        }
    }
    Ok(told.join(", "))
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once([':', '='])?;
    Some(value.trim().to_owned())
}

fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
