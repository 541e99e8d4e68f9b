//! Layers inside of layers.

use http::Request;
use ringyo_auth::preset::ringyo::{AGENTS_READ, CALLS_READ};
use ringyo_tower::{Access, AuthLayer, RouteMap};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{get, get_with, send, setting};

#[tokio::test]
async fn a_layer_inside_of_another_asks_and_charges_no_second_time() {
    let setting = setting().await;
    let key = setting.key_for(["agents:read"]).await;
    let layer = AuthLayer::new(setting.ringyo.clone());
    let inner = layer.require(&AGENTS_READ).layer(setting.inside.service());
    // Also one that was made on its own.
    let middle = AuthLayer::new(setting.ringyo.clone()).layer(inner);
    let service = layer.layer(middle);
    for left in [59, 58, 57] {
        let answer = send(service.clone(), get_with("/", &key)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.remaining()),
            (200, Some(left))
        );
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(answer.body, format!("acct_1 {id}"));
    }
    assert_eq!(setting.inside.calls(), 3);
}

#[tokio::test]
async fn a_layer_inside_refuses_by_what_it_requires() {
    let setting = setting().await;
    let key = setting.key_for(["agents:read"]).await;
    let layer = AuthLayer::new(setting.ringyo.clone());
    let inner = layer.require(&CALLS_READ).layer(setting.inside.service());
    let service = layer.layer(inner);
    let answer = send(service, get_with("/", &key)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.code(), "insufficient_permissions");
    assert_eq!(
        answer.json()["error"]["details"]["missing"][0],
        "calls:read"
    );
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.json()["meta"]["request_id"], id);
    assert_eq!(answer.remaining(), Some(59));
    assert_eq!(setting.inside.calls(), 0);
}

#[tokio::test]
async fn what_the_outer_layer_calls_public_the_inner_one_still_asks_for() {
    let setting = setting().await;
    let key = setting.key_for(["agents:read"]).await;
    let layer = AuthLayer::new(setting.ringyo.clone());
    let inner = layer.require(&AGENTS_READ).layer(setting.inside.service());
    let service = layer
        .routes(RouteMap::new().get("/", Access::Public))
        .layer(inner);
    let answer = send(service.clone(), get("/").body(()).unwrap()).await;
    assert_eq!(answer.status, 401);
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(
        answer.json()["meta"]["request_id"],
        id,
        "one id all the way"
    );
    let answer = send(service, get_with("/", &key)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.remaining()),
        (200, Some(59))
    );
}

#[tokio::test]
async fn only_a_layer_of_the_same_service_is_believed() {
    let (ours, theirs) = (setting().await, setting().await);
    let our_key = ours.key().await;
    let their_key = theirs.key().await;
    let inner = AuthLayer::new(ours.ringyo.clone()).layer(ours.inside.service());
    let service = AuthLayer::new(theirs.ringyo.clone()).layer(inner);
    // Their key opens their door and not ours.
    assert_eq!(
        send(service.clone(), get_with("/", &their_key))
            .await
            .status,
        401
    );
    assert_eq!(send(service, get_with("/", &our_key)).await.status, 401);
    assert_eq!(ours.inside.calls(), 0);
}

#[tokio::test]
async fn a_caller_that_somebody_else_put_there_is_not_believed() {
    let setting = setting().await;
    let key = setting.key().await;
    let authenticator = setting.ringyo.authenticator();
    let credential = ringyo_auth::Credential::bearer(&key);
    let caller = authenticator.authenticate(credential).await.unwrap();
    let layer = AuthLayer::new(setting.ringyo.clone());
    let service = layer.layer(setting.inside.service());
    let planted = service
        .clone()
        .map_request(move |mut request: Request<()>| {
            request.extensions_mut().insert(caller.clone());
            request
        });
    assert_eq!(send(planted, get("/").body(()).unwrap()).await.status, 401);

    // Nor between two layers: the inner one asks whom the outer one let in.
    let rich = setting.key().await;
    let credential = ringyo_auth::Credential::bearer(&rich);
    let rich = authenticator.authenticate(credential).await.unwrap();
    let poor = setting.key_for(["agents:read"]).await;
    let inner = layer.require(&CALLS_READ).layer(setting.inside.service());
    let between = inner.map_request(move |mut request: Request<()>| {
        request.extensions_mut().insert(rich.clone());
        request
    });
    let answer = send(layer.layer(between), get_with("/", &poor)).await;
    assert_eq!(answer.status, 403);
}
