//! Makes the types and traits of `proto/agents.proto`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["proto/agents.proto"], ["proto"])?;
    Ok(tonic_prost_build::configure().compile_fds(files)?)
}
