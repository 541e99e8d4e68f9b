//! What does the layer cost around a service that answers at once? `cargo bench -p ringyo-bench
//! --bench http`. What it takes to make the request is in every case but the last two. By hand, the caller is put
//! among the extensions and the headers on the response; without the id, the span, the metrics, and
//! all that a layer asks before.

use std::hint::black_box;

use http::{Extensions, HeaderName, HeaderValue};
use ringyo::Credential;
use ringyo::preset::ringyo::AGENTS_READ;
use ringyo::tower::AuthLayer;
use ringyo_bench::{Bare, Question, Service, poll_now};
use tower::{Layer as _, Service as _};

fn main() {
    let mut question = Question::new("http");
    let service = Service::new();
    let mut hot = service.workload("hot", 1_000);
    let mut request = || ringyo_bench::request(hot.header());
    let mut bare = Bare;
    question.case("without the layer", || poll_now(bare.call(request())));
    question.case("without it, and a decision", || {
        let request = request();
        let credential = Credential::from_headers(request.headers());
        let caller = poll_now(service.authenticator.authenticate(credential));
        (caller.is_ok(), poll_now(Bare.call(request)))
    });
    let http = service.ringyo.http();
    question.case("without it, all of that written by hand", || {
        let mut request = request();
        let credential = Credential::from_headers(request.headers());
        let caller = poll_now(service.authenticator.authenticate(credential)).expect("a caller");
        let id = request.headers()["x-request-id"].clone();
        request.extensions_mut().insert(caller.clone());
        let mut response = poll_now(Bare.call(request)).expect("an answer");
        let headers = response.headers_mut();
        headers.reserve(6);
        headers.extend(http.rate_headers_of(&caller));
        headers.insert("x-request-id", id);
        response
    });
    let mut layered = AuthLayer::new(service.ringyo.clone())
        .require(&AGENTS_READ)
        .layer(Bare);
    let response = poll_now(layered.call(request())).expect("an answer");
    assert!(response.headers().contains_key("ratelimit"));
    question.case("with the layer", || poll_now(layered.call(request())));

    // The two largest parts of what it adds.
    let maps = http.rate_header_maps(HeaderName::from_static("x-request-id"));
    let credential = Credential::bearer(hot.header());
    let caller = poll_now(service.authenticator.authenticate(credential)).expect("a caller");
    let (decision, at) = (caller.rate().expect("a limit"), caller.authenticated_at());
    let id = HeaderValue::from_static("0123456789abcdef0123456789abcdef");
    question.case("of that, six headers", || {
        maps.of(black_box(&decision), at, id.clone())
    });
    question.case("of that, the caller among the extensions", || {
        let mut extensions = Extensions::new();
        extensions.insert(black_box(&caller).clone());
        extensions
    });
    question.answer();
}
