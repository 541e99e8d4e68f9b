//! A session with the server: how it is made, what it finds out then, and when it is used again.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, SimpleQueryMessage, Socket};

use crate::checks::DurabilityRisk;
use crate::columns::corrupt;
use crate::connection::{Server, with_tls};
use crate::failure::Failure;
use crate::primary::Found;

/// How many attempts to make a session begin while one is waited for, if nobody else waits. What
/// was sent into a network that swallowed it is never answered: once the network is back, a new
/// attempt is.
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

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Session, Failure>> + Send + 'a>>;

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
        let primary = &self.0.primary;
        if session.is_closed()
            || session.server != primary.number()
            || session.answered <= primary.doubted()
        {
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
        let pause = (self.limits.connect / ATTEMPTS).max(Duration::from_millis(1));
        // It goes on until it ends: a server that is slow has answered none sooner.
        let mut first = self.attempt(news);
        let mut turns = interval(pause);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is now.
        turns.tick().await;
        // Whoever waits for this has a deadline.
        loop {
            tokio::select! {
                ended = &mut first => return ended,
                _ = turns.tick() => {}
            }
            let mut another = pin!(self.another_attempt(news, pause));
            let failure = tokio::select! {
                ended = &mut first => match ended {
                    Ok(session) => return Ok(session),
                    Err(failure) => failure,
                },
                made = &mut another => match made {
                    Some(session) => return Ok(session),
                    None => continue,
                },
            };
            return another.await.ok_or(failure);
        }
    }

    /// One attempt beside the first, which has so long. Of all that wait for a session only some
    /// make one at a time, so that a server that is slow under load has hardly more to do.
    async fn another_attempt(
        &self,
        news: Option<&watch::Sender<u64>>,
        longest: Duration,
    ) -> Option<Session> {
        let _turn = self.more_attempts.acquire().await.ok()?;
        timeout(longest, self.attempt(news)).await.ok()?.ok()
    }

    /// In a box: what a driver does to connect makes a future so deep that a program around it
    /// meets a limit of the compiler.
    fn attempt<'a>(&'a self, news: Option<&'a watch::Sender<u64>>) -> Attempt<'a> {
        Box::pin(self.connect(news))
    }

    async fn connect(&self, news: Option<&watch::Sender<u64>>) -> Result<Session, Failure> {
        let turn = self.primary.turn();
        let (client, alive) = with_tls!(self, tls => self.open(tls, news.cloned()).await?);
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
