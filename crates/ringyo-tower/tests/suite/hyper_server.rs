//! On the wire, with hyper and nothing else.

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use ringyo_tower::{AuthLayer, PeerAddress};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{Setting, setting};

async fn exchange(setting: &Setting, request: String) -> String {
    let service = AuthLayer::new(setting.ringyo.clone()).layer(setting.inside.service());
    let service = service.map_request(|request: http::Request<hyper::body::Incoming>| {
        // The service inside wants no body; the connection has no address, so one is made up.
        let mut request = request.map(drop);
        let peer = PeerAddress([192, 0, 2, 7].into());
        request.extensions_mut().insert(peer);
        request
    });
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(server), TowerToHyperService::new(service));
    let exchange = async {
        client.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        response
    };
    let (served, response) = tokio::join!(connection, exchange);
    served.unwrap();
    response.to_lowercase()
}

fn ask(method: &str, key: &str) -> String {
    format!(
        "{method} / HTTP/1.1\r\nhost: a\r\nauthorization: {key}\r\nx-request-id: r1\r\n\
         connection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn answers_arrive_whole() {
    let setting = setting().await;
    let key = setting.key().await;
    let response = exchange(&setting, ask("GET", &key)).await;
    assert!(response.starts_with("http/1.1 200 ok\r\n"), "{response}");
    assert!(
        response.contains("\r\nx-ratelimit-remaining: 59\r\n"),
        "{response}"
    );
    assert!(response.ends_with("\r\n\r\nacct_1 r1"), "{response}");

    let response = exchange(&setting, ask("GET", "Bearer x")).await;
    assert!(
        response.starts_with("http/1.1 401 unauthorized\r\n"),
        "{response}"
    );
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())),
        "{response}"
    );
    assert!(body.contains(r#""code":"invalid_api_key""#), "{response}");

    let response = exchange(&setting, ask("HEAD", "Bearer x")).await;
    let (head_only, nothing) = response.split_once("\r\n\r\n").unwrap();
    assert_eq!(nothing, "");
    assert!(
        head_only.contains(&format!("\r\ncontent-length: {}\r\n", body.len())),
        "{response}"
    );
}
