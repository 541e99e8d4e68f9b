//! The demo runs, and keys are managed on its file meanwhile.

use std::time::{Duration, Instant};

use clap::Parser as _;
use reqwest::Client;
use ringyo_demo::{Config, Service};
use tokio::sync::oneshot;

use crate::support::{Place, id_of};

const MAX_STALENESS: Duration = Duration::from_secs(1);

async fn status(client: &Client, url: &str, key: &str) -> u16 {
    let agents = client.get(format!("{url}/v1/agents")).bearer_auth(key);
    agents.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_takes_keys_made_here_and_notices_a_revoke() {
    let place = Place::empty();
    let store = format!("sqlite:{}", place.path().join("keys.db").display());
    let config = Config::parse_from([
        "ringyo-demo",
        "--addr=127.0.0.1:0",
        &format!("--store={store}"),
        "--max-staleness=1s",
    ]);
    assert_eq!(config.max_staleness, MAX_STALENESS);
    let service = Service::start(config).await.unwrap();
    let url = format!("http://{}", service.addr());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(service.serve(async {
        // Stopped, or nobody is left to stop it.
        let _ = stopped.await;
    }));

    let client = Client::new();
    let words = "issue --account acct_agency --name Server --scope agents:read";
    let issue = || place.run(words).done().trim_end().to_owned();
    let (key, control) = (issue(), issue());
    for key in [&key, &control] {
        assert_eq!(status(&client, &url, key).await, 200);
    }
    place.run(&format!("revoke {} --yes", id_of(&key))).done();
    let deadline = Instant::now() + MAX_STALENESS;
    while Instant::now() < deadline {
        // Whatever it says until then, it is one or the other, and the control goes on.
        let said = status(&client, &url, &key).await;
        assert!(said == 200 || said == 401, "{said}");
        assert_eq!(status(&client, &url, &control).await, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status(&client, &url, &key).await, 401);
    assert_eq!(status(&client, &url, &control).await, 200);

    // Switched off and on again; and its rate is untouched by people who look at it.
    let id = id_of(&control);
    place.run(&format!("disable {id}")).done();
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(status(&client, &url, &control).await, 401);
    place.run(&format!("enable {id}")).done();
    tokio::time::sleep(MAX_STALENESS).await;
    assert_eq!(status(&client, &url, &control).await, 200);

    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    // What the demo knows of last uses is in the store once it has ended.
    assert!(place.show(id)["last_used_at"].is_string());
    place.run_with("verify", &control).done();
}
