//! One run of schemathesis, which draws requests from the document and checks the answers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use ringyo_demo::StartError;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::target::{Soundness, Target};

/// How long a run may take. Usually it is a minute.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How to fuzz.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Fuzzer {
    /// The schemathesis program
    #[arg(long)]
    schemathesis: PathBuf,

    /// Which requests are drawn
    #[arg(long, default_value_t = 1)]
    seed: u32,

    /// How many requests are drawn for an operation, in each phase
    #[arg(long, default_value_t = 30)]
    examples: u32,
}

/// What a run has found.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Why the run does not say that all is well.
    pub(crate) objections: Vec<String>,
    /// Whether nothing went wrong, whatever has not been seen.
    pub(crate) is_clean: bool,
    /// Each operation with the name of what is wrong with it.
    pub(crate) failures: BTreeSet<(String, String)>,
    /// How many requests were sent.
    pub(crate) requests: u64,
    /// What the program printed.
    pub(crate) output: String,
}

impl Fuzzer {
    /// The same with other requests.
    pub(crate) fn draw_others(&mut self) {
        self.seed = self.seed.wrapping_add(1);
    }

    /// Fuzzes a demo of its own.
    pub(crate) async fn run_on(&self, soundness: Soundness) -> Result<Findings, StartError> {
        let target = Target::start(soundness).await?;
        let findings = self.run(&target).await?;
        target.stop().await?;
        Ok(findings)
    }

    /// Runs all checks, and all phases: examples, corner cases, drawn requests, and chains of
    /// requests that use what the ones before have made.
    async fn run(&self, target: &Target) -> Result<Findings, StartError> {
        let place = tempfile::tempdir()?;
        let configuration = place.path().join("schemathesis.toml");
        std::fs::write(&configuration, self.configure(target))?;
        let report = place.path().join("report.json");
        let program = std::path::absolute(&self.schemathesis)?;
        let run = Command::new(program)
            .arg("--config-file")
            .arg(configuration)
            .arg("run")
            .arg(format!("{}/openapi.json", target.url))
            .args(["--checks=all", "--continue-on-failure", "--no-color"])
            .arg("--request-timeout=10")
            .arg(format!("--seed={}", self.seed))
            .arg("--report-json-path")
            .arg(&report)
            // It leaves notes for later runs where it is.
            .current_dir(place.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(PATIENCE, run).await??;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let Ok(report) = std::fs::read(report) else {
            return Err(format!("schemathesis has ended without a report:\n{text}").into());
        };
        let report: Value = serde_json::from_slice(&report)?;
        Ok(Findings {
            objections: objections(&report, target),
            is_clean: is_clean(&report),
            failures: failures(&report),
            requests: report["test_cases"]["generated"].as_u64().unwrap_or(0),
            output: text,
        })
    }

    fn configure(&self, target: &Target) -> String {
        let Target { key, agents, .. } = target;
        let examples = self.examples;
        // Only long and many chains come upon one that makes, removes and uses the same thing.
        let chains = examples * 8;
        format!(
            r#"
[generation]
max-examples = {examples}

[phases.stateful]
max-steps = 10
generation.max-examples = {chains}

[auth.openapi.api_key]
bearer = "{key}"

[auth.dynamic.openapi.session]
path = "/dashboard/login"
payload = {{ account = "acct_pro" }}
extract_from = "cookie"
extract_selector = "ringyo_session"

# A call needs an agent that there is, and credits, and the same idempotency key with another
# body is refused: no schema can say that.
[dictionaries.agents]
values = {agents:?}

[[operations]]
include-name = "POST /v1/calls"
checks.positive_data_acceptance.expected-statuses = ["2xx", "402", "422"]
warnings = false

[parameters]
"body.agent_id" = {{ dictionary = "agents", probability = 0.8 }}
"#
        )
    }
}

/// A run is good if nothing failed, nothing was left out, and every operation has also been seen
/// to do what it is for.
fn objections(report: &Value, target: &Target) -> Vec<String> {
    let mut objections = Vec::new();
    let exit_code = &report["exit_code"];
    if *exit_code != 0 {
        objections.push(format!("schemathesis ended with {exit_code}"));
    }
    for (name, warned) in report["warnings"].as_object().into_iter().flatten() {
        if warned.as_array().is_none_or(|warned| !warned.is_empty()) {
            objections.push(format!("warning {name}: {warned}"));
        }
    }
    for (name, phase) in report["phases"].as_object().into_iter().flatten() {
        if phase["status"] != "success" {
            objections.push(format!("phase {name}: {}", phase["status"]));
        }
    }
    for operation in &target.operations {
        if !target.tally.has(operation) {
            objections.push(format!("{operation} has never done what it is for"));
        }
    }
    objections
}

/// Whether other requests may be all that it takes.
fn is_clean(report: &Value) -> bool {
    let mut phases = report["phases"].as_object().into_iter().flatten();
    report["exit_code"] == 0 && phases.all(|(_, phase)| phase["status"] == "success")
}

fn failures(report: &Value) -> BTreeSet<(String, String)> {
    let failures = report["failures"].as_array().into_iter().flatten();
    failures
        .flat_map(|failure| {
            let kind = failure["type"].as_str().unwrap_or_default();
            let operations = failure["operations"].as_array().into_iter().flatten();
            let operations = operations.filter_map(Value::as_str);
            operations.map(move |operation| (operation.to_owned(), kind.to_owned()))
        })
        .collect()
}
