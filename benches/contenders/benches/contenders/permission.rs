//! May a key that holds four scopes do this?

use std::hint::black_box;

use casbin::{CoreApi as _, DefaultModel, Enforcer, StringAdapter};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use ringyo::ScopeSet;
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ, CATALOG};
use ringyo_bench::Question;

use crate::named;

pub(crate) fn measure() {
    let mut question = Question::new("contenders: permission");
    let texts = [
        "agents:read",
        "agents:update@agent_1",
        "calls",
        "webhooks:read",
    ];
    let grants = ScopeSet::parse(texts).unwrap().compile(&CATALOG);
    question.case("ringyo: held", || {
        assert!(black_box(&grants).check(&AGENTS_READ).is_ok());
    });
    question.yardstick();
    question.case("ringyo: missing", || {
        assert!(black_box(&grants).check(&AGENTS_DELETE).is_err());
    });
    cedar(&mut question);
    casbin(&mut question);
    question.answer();
}

fn cedar(question: &mut Question) {
    let policies = r#"
        permit(principal == Key::"key_1", action == Action::"read", resource == Resource::"agents");
        permit(principal == Key::"key_1", action == Action::"update", resource == Agent::"agent_1");
        permit(principal == Key::"key_1", action, resource == Resource::"calls");
        permit(principal == Key::"key_1", action == Action::"read", resource == Resource::"webhooks");
    "#;
    let policies: PolicySet = policies.parse().unwrap();
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let id = |text: &str| -> EntityUid { text.parse().unwrap() };
    let (key, agents) = (id(r#"Key::"key_1""#), id(r#"Resource::"agents""#));
    for (outcome, action, decision) in [
        ("held", r#"Action::"read""#, Decision::Allow),
        ("missing", r#"Action::"delete""#, Decision::Deny),
    ] {
        let action = id(action);
        question.case(&named("cedar-policy", outcome), || {
            let parts = [&key, &action, &agents].map(|part| black_box(part).clone());
            let [key, action, agents] = parts;
            let request = Request::new(key, action, agents, Context::empty(), None).unwrap();
            let response = authorizer.is_authorized(&request, &policies, &entities);
            assert_eq!(response.decision(), decision);
        });
    }
}

fn casbin(question: &mut Question) {
    let model = "
        [request_definition]
        r = sub, obj, act
        [policy_definition]
        p = sub, obj, act
        [policy_effect]
        e = some(where (p.eft == allow))
        [matchers]
        m = r.sub == p.sub && r.obj == p.obj && (r.act == p.act || p.act == \"*\")
    ";
    let policies = "
        p, key_1, agents, read
        p, key_1, agents/agent_1, update
        p, key_1, calls, *
        p, key_1, webhooks, read
    ";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let enforcer = runtime.block_on(async {
        let model = DefaultModel::from_str(&unindented(model)).await.unwrap();
        let policies = StringAdapter::new(unindented(policies));
        Enforcer::new(model, policies).await.unwrap()
    });
    for (outcome, action, is_held) in [("held", "read", true), ("missing", "delete", false)] {
        question.case(&named("casbin", outcome), || {
            let asked = black_box(("key_1", "agents", action));
            assert_eq!(enforcer.enforce(asked).unwrap(), is_held);
        });
    }
}

fn unindented(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", line.trim()))
        .collect()
}
