//! Of `ringyo_auth` what decides, and of `ringyo_tower`.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, Method, Request, Response};
use ringyo::preset::ringyo::{AGENTS_DELETE, AGENTS_READ};
use ringyo::tower::{
    Access, AuthBody, AuthLayer, ClientAddress, PeerAddress, RequestId, RouteMap, X_REQUEST_ID,
    axum as extract,
};
use ringyo::{
    ApiAccess, AuthError, BodyStyle, Credential, CredentialSources, InvalidKey, Overlap, Plan,
    RateHeaders, Unavailable,
};
use tower::{Layer as _, Service as _, service_fn};

use super::Stage;
use crate::shown::show;

pub(super) async fn show(stage: &mut Stage) {
    let key = stage.text();
    let header = format!("Bearer {key}");
    let ringyo = stage.ringyo.clone();
    let caller = stage.caller().await;
    let mut headers = HeaderMap::new();
    headers.insert("authorization", header.parse().unwrap());
    headers.insert("x-api-key", key.parse().unwrap());
    let sources =
        CredentialSources::bearer().or_header(axum::http::HeaderName::from_static("x-api-key"));
    let found = sources.find(&headers, None);
    let inspected = ringyo.authenticator().inspect(Credential::key(&key)).await;
    let shown = &mut stage.shown;
    show!(
        shown,
        Credential::bearer(&header),
        Credential::key(&key),
        sources,
        found
    );
    show!(
        shown,
        caller,
        inspected.unwrap(),
        ringyo.authenticator(),
        *ringyo.http(),
        ringyo.http().rate_header_maps(X_REQUEST_ID)
    );
    show!(
        shown,
        *caller.plan(),
        caller.rate().unwrap(),
        ApiAccess::None
    );
    show!(
        shown,
        Plan::without_api("free"),
        RateHeaders::default(),
        BodyStyle::default()
    );
    let live = caller.require_live().unwrap();
    show!(
        shown,
        extract::Caller(caller.clone()),
        extract::LiveCaller(live)
    );
    refusals(stage, &caller.require(&AGENTS_DELETE).unwrap_err()).await;
    layer(stage, &header).await;
}

/// Of every kind that has seen a key, as errors and as responses.
async fn refusals(stage: &mut Stage, missing: &AuthError) {
    let key = stage.text();
    let ringyo = stage.ringyo.clone();
    let replaced = ringyo
        .keys()
        .regenerate(stage.issued.record.id, Overlap::NONE)
        .await;
    let replaced = replaced.unwrap();
    stage.hidden.add_key(replaced.new.key.expose());
    let id = stage.issued.record.id;
    let shown = &mut stage.shown;
    let mut refusals = vec![
        missing.clone(),
        AuthError::Unavailable(Unavailable::TooManyForeign),
        AuthError::LiveKeyRequired,
        AuthError::InvalidKey(InvalidKey::WrongSecret),
        AuthError::AddressNotAllowed(id),
    ];
    for header in [
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {key}, Bearer {key}"),
        format!("Bearer {key}"),
        format!("Basic {key}"),
        key,
    ] {
        let refused = ringyo
            .authenticator()
            .decide(Credential::bearer(&header))
            .await;
        let refused = refused.unwrap_err();
        show!(shown, refused);
        if let Some(known) = &refused.key {
            show!(shown, *known);
        }
        refusals.push(refused.error);
    }
    let used_up = async {
        let caller = replaced.new.key.expose();
        loop {
            if let Err(refused) = ringyo.authenticate(Credential::key(caller)).await {
                break refused;
            }
        }
    };
    refusals.push(used_up.await);
    for refusal in &refusals {
        match refusal {
            AuthError::InvalidKey(invalid) => show!(shown, *invalid),
            AuthError::RateLimited(exceeded) => show!(shown, *exceeded),
            AuthError::Unavailable(unavailable) => show!(shown, *unavailable),
            _ => {}
        }
        let rejection = ringyo.http().reject(refusal, ringyo.now());
        show!(shown, *refusal, rejection);
        let response: Response<String> = rejection.into_response("r");
        show!(shown, response);
    }
    let is_limited = refusals
        .iter()
        .any(|r| matches!(r, AuthError::RateLimited(_)));
    assert!(is_limited && refusals.len() > 10);
}

/// What stands around the requests of a service.
async fn layer(stage: &mut Stage, header: &str) {
    let shown = &mut stage.shown;
    let routes = RouteMap::new().get("/agents", Access::Requires(&AGENTS_READ));
    let route = routes.routes().next().unwrap().clone();
    let layer = AuthLayer::new(stage.ringyo.clone()).routes(routes.clone());
    let handler = service_fn(|_: Request<String>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let mut service = layer.layer(handler);
    let request = Request::builder().method(Method::GET).uri("/agents");
    let request = request
        .header("authorization", header)
        .header("x-request-id", "r");
    let request = request.body(String::new()).unwrap();
    show!(
        shown,
        layer,
        service,
        routes,
        route,
        route.access,
        RequestId::of(request.headers())
    );
    let answering = service.call(request);
    show!(shown, answering);
    let response = answering.await.unwrap();
    let body: &AuthBody<String> = response.body();
    show!(shown, *body);
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    show!(shown, ClientAddress::default(), PeerAddress(address));
}
