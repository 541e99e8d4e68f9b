//! What the rules look at: packages, files and the names at the top level.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tokens::{self, Token};
use crate::cargo;

/// A workspace, as far as the structure rules look at it.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// The workspace's own packages.
    pub packages: Vec<Package>,
    /// Every Rust, SQL, Lua and Markdown file under `crates`, `examples` and `benches`.
    pub files: Vec<SourceFile>,
    /// The names in the root directory, without those that git ignores.
    pub top_level: Vec<String>,
}

/// One package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// The name in its manifest.
    pub name: String,
    /// Its directory, from the workspace root, such as `crates/ringyo-key`.
    pub directory: String,
    /// The text of its `Cargo.toml`.
    pub manifest: String,
    /// The root file of its library, from the workspace root; `None` for a package without one.
    pub crate_root: Option<String>,
    /// Everything it depends on, inside the workspace and outside, optional or not.
    pub dependencies: Vec<Dependency>,
}

/// One entry of a package's dependency tables.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The name of the package that is depended on, whatever it is renamed to.
    pub name: String,
    /// The table that it stands in.
    pub kind: DependencyKind,
}

/// Which table of a manifest a dependency stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyKind {
    /// `[dependencies]` or `[build-dependencies]`: users of the package get it too.
    Shipped,
    /// The same, but only with a feature that asks for it.
    Optional,
    /// `[dev-dependencies]`: for tests, benches and examples only.
    Development,
}

/// One file of source text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// From the workspace root, with `/` between the parts.
    pub path: String,
    /// What the file holds.
    pub text: String,
    pub(super) tokens: Vec<Token>,
}

impl Workspace {
    /// Reads the workspace whose root directory is `root`.
    ///
    /// # Errors
    ///
    /// When cargo does not accept the workspace, when a file cannot be read, or when a Rust file
    /// is not made of Rust tokens.
    pub fn load(root: &Path) -> io::Result<Self> {
        let metadata = cargo::answer(root, "metadata --format-version 1 --no-deps")?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        // Cargo names paths under the root as it sees it, which may differ by symbolic links.
        let cargo_root = PathBuf::from(text(&metadata, "workspace_root")?);
        let packages = array(&metadata, "packages")?
            .iter()
            .map(|package| Package::read(package, &cargo_root))
            .collect::<io::Result<_>>()?;
        let mut files = Vec::new();
        for directory in ["crates", "examples", "benches"] {
            collect(&root.join(directory), root, &mut files)?;
        }
        Ok(Self {
            packages,
            files,
            top_level: top_level(root)?,
        })
    }

    /// The Rust, SQL and Lua files of the packages under `crates` that ship, apart from their tests:
    /// what lies in `crates/*/src`, without xtask's own.
    pub(super) fn shipped_files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files
            .iter()
            .filter(|file| file.crate_in_src().is_some_and(|name| name != "xtask"))
    }
}

impl SourceFile {
    /// A file with this path and text. A path that ends in `.rs` holds Rust.
    ///
    /// # Errors
    ///
    /// When a Rust file is not made of Rust tokens.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> io::Result<Self> {
        let (path, text) = (path.into(), text.into());
        let tokens = if path.ends_with(".rs") {
            tokens::read(&text).map_err(|error| io::Error::other(format!("{path}: {error}")))?
        } else {
            Vec::new()
        };
        Ok(Self { path, text, tokens })
    }

    /// The directory name of the crate whose `src` directory holds this file.
    pub(super) fn crate_in_src(&self) -> Option<&str> {
        let mut parts = self.path.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("crates"), Some(name), Some("src")) => Some(name),
            _ => None,
        }
    }
}

impl Package {
    fn read(package: &Value, root: &Path) -> io::Result<Self> {
        let manifest = PathBuf::from(text(package, "manifest_path")?);
        let directory = manifest.parent().unwrap_or(root);
        let mut crate_root = None;
        for target in array(package, "targets")? {
            let is_library = array(target, "kind")?
                .iter()
                .any(|kind| matches!(kind.as_str(), Some("lib" | "rlib" | "proc-macro")));
            if is_library {
                crate_root = Some(relative(Path::new(&text(target, "src_path")?), root));
            }
        }
        let dependencies = array(package, "dependencies")?
            .iter()
            .map(|dependency| {
                Ok(Dependency {
                    name: text(dependency, "name")?,
                    kind: match (dependency["kind"].as_str(), &dependency["optional"]) {
                        (Some("dev"), _) => DependencyKind::Development,
                        (_, serde_json::Value::Bool(true)) => DependencyKind::Optional,
                        _ => DependencyKind::Shipped,
                    },
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            name: text(package, "name")?,
            directory: relative(directory, root),
            manifest: fs::read_to_string(&manifest)?,
            crate_root,
            dependencies,
        })
    }
}

fn array<'a>(value: &'a Value, field: &str) -> io::Result<&'a [Value]> {
    value[field]
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| io::Error::other(format!("cargo metadata: expected a list `{field}`")))
}

fn text(value: &Value, field: &str) -> io::Result<String> {
    value[field]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("cargo metadata: expected a text `{field}`")))
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

/// How the names of files end that rules look at.
const KINDS: [&str; 4] = ["rs", "sql", "lua", "md"];

/// Adds the files of these kinds under `directory`, in the order of their names.
fn collect(directory: &Path, root: &Path, files: &mut Vec<SourceFile>) -> io::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    let mut paths = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, root, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| KINDS.iter().any(|kind| extension == *kind))
        {
            files.push(SourceFile::new(
                relative(&path, root),
                fs::read_to_string(&path)?,
            )?);
        }
    }
    Ok(())
}

/// The names in `root`. A database that somebody's demo left behind is not part of the
/// workspace, so what git ignores is left out; without git every name counts.
fn top_level(root: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(root)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    let ignored = Command::new("git")
        .args(["check-ignore", "--"])
        .args(&names)
        .current_dir(root)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    names.retain(|name| !ignored.lines().any(|line| line == name));
    Ok(names)
}
