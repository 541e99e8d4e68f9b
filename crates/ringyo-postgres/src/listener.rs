//! Listens for hints that something has changed.
//!
//! A notification that is sent while nobody listens is lost, and neither a session that was ended
//! nor a server that hangs says so. So the session is asked now and then whether it is still
//! there, another one is made when it is not, and whoever waits is woken once after that.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Socket};

use crate::connection::{Server, with_tls};

/// How often a session is asked whether it is still there.
const PROBE: Duration = Duration::from_secs(5);

/// The shortest and the longest pause before the server is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The task that listens. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Listener(JoinHandle<()>);

impl Listener {
    /// Begins to listen. The number that is sent means nothing but that there may be news.
    pub(crate) fn start(server: Server, news: watch::Sender<u64>) -> Self {
        Self(tokio::spawn(async move {
            let (shortest, longest) = PAUSES;
            let mut pause = shortest;
            loop {
                let began = with_tls!(server, tls => listen(&server, tls, &news).await);
                pause = match began {
                    Began::Yes => shortest,
                    Began::No => (pause * 2).min(longest),
                };
                tracing::debug!("no session listens for changes, the next attempt follows");
                sleep(pause).await;
            }
        }))
    }

    /// Ends it.
    pub(crate) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a session that is lost now did listen.
enum Began {
    Yes,
    No,
}

/// Listens until the session is lost.
async fn listen<T>(server: &Server, tls: T, news: &watch::Sender<u64>) -> Began
where
    T: MakeTlsConnect<Socket>,
{
    let connecting = timeout(server.limits.connect, server.config.connect(tls));
    let Ok(Ok((client, mut connection))) = connecting.await else {
        return Began::No;
    };
    let wake = || news.send_modify(|number| *number = number.wrapping_add(1));
    let hear = async {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message {
                wake();
            }
        }
    };
    let mut began = Began::No;
    let ask = async {
        let limit = server.limits.statement;
        let mut answered = answers(&client, &format!("LISTEN \"{}\"", server.schema), limit).await;
        if answered {
            began = Began::Yes;
            // What was sent before is lost.
            wake();
        }
        while answered {
            sleep(PROBE).await;
            answered = answers(&client, "", limit).await;
        }
    };
    tokio::select! {
        () = hear => {}
        () = ask => {}
    }
    began
}

async fn answers(client: &Client, statement: &str, limit: Duration) -> bool {
    matches!(
        timeout(limit, client.batch_execute(statement)).await,
        Ok(Ok(()))
    )
}
