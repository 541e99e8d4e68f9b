//! That a command which the documents name as a proof runs something, and no more than they say.
//!
//! A filter that fits no test is no error to cargo: it runs none, and passes.

use super::{Finding, SourceFile, Workspace};

/// Where the documents are.
const DOCUMENTS: &str = "crates/ringyo/docs/";

/// Commands of a document that begin like this, or with the name of a package and an option, as in
/// tables.
const BEGINNINGS: [&str; 5] = [
    "cargo xtask servers ",
    "cargo test ",
    "cargo nextest run ",
    "--release ",
    "-p ",
];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let documents = workspace
        .files
        .iter()
        .filter(|file| file.path.starts_with(DOCUMENTS) && file.path.ends_with(".md"));
    documents
        .flat_map(|document| {
            let lines = document.text.lines().zip(1..);
            lines.flat_map(move |(line, number)| {
                // Every second piece is between two backticks.
                let spans: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
                let selects_none = spans.iter().filter_map(|span| fault(span, workspace));
                let counts_wrong = miscounted(&spans, workspace);
                let faults: Vec<String> = selects_none.chain(counts_wrong).collect();
                faults
                    .into_iter()
                    .map(move |fault| Finding::new(format!("{}:{number}", document.path), fault))
            })
        })
        .collect()
}

/// What is wrong with a number of tests that is told beside the command which runs them. There may be
/// fewer in the text than it runs, where a macro makes them, but not more.
fn miscounted(spans: &[&str], workspace: &Workspace) -> Option<String> {
    let [figures @ .., command] = spans else {
        return None;
    };
    let mut told = figures
        .iter()
        .filter_map(|span| span.strip_suffix(" passed")?.parse::<usize>().ok());
    let (Some(told), None) = (told.next(), told.next()) else {
        return None;
    };
    let (_, selected) = Command::read(command, workspace)?.selected(workspace);
    let fit = selected.len();
    (fit > told).then(|| format!("`{told} passed`, but {fit} tests fit `{command}`"))
}

/// What is wrong with the run of tests that this is, if it is one.
fn fault(span: &str, workspace: &Workspace) -> Option<String> {
    let is_run = BEGINNINGS.iter().any(|start| span.contains(start));
    let named = span.split("-p ").skip(1).filter(|_| is_run);
    let unknown = named
        .filter_map(|rest| rest.split_whitespace().next())
        .find(|name| workspace.packages.iter().all(|one| one.name != *name));
    match unknown {
        Some(name) => Some(format!("there is no package `{name}`")),
        None => Command::read(span, workspace)?.fault(workspace),
    }
}

/// One run of tests.
struct Command<'a> {
    directory: &'a str,
    package: &'a str,
    target: Target<'a>,
    filter: Option<&'a str>,
}

enum Target<'a> {
    All,
    Lib,
    Doc,
    Test(&'a str),
}

impl<'a> Command<'a> {
    /// `None` for what is no run of tests of a package.
    fn read(span: &'a str, workspace: &'a Workspace) -> Option<Self> {
        let mut rest = span;
        while let Some((variable, behind)) = rest.split_once(' ')
            && variable.contains('=')
        {
            rest = behind;
        }
        while let Some(shorter) = BEGINNINGS.iter().find_map(|start| rest.strip_prefix(start)) {
            rest = shorter;
        }
        let mut words = rest.split_whitespace();
        let name = words.next()?;
        let package = workspace.packages.iter().find(|one| one.name == name)?;
        let mut command = Self {
            directory: &package.directory,
            package: &package.name,
            target: Target::All,
            filter: None,
        };
        let mut others = false;
        while let Some(word) = words.next() {
            match word {
                "--all-features" => {}
                // What follows is for the tests.
                "--" => break,
                "--lib" => command.target = Target::Lib,
                "--doc" => command.target = Target::Doc,
                "--test" => command.target = Target::Test(words.next()?),
                filter if !filter.starts_with('-') => command.filter = Some(filter),
                _ => others = true,
            }
        }
        // `ringyoctl list` is no test, and what has other options is not understood.
        let named = rest != span || !matches!(command.target, Target::All);
        (named && !others).then_some(command)
    }

    fn fault(&self, workspace: &Workspace) -> Option<String> {
        let package = self.package;
        let (has_files, selected) = self.selected(workspace);
        match self.filter {
            // Where tests are made by a macro it has a name that is not in the text.
            None => (!has_files).then(|| format!("{package} has no such tests")),
            Some(filter) => selected
                .is_empty()
                .then(|| format!("no test of {package} is run by `{filter}`")),
        }
    }

    /// Whether there are files that it may run tests of, and those that are in their text.
    fn selected(&self, workspace: &Workspace) -> (bool, Vec<String>) {
        let tests = format!("{}/tests/", self.directory);
        let src = format!("{}/src/", self.directory);
        let files: Vec<_> = workspace
            .files
            .iter()
            .filter_map(|file| {
                let path = file.path.strip_suffix(".rs")?;
                let module = match self.target {
                    Target::All => path
                        .strip_prefix(&tests)
                        .or_else(|| path.strip_prefix(&src))?,
                    Target::Lib | Target::Doc => path.strip_prefix(&src)?,
                    Target::Test(name) => match path.strip_prefix(&tests)?.strip_prefix(name)? {
                        "" => "",
                        module => module.strip_prefix('/')?,
                    },
                };
                Some((module.replace('/', "::"), file))
            })
            .collect();
        let has_files = !files.is_empty();
        let runs_of = |(module, file): (String, &SourceFile)| match self.target {
            Target::Doc if file.text.contains("```") => vec![module],
            Target::Doc => Vec::new(),
            _ => tests_in(file)
                .map(|test| format!("{module}::{test}"))
                .collect(),
        };
        let all = files.into_iter().flat_map(runs_of);
        let selected = all.filter(|name| self.filter.is_none_or(|filter| name.contains(filter)));
        (has_files, selected.collect())
    }
}

/// The names of the functions of a file that have an attribute with `test` in it, and none to ignore
/// them.
fn tests_in(file: &SourceFile) -> impl Iterator<Item = &str> {
    let (mut marked, mut ignored) = (false, false);
    file.text.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with("#[") {
            marked |= line.contains("test");
            ignored |= line.starts_with("#[ignore");
            return None;
        }
        let name = line
            .strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ")
            .filter(|_| marked && !ignored);
        let goes_on = line.starts_with("//") || line.is_empty();
        (marked, ignored) = (marked && goes_on, ignored && goes_on);
        name?.split(['(', '<']).next()
    })
}
