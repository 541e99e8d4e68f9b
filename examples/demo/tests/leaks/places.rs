//! Everything that a running service writes to.

use std::fs::{self, File, read};
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio_postgres::NoTls;
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
    session.check_answers();
    hidden.check_lines(&read(log.path()).unwrap());

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
    assert_eq!(hidden.find_long_below(&postgres.data()), None);
    // A bucket is gone when it is full again.
    for _ in 0..40 {
        demo.get(&session.key, "/v1/agents").await;
    }
    let (names, buckets) = everything_in(&redis.url()).await;
    assert_eq!(hidden.find(&buckets), None);
    assert!(names > 0, "the buckets are there");
    session.check_answers();
    let told = read(log.path()).unwrap();
    hidden.check_lines(&told);

    // The tag of a key can be read off its digest: that is for the table alone.
    let mut digests = Hidden::default();
    for digest in digests_in(&database.url()).await {
        digests.add_bytes(&digest);
    }
    digests.check_lines(&told);
    assert_eq!(digests.find(session.answers.as_bytes()), None);
    assert_eq!(digests.find(&buckets), None);

    // The controls: what is there is found.
    assert!(digests.find(&dump(&postgres, &database.url())).is_some());
    session.plant(&demo).await;
    assert!(hidden.find(&dump(&postgres, &database.url())).is_some());
    assert!(hidden.find_long_below(&postgres.data()).is_some());
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
    let rows = client.query("SELECT digest FROM ringyo.keys", &[]).await;
    let rows = rows.unwrap();
    rows.iter().map(|row| from_hex(row.get(0))).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
    pairs.iter().map(|pair| byte(pair).unwrap()).collect()
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
