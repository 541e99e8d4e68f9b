//! A session with the server: how it is made, what it finds out then, and when it is used again.

use std::future::poll_fn;
use std::ops::Deref;
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, SimpleQueryMessage, Socket};

use crate::checks::DurabilityRisk;
use crate::columns::corrupt;
use crate::connection::{Server, with_tls};
use crate::failure::Failure;
use crate::primary::Found;

/// How many attempts to make a session begin while one is waited for. What was sent into a network
/// that swallowed it is never answered: once the network is back, a new attempt is.
const ATTEMPTS: u32 = 4;

/// A session of which it is known whom it speaks to.
pub(crate) struct Session {
    client: ClientWrapper,
    /// The number of its server.
    pub(crate) server: u64,
    /// When it has last done what was asked of it.
    pub(crate) answered: u64,
    /// Nothing is sent: the other end goes with the connection.
    alive: watch::Receiver<()>,
}

impl Session {
    /// Waits until it is no more.
    pub(crate) async fn lost(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }
}

impl Deref for Session {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

/// Makes the sessions of a pool.
pub(crate) struct Sessions(pub(crate) Server);

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        self.0.session(None).await
    }

    /// Asks nothing: a connection that has ended is noticed by the task that reads it.
    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Failure> {
        if session.is_closed() || session.server != self.0.primary.number() {
            return Err(RecycleError::message("the session is over"));
        }
        Ok(())
    }
}

impl Server {
    /// A new session. What is notified in it, if it is told to listen, changes `news`.
    pub(crate) async fn session(
        &self,
        news: Option<&watch::Sender<u64>>,
    ) -> Result<Session, Failure> {
        let pause = self.limits.connect / ATTEMPTS;
        let mut attempts = JoinSet::new();
        loop {
            let (server, news) = (self.clone(), news.cloned());
            attempts.spawn(async move { server.attempt(news).await });
            // Whoever waits for this has a deadline.
            let pause = pause.max(Duration::from_millis(1));
            if let Ok(Some(ended)) = timeout(pause, attempts.join_next()).await {
                return ended.unwrap_or(Err(Failure::Late));
            }
        }
    }

    async fn attempt(self, news: Option<watch::Sender<u64>>) -> Result<Session, Failure> {
        let turn = self.primary.turn();
        let (client, alive) = with_tls!(self, tls => self.open(tls, news).await?);
        let found = who_is_there(&client).await?;
        Ok(Session {
            server: self.primary.learn(turn, found)?,
            answered: self.primary.turn(),
            client,
            alive,
        })
    }

    async fn open<T>(
        &self,
        tls: T,
        news: Option<watch::Sender<u64>>,
    ) -> Result<(ClientWrapper, watch::Receiver<()>), Failure>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let (client, mut connection) = self.config.connect(tls).await?;
        let (end, alive) = watch::channel(());
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let (AsyncMessage::Notification(_), Some(news)) = (message, &news) {
                    news.send_modify(|number| *number = number.wrapping_add(1));
                }
            }
            drop(end);
        });
        Ok((ClientWrapper::new(client, task), alive))
    }
}

/// One question for all that is to be known. What is on is on as a session of the store sees it: a
/// role or a database may have settings of its own.
async fn who_is_there(client: &ClientWrapper) -> Result<Found, Failure> {
    const QUESTION: &str = "
        SELECT concat_ws('-',
                   system_identifier,
                   left(pg_walfile_name(pg_current_wal_lsn()), 8),
                   (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint),
               current_setting('fsync') AS fsync,
               current_setting('full_page_writes') AS full_page_writes,
               current_setting('synchronous_commit') AS synchronous_commit
        FROM pg_control_system()";
    let answer = client.simple_query(QUESTION).await?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| corrupt("the server does not say which it is"))?;
    let risks = DurabilityRisk::ALL
        .into_iter()
        .filter(|risk| row.get(risk.setting()) == Some("off"))
        .collect();
    Ok(Found {
        server: row.get(0).unwrap_or_default().to_owned(),
        risks,
    })
}
