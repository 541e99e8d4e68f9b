//! Everything that a running service writes to.

use std::fs::{self, File, read};
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio_postgres::{NoTls, SimpleQueryMessage};
use xtask::servers::{Postgres, PostgresOptions, RedisOptions, for_tests};

use crate::hiding::Hidden;
use crate::service::{Demo, Place, new_place, program};
use crate::session;

fn pepper() -> String {
    let bytes: [u8; 32] = std::array::from_fn(|_| rand::random());
    format!("1:{}", BASE64_STANDARD.encode(bytes))
}

fn logging(log: &Path, pepper: &str) -> Command {
    let mut command = program();
    command
        .env("RUST_LOG", "trace")
        .env("RINGYO_PEPPER", pepper)
        .stderr(File::create(log).unwrap());
    command
}

#[tokio::test]
async fn a_file_and_the_log() {
    let (directory, file) = new_place();
    let log = tempfile::NamedTempFile::new().unwrap();
    let pepper = pepper();
    let demo = Demo::spawn(logging(log.path(), &pepper), Place::File(&file));
    let mut session = session::run(&demo).await;
    session.hidden.add_pepper(&pepper);
    let hidden = &session.hidden;
    assert_eq!(hidden.find_below(directory.path()), None);
    assert_eq!(hidden.find(session.answers.as_bytes()), None);
    assert_eq!(hidden.find(&read(log.path()).unwrap()), None);

    // The controls: one key in the wrong place is found in file, log and answers.
    session.plant(&demo).await;
    assert!(hidden.find_below(directory.path()).is_some());
    let list = demo.log_in("acct_pro").await.get("/api/keys").await;
    assert!(hidden.find(list.text.as_bytes()).is_some());
    assert!(demo.stop().success());
    let log = fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("/v1/agents") && log.len() > 10_000);
    assert!(
        hidden
            .find(format!("{log}{}", session.key).as_bytes())
            .is_some()
    );
}

#[tokio::test]
async fn postgresql_redis_and_the_log() {
    let Some(postgres) = for_tests::postgres(PostgresOptions::new()) else {
        return;
    };
    let Some(redis) = for_tests::redis(RedisOptions::default()) else {
        return;
    };
    let database = postgres.create_database().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let pepper = pepper();
    let mut command = logging(log.path(), &pepper);
    command.env("RINGYO_LIMITER", redis.url());
    let demo = Demo::spawn(command, Place::Database(&database.url()));
    let mut session = session::run(&demo).await;
    session.hidden.add_pepper(&pepper);
    let hidden = &session.hidden;

    assert_eq!(hidden.find(&dump(&postgres, &database.url())), None);
    assert_eq!(hidden.find_below(&postgres.data()), None);
    let (names, buckets) = everything_in(&redis.url()).await;
    assert_eq!(hidden.find(&buckets), None);
    assert!(names > 0, "the buckets are there");
    assert_eq!(hidden.find(session.answers.as_bytes()), None);
    let told = read(log.path()).unwrap();
    assert_eq!(hidden.find(&told), None);

    // The tag of a key can be read off its digest: that is for the table alone.
    let mut digests = Hidden::default();
    for digest in digests_in(&database.url()).await {
        digests.add_bytes(&digest);
    }
    assert_eq!(digests.find(&told), None);
    assert_eq!(digests.find(session.answers.as_bytes()), None);
    assert_eq!(digests.find(&buckets), None);

    // The controls: what is there is found.
    assert!(digests.find(&dump(&postgres, &database.url())).is_some());
    session.plant(&demo).await;
    assert!(hidden.find(&dump(&postgres, &database.url())).is_some());
    assert!(hidden.find_below(&postgres.data()).is_some());
    plant_in(&redis.url(), &session.key).await;
    assert!(hidden.find(&everything_in(&redis.url()).await.1).is_some());
    assert!(demo.stop().success());
}

/// What somebody takes home who makes a copy of the database.
fn dump(postgres: &Postgres, url: &str) -> Vec<u8> {
    let program = postgres.program("pg_dump").unwrap();
    let output = Command::new(program).arg("--dbname").arg(url).output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{:?}",
        String::from_utf8(output.stderr)
    );
    assert!(output.stdout.len() > 10_000);
    output.stdout
}

async fn digests_in(url: &str) -> Vec<Vec<u8>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let select = "SELECT encode(digest, 'base64') FROM ringyo.keys";
    let rows = client.simple_query(select).await.unwrap();
    let digests = rows.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(BASE64_STANDARD.decode(row.get(0)?).unwrap()),
        _ => None,
    });
    digests.collect()
}

/// How many keys Redis holds, and their names and values as it would hand them to another server.
async fn everything_in(url: &str) -> (usize, Vec<u8>) {
    let mut connection = connect(url).await;
    let mut all = Vec::new();
    let mut cursor = 0;
    let mut count = 0;
    loop {
        let (next, names): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .query_async(&mut connection)
            .await
            .unwrap();
        for name in names {
            let mut dump = redis::cmd("DUMP");
            let value: Option<Vec<u8>> =
                dump.arg(&name).query_async(&mut connection).await.unwrap();
            count += 1;
            all.extend(name);
            all.extend(value.unwrap_or_default());
        }
        cursor = next;
        if cursor == 0 {
            return (count, all);
        }
    }
}

async fn plant_in(url: &str, key: &str) {
    let mut set = redis::cmd("SET");
    let set = set.arg("planted").arg(key);
    let () = set.query_async(&mut connect(url).await).await.unwrap();
}

async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
