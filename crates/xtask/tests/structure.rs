//! Every structure rule, on a workspace that keeps it and on one planted fault after another.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;

use xtask::structure::{
    Dependency, DependencyKind, Package, RULES, SourceFile, Workspace, violations,
};

const PAGE: &str = "//! What it is.\n//!\n//! ```\n//! assert!(true);\n//! ```\n";

/// The packages of a workspace that keeps every rule, and what each may depend on.
const KEPT: [(&str, &str, &[&str]); 11] = [
    ("ringyo-key", "crates/ringyo-key", &["sha2"]),
    ("ringyo-scope", "crates/ringyo-scope", &["serde"]),
    ("ringyo-limit", "crates/ringyo-limit", &["governor"]),
    (
        "ringyo-store",
        "crates/ringyo-store",
        &["ringyo-key", "ringyo-scope", "tokio"],
    ),
    (
        "ringyo-sqlite",
        "crates/ringyo-sqlite",
        &["ringyo-key", "ringyo-scope", "ringyo-store", "rusqlite"],
    ),
    (
        "ringyo-auth",
        "crates/ringyo-auth",
        &["ringyo-key", "ringyo-scope", "ringyo-store", "ringyo-limit"],
    ),
    (
        "ringyo-redis",
        "crates/ringyo-redis",
        &["ringyo-limit", "redis", "tokio"],
    ),
    ("ringyo", "crates/ringyo", &["ringyo-auth", "ringyo-sqlite"]),
    ("ringyo-demo", "examples/demo", &["ringyo", "rusqlite"]),
    ("ringyo-benches", "benches", &["ringyo"]),
    ("xtask", "crates/xtask", &["rustix"]),
];

fn kept() -> Workspace {
    let packages = KEPT.map(|(name, directory, dependencies)| Package {
        name: name.into(),
        directory: directory.into(),
        manifest: format!("[package]\nname = \"{name}\"\n\n[lints]\nworkspace = true\n"),
        crate_root: directory
            .starts_with("crates/")
            .then(|| format!("{directory}/src/lib.rs")),
        dependencies: dependencies.iter().map(|name| shipped(name)).collect(),
    });
    let mut files: Vec<SourceFile> = packages
        .iter()
        .filter_map(|package| package.crate_root.as_deref())
        .map(|library| file(library, PAGE))
        .collect();
    files.push(file(
        "crates/ringyo-limit/src/clock.rs",
        "fn now() { std::time::Instant::now(); std::time::SystemTime::now(); }",
    ));
    files.push(file(
        "crates/ringyo-sqlite/src/keys.rs",
        r#"const FIND: &str = "SELECT id FROM keys";"#,
    ));
    files.push(file(
        "crates/ringyo-redis/src/script.rs",
        r#"const PING: &str = "return redis.call('PING')";"#,
    ));
    files.push(file("crates/ringyo-redis/src/gcra.lua", "return 1"));
    Workspace {
        packages: packages.into(),
        files,
        top_level: [".ci", ".git", "Cargo.toml", "LICENSE", "crates", "target"]
            .map(String::from)
            .into(),
    }
}

fn shipped(name: &str) -> Dependency {
    Dependency {
        name: name.into(),
        kind: DependencyKind::Shipped,
    }
}

fn optional(name: &str) -> Dependency {
    Dependency {
        name: name.into(),
        kind: DependencyKind::Optional,
    }
}

fn development(name: &str) -> Dependency {
    Dependency {
        name: name.into(),
        kind: DependencyKind::Development,
    }
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile::new(path, text).unwrap()
}

fn package<'a>(workspace: &'a mut Workspace, name: &str) -> &'a mut Package {
    workspace
        .packages
        .iter_mut()
        .find(|package| package.name == name)
        .unwrap()
}

/// What the rules find once `plant` has changed a workspace that kept them all.
fn found(plant: impl FnOnce(&mut Workspace)) -> Vec<String> {
    let mut workspace = kept();
    plant(&mut workspace);
    violations(&workspace)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn found_in(path: &str, text: &str) -> Vec<String> {
    found(|workspace| workspace.files.push(file(path, text)))
}

fn found_with(name: &str, dependency: Dependency) -> Vec<String> {
    found(|workspace| package(workspace, name).dependencies.push(dependency))
}

#[test]
fn a_workspace_that_keeps_the_rules_has_no_violation() {
    assert_eq!(found(|_| {}), [""; 0]);
}

#[test]
fn this_workspace_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = Workspace::load(&root).unwrap();
    // An empty workspace keeps every rule; these show that the real one was read.
    assert!(workspace.packages.iter().any(|p| p.name == "ringyo-key"));
    assert!(
        workspace
            .files
            .iter()
            .any(|f| f.path == "crates/xtask/tests/structure.rs")
    );
    assert!(workspace.top_level.iter().any(|name| name == "Cargo.toml"));
    let found = violations(&workspace);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn every_rule_is_named_once_and_stated() {
    for (index, rule) in RULES.iter().enumerate() {
        assert!(!rule.statement.is_empty(), "{}", rule.name);
        assert!(
            RULES[..index].iter().all(|other| other.name != rule.name),
            "{}",
            rule.name
        );
    }
}

#[test]
fn imports_follow_the_layers() {
    for (name, dependency) in [
        ("ringyo-key", "ringyo-scope"),
        ("ringyo-scope", "ringyo-key"),
        ("ringyo-limit", "ringyo-key"),
        ("ringyo-store", "ringyo-limit"),
        ("ringyo-store", "ringyo-sqlite"),
        ("ringyo-sqlite", "ringyo-auth"),
        ("ringyo-auth", "ringyo-sqlite"),
        ("ringyo-auth", "ringyo"),
        ("ringyo-demo", "ringyo-store"),
        ("ringyo-benches", "ringyo-key"),
    ] {
        assert_eq!(
            found_with(name, shipped(dependency)),
            [format!(
                "{name}: imports: must not depend on `{dependency}`"
            )]
        );
    }
}

#[test]
fn development_imports_may_cross_layers_but_not_reach_the_examples() {
    assert_eq!(
        found_with("ringyo-auth", development("ringyo-sqlite")),
        [""; 0]
    );
    // The servers that tests need are the helper programs'.
    assert_eq!(found_with("ringyo-sqlite", development("xtask")), [""; 0]);
    assert_eq!(
        found_with("ringyo-sqlite", shipped("xtask")),
        ["ringyo-sqlite: imports: must not depend on `xtask`"]
    );
    assert_eq!(
        found_with("ringyo-benches", development("ringyo-demo")),
        [""; 0]
    );
    for dependency in [shipped("ringyo-demo"), development("ringyo-demo")] {
        assert_eq!(
            found_with("ringyo-auth", dependency),
            ["ringyo-auth: imports: must not depend on `ringyo-demo`"]
        );
    }
}

#[test]
fn a_crate_without_a_place_in_the_layers_is_found() {
    for (name, directory) in [
        ("ringyo-mysql", "crates/ringyo-mysql"),
        ("tools", "tools/tools"),
    ] {
        let found = found(|workspace| {
            let crate_ = package(workspace, "ringyo-benches");
            crate_.name = name.into();
            crate_.directory = directory.into();
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{name}: imports: has no place")));
    }
}

#[test]
fn key_scope_and_limit_take_no_runtime() {
    for name in ["ringyo-key", "ringyo-scope", "ringyo-limit"] {
        assert_eq!(
            found_with(name, shipped("tokio")),
            [format!(
                "{name}: runtime: must not depend on the runtime `tokio`"
            )]
        );
        assert_eq!(found_with(name, development("tokio")), [""; 0]);
        // A feature, such as a conformance suite, may ask for one.
        assert_eq!(found_with(name, optional("tokio")), [""; 0]);
    }
}

#[test]
fn the_system_clock_is_read_in_one_module() {
    for (code, name) in [
        ("fn f() { Instant::now(); }", "Instant::now"),
        ("fn f() { std::time::Instant :: now (); }", "Instant::now"),
        ("fn f() { g!(a, SystemTime::now()) }", "SystemTime::now"),
        (
            "fn f() { Some(1).map_or_else(Instant::now, g); }",
            "Instant::now",
        ),
        ("fn f() { UNIX_EPOCH.elapsed(); }", "UNIX_EPOCH.elapsed"),
        ("use std::time::Instant as Tick;", "Instant as"),
        (
            "fn f() { rustix::time::clock_gettime(id); }",
            "clock_gettime",
        ),
        (
            "fn f() { governor::clock::MonotonicClock; }",
            "MonotonicClock",
        ),
    ] {
        let code = format!("// Why.\n{code}\n");
        assert_eq!(
            found_in("crates/ringyo-auth/src/cache.rs", &code),
            [format!(
                "crates/ringyo-auth/src/cache.rs:2: clock: reads the system clock through `{name}`"
            )]
        );
        for exempt in [
            "crates/ringyo-auth/tests/cache.rs",
            "crates/xtask/src/step.rs",
            "examples/demo/src/main.rs",
        ] {
            assert_eq!(found_in(exempt, &code), [""; 0]);
        }
    }
    assert_eq!(
        found_in(
            "crates/ringyo-auth/src/clock.rs",
            "fn f() { Instant::now(); }"
        )
        .len(),
        1,
        "only the clock module of ringyo-limit is exempt"
    );
}

#[test]
fn comments_and_texts_read_no_clock_and_are_not_unsafe() {
    let text = r##"
//! unsafe { Instant::now() }
/* unsafe /* Instant::now() */ SystemTime::now() */
/// `Instant::now()` is unsafe.
fn f() -> &'static str {
    // unsafe Instant::now()
    let _ = r#"unsafe { "Instant::now()" }"#;
    "unsafe \" SystemTime::now()"
}
"##;
    assert_eq!(found_in("crates/ringyo-auth/src/cache.rs", text), [""; 0]);
}

#[test]
fn sql_lives_in_the_sql_stores() {
    for literal in [
        r#""SELECT id, name FROM keys WHERE id = ?1""#,
        r#""select 1 from keys""#,
        r##"r#"INSERT INTO keys ("id") VALUES (?1)"#"##,
        "\"\\\n  UPDATE keys\n SET name = ?1\"",
        r#""DELETE FROM keys""#,
        r#""PRAGMA journal_mode = WAL; CREATE TABLE keys (id TEXT)""#,
        r#""\nCREATE TABLE keys(id TEXT)""#,
        r#""BEGIN IMMEDIATE""#,
    ] {
        let code = format!("\nconst TEXT: &str = {literal};");
        assert_eq!(
            found_in("crates/ringyo-store/src/memory.rs", &code),
            ["crates/ringyo-store/src/memory.rs:2: sql: holds an SQL statement"],
            "{literal}"
        );
        for exempt in [
            "crates/ringyo-sqlite/src/write.rs",
            "crates/ringyo-postgres/src/write.rs",
            "crates/ringyo-store/tests/memory.rs",
        ] {
            assert_eq!(found_in(exempt, &code), [""; 0], "{literal}");
        }
    }
    assert_eq!(
        found_in("crates/ringyo-auth/src/plans.sql", ""),
        ["crates/ringyo-auth/src/plans.sql: sql: is an SQL file"]
    );
}

#[test]
fn texts_that_only_sound_like_sql_are_allowed() {
    for literal in [
        r#""cannot delete from a read-only file""#,
        r#""expected `create`, `read`, `update` or `delete`""#,
        r#""update {} was refused""#,
        r#""select a mode""#,
        "'s'",
        "1",
    ] {
        assert_eq!(
            found_in(
                "crates/ringyo-store/src/memory.rs",
                &format!("const TEXT: &str = {literal};")
            ),
            [""; 0],
            "{literal}"
        );
    }
}

#[test]
fn database_drivers_belong_to_the_sql_stores() {
    assert_eq!(
        found_with("ringyo-auth", shipped("rusqlite")),
        ["ringyo-auth: sql: must not depend on the driver `rusqlite`"]
    );
}

#[test]
fn lua_and_its_clients_live_in_one_crate() {
    assert_eq!(
        found_in(
            "crates/ringyo-auth/src/script.rs",
            "const A: u8 = 1;\nconst PING: &str = \"return redis.call('PING')\";",
        ),
        ["crates/ringyo-auth/src/script.rs:2: lua: holds a Lua script"]
    );
    assert_eq!(
        found_in("crates/ringyo-limit/src/gcra.lua", ""),
        ["crates/ringyo-limit/src/gcra.lua: lua: is a Lua file"]
    );
    assert_eq!(
        found_with("ringyo-auth", shipped("redis")),
        ["ringyo-auth: lua: must not depend on the client `redis`"]
    );
    assert_eq!(
        found_with("ringyo-auth", optional("fred")),
        ["ringyo-auth: lua: must not depend on the client `fred`"]
    );
    assert_eq!(found_with("ringyo-auth", development("redis")), [""; 0]);
    assert_eq!(found_with("ringyo-demo", shipped("redis")), [""; 0]);
}

#[test]
fn unsafe_is_found_everywhere() {
    for path in [
        "crates/ringyo-key/src/mint.rs",
        "crates/ringyo-key/tests/mint.rs",
        "crates/xtask/src/main.rs",
        "examples/demo/src/main.rs",
        "benches/verify.rs",
    ] {
        assert_eq!(
            found_in(path, "fn f() {\n    unsafe { g() }\n}"),
            [format!("{path}:2: unsafe: says `unsafe`")]
        );
    }
}

#[test]
fn a_file_has_at_most_400_lines_of_code() {
    let free = "\n   // why\n/// what\n".repeat(300);
    let at_most = "const X: u8 = 0;\n".repeat(400);
    let path = "crates/ringyo-key/src/mint.rs";
    assert_eq!(found_in(path, &format!("{free}{at_most}")), [""; 0]);
    let over = format!("{at_most}const X: u8 = 0;\n");
    assert_eq!(
        found_in(path, &over),
        [format!(
            "{path}: size: has 401 lines of code, expected at most 400"
        )]
    );
    assert_eq!(found_in("crates/ringyo-key/tests/mint.rs", &over), [""; 0]);
}

#[test]
fn every_library_has_a_page_with_an_example() {
    let with_page = |page: &str| {
        found(|workspace| {
            let library = "crates/ringyo-key/src/lib.rs";
            workspace.files.retain(|file| file.path != library);
            workspace.files.push(file(library, page));
        })
    };
    for good in [PAGE, "#![doc = include_str!(\"../docs/page.md\")]\n"] {
        assert_eq!(with_page(good), [""; 0]);
    }
    for bad in [
        "",
        "//! What it is.\n",
        "// ```\nmod a {\n    //! ```\n    //! ```\n}\n",
    ] {
        let found = with_page(bad);
        assert_eq!(found.len(), 1, "{bad}");
        assert!(
            found[0].starts_with("crates/ringyo-key/src/lib.rs: page: expected a crate page"),
            "{found:?}"
        );
    }
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let with_manifest = |manifest: &str| {
        found(|workspace| package(workspace, "ringyo-demo").manifest = manifest.into())
    };
    for good in [
        "[lints]\nworkspace = true",
        "[lints]\nworkspace=true\n[features]",
    ] {
        assert_eq!(with_manifest(good), [""; 0]);
    }
    for bad in [
        "",
        "[lints.rust]\nunsafe_code = \"forbid\"",
        "[lints]\n[dependencies.x]\nworkspace = true",
        "[lints]\n# workspace = true",
        "[lints]\nworkspace = false",
    ] {
        assert_eq!(
            with_manifest(bad),
            ["examples/demo/Cargo.toml: page: expected `workspace = true` under `[lints]`"],
            "{bad}"
        );
    }
}

#[test]
fn the_top_level_holds_nothing_unlisted() {
    for name in ["docs", "CHANGELOG.md", "src", "Makefile"] {
        let found = found(|workspace| workspace.top_level.push(name.into()));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with(&format!("{name}: top-level: does not belong")),
            "{found:?}"
        );
    }
}

#[test]
fn a_command_in_the_documents_selects_tests() {
    let with = |command: &str| {
        found(|workspace| {
            let test = "#[test]\nfn one() {}\n\nfn helper() {}\n";
            workspace.files.extend([
                file("crates/ringyo-key/tests/parse.rs", test),
                file("crates/ringyo-auth/tests/suite/main.rs", "mod flood;"),
                file("crates/ringyo-auth/tests/suite/flood.rs", test),
                file(
                    "crates/ringyo/docs/trust.md",
                    &format!("# Trust\n\n| it holds | `{command}` |\n"),
                ),
            ]);
        })
    };
    for good in [
        "cargo test -p ringyo-key --test parse -- --nocapture",
        "cargo test -p ringyo-key --test parse",
        "A=1 B=2 cargo test --release -p ringyo-key --test parse one",
        "cargo xtask servers cargo test -p ringyo-key --test parse one",
        "ringyo-auth --test suite flood",
        "ringyo-auth --all-features --test suite flood::one",
        "ringyo-key --doc lib",
        "ringyo-key",
        "ringyoctl list",
        "cargo xtask structure",
    ] {
        assert_eq!(with(good), [""; 0], "{good}");
    }
    for (bad, why) in [
        (
            "cargo test -p ringyo-key --test parser",
            "ringyo-key has no such tests",
        ),
        (
            "cargo nextest run -p ringyo-key helper",
            "no test of ringyo-key is run by `helper`",
        ),
        (
            "A=1 cargo test --release -p ringyo-key helper",
            "no test of ringyo-key is run by `helper`",
        ),
        (
            "ringyo-auth --test suite floods",
            "no test of ringyo-auth is run by `floods`",
        ),
        (
            "ringyo-scope --lib one",
            "no test of ringyo-scope is run by `one`",
        ),
        (
            "RINGYO_TEST_TRIALS=100 cargo test -p ringyo-scop",
            "there is no package `ringyo-scop`",
        ),
        (
            "cargo nextest run -p ringyo-key -p ringyo-kye --test parse",
            "there is no package `ringyo-kye`",
        ),
    ] {
        let expected = format!("crates/ringyo/docs/trust.md:3: commands: {why}");
        assert_eq!(with(bad), [expected], "{bad}");
    }
}

#[test]
fn a_number_of_tests_in_the_documents_is_no_smaller_than_that_of_the_tests() {
    let with = |row: &str| {
        found(|workspace| {
            let tests = "#[test]\nfn one() {}\n#[tokio::test]\nasync fn other() {}\n\
                         #[test]\n#[ignore = \"why\"]\nfn ignored() {}\n";
            workspace.files.extend([
                file("crates/ringyo-key/tests/parse.rs", tests),
                file("crates/ringyo/docs/promises.md", row),
            ]);
        })
    };
    let command = "cargo test -p ringyo-key --test parse";
    for good in [
        format!("| it holds | `2 passed` | `{command}` |"),
        format!("| it holds | `1 passed` | `{command} other` |"),
        format!("| a macro makes more | `66 passed` | `{command}` |"),
        format!("| of two runs | `1 passed`, `1 passed` | `{command}` |"),
        format!("| it holds | `0 of 7` | `{command}` |"),
    ] {
        assert_eq!(with(&good), [""; 0], "{good}");
    }
    for (told, command, fit) in [(1, command.to_owned(), 2), (0, format!("{command} one"), 1)] {
        let row = format!("| it holds | `{told} passed` | `{command}` |");
        let expected = format!(
            "crates/ringyo/docs/promises.md:1: commands: `{told} passed`, but {fit} tests fit `{command}`"
        );
        assert_eq!(with(&row), [expected]);
    }
    let none = with(&format!("| it holds | `1 passed` | `{command} ignored` |"));
    assert_eq!(none.len(), 1, "what is ignored is not run: {none:?}");
}

#[test]
fn a_link_between_documents_leads_to_a_module_too() {
    let with = |modules: &str| {
        found(|workspace| {
            let trust = "See [rates][rate-limits].\n\n[rate-limits]: rate-limits.md#all\n\
                         [picture]: speed/x.svg\n[other]: https://example.org/\n";
            workspace.files.extend([
                file("crates/ringyo/docs/trust.md", trust),
                file("crates/ringyo/docs/rate-limits.md", "# Rates\n\n## All\n"),
                file("crates/ringyo/src/docs.rs", modules),
            ]);
        })
    };
    let page = "#[doc = include_str!(\"../docs/trust.md\")]\npub mod trust {}\n";
    let good = format!("/// [rate-limits]: rate_limits#all\n///\n{page}");
    assert_eq!(with(&good), [""; 0]);
    let missing = "`[rate-limits]: rate_limits#all` is not defined for crates/ringyo/docs/trust.md";
    let expected = format!("crates/ringyo/src/docs.rs:1: links: {missing}");
    assert_eq!(with(page), [expected]);
    // One letter is wrong, or it is defined for the page before.
    let misspelt = good.replace("[rate-limits]", "[rates-limit]");
    assert_eq!(with(&misspelt).len(), 2);
    let late = format!("/// [rate-limits]: rate_limits#all\npub mod other {{}}\n{page}");
    assert_eq!(with(&late).len(), 1);
    for (heading, name) in [("## All of it", "rate-limits.md"), ("## All", "rates.md")] {
        let found = found(|workspace| {
            workspace.files.extend([
                file(
                    "crates/ringyo/docs/trust.md",
                    "[rate-limits]: rate-limits.md#all\n",
                ),
                file(&format!("crates/ringyo/docs/{name}"), heading),
                file("crates/ringyo/src/docs.rs", &good),
            ]);
        });
        let expected = "crates/ringyo/docs/trust.md:1: links: `rate-limits.md#all` is not there";
        assert_eq!(found, [expected], "{heading} in {name}");
    }
}

#[test]
fn text_that_is_not_rust_is_an_error_that_names_the_file() {
    let error = SourceFile::new("crates/ringyo-key/src/lib.rs", "fn f( {").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("crates/ringyo-key/src/lib.rs: ")
    );
}
