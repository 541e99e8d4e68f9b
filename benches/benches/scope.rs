//! What does a permission cost? `cargo bench -p ringyo-bench --bench scope`

use std::hint::black_box;

use ringyo::ScopeSet;
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ, AGENTS_UPDATE, CATALOG};
use ringyo_bench::Question;

fn main() {
    let mut question = Question::new("scope");
    let texts = [
        "agents:read",
        "agents:update@agent_1",
        "calls",
        "webhooks:read",
    ];
    question.case("parse four scopes", || {
        ScopeSet::parse(black_box(texts)).is_ok()
    });
    let scopes = ScopeSet::parse(texts).expect("good scopes");
    question.case("compile four scopes", || {
        black_box(&scopes).compile(&CATALOG)
    });
    let grants = scopes.compile(&CATALOG);
    question.case("check: held", || {
        assert!(black_box(&grants).check(&AGENTS_READ).is_ok());
    });
    question.case("check: missing", || {
        assert!(black_box(&grants).check(&AGENTS_DELETE).is_err());
    });
    question.case("check on an instance", || {
        let grants = black_box(&grants);
        assert!(grants.check_on(&AGENTS_UPDATE, "agent_1").is_ok());
    });
    let text = "agents:read and (calls:create or calls:read)";
    question.case("parse a requirement", || {
        CATALOG.requirement(black_box(text)).is_ok()
    });
    let either = CATALOG.requirement(text).expect("a requirement");
    question.case("check: a requirement of two ways", || {
        assert!(black_box(&grants).check(&either).is_ok());
    });
    question.answer();
}
