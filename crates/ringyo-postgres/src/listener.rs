//! Listens for hints that something has changed.
//!
//! A notification that is sent while nobody listens is lost, and neither a session that was ended
//! nor a server that hangs says so. So the session is asked now and then whether it is still
//! there, another one is made when it is not, and whoever waits is woken once after that.
//!
//! It also looks which server is there, and sees to it that none is believed for long without.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::connection::Server;
use crate::failure::Failure;
use crate::knock::leads_to;
use crate::session::Session;

/// How often a session is asked whether it is still there, and the address who is.
const PROBE: Duration = Duration::from_secs(5);

/// For how long sessions are used while it cannot be seen which server is there: two looks may
/// fail.
const TRUSTED: Duration = Duration::from_secs(15);

/// The shortest and the longest pause before the server is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The task that listens. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Listener(JoinHandle<()>);

impl Listener {
    /// Begins to listen. The number that is sent means nothing but that there may be news.
    pub(crate) fn start(server: Server, news: watch::Sender<u64>) -> Self {
        Self(tokio::spawn(async move {
            tokio::join!(
                keep_listening(&server, &news),
                server.primary.watch(TRUSTED)
            );
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

async fn keep_listening(server: &Server, news: &watch::Sender<u64>) {
    let (shortest, longest) = PAUSES;
    let looking = server.for_looking();
    let mut pause = shortest;
    loop {
        let began = listen(server, &looking, news).await;
        pause = match began {
            Began::Yes => shortest,
            Began::No => (pause * 2).min(longest),
        };
        tracing::debug!("no session listens for changes, the next attempt follows");
        sleep(pause).await;
    }
}

/// Whether a session that is lost now did listen.
enum Began {
    Yes,
    No,
}

/// Listens until the session is lost, or its server is no longer the one, and looks meanwhile.
async fn listen(server: &Server, looking: &Server, news: &watch::Sender<u64>) -> Began {
    let connecting = timeout(server.limits.connect, server.session(Some(news)));
    let Ok(Ok(session)) = connecting.await else {
        return Began::No;
    };
    let limit = server.limits.statement;
    if !answers(&session, &format!("LISTEN \"{}\"", server.schema), limit).await {
        return Began::No;
    }
    // What was sent before is lost.
    news.send_modify(|number| *number = number.wrapping_add(1));
    let number = session.server;
    let ask = async {
        loop {
            sleep(PROBE).await;
            let asked = answers(&session, "", limit.min(PROBE));
            let (answered, looked) = tokio::join!(asked, look(looking));
            if !answered {
                return;
            }
            if looked.is_err() && leads_to(server, &session).await {
                server.primary.confirm(number);
            }
        }
    };
    tokio::select! {
        () = ask => {}
        () = session.lost() => {}
        () = server.primary.is_no_longer(number) => {}
    }
    Began::Yes
}

/// Sees with a new session who is there, which those that there are cannot tell. What it finds is
/// known to all then.
async fn look(server: &Server) -> Result<(), Failure> {
    // Whatever a call may wait for: what takes longer than a look is apart from the next is none.
    let longest = server.limits.connect.min(PROBE);
    let looked = timeout(longest, server.session(None)).await;
    let looked = looked.unwrap_or(Err(Failure::Late)).map(drop);
    if looked.is_err() {
        tracing::debug!("no new session could be made to see which server is there");
    }
    looked
}

async fn answers(session: &Session, statement: &str, limit: Duration) -> bool {
    matches!(
        timeout(limit, session.batch_execute(statement)).await,
        Ok(Ok(()))
    )
}
