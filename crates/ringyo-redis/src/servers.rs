//! How to get a connection, whatever stands behind it.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, IntoConnectionInfo, RedisResult, Value,
};

use crate::config::ConfigError;

/// What a connection to one node of a cluster may take. All are made at once, first to those that
/// were named and then to those that they name.
#[cfg(feature = "cluster")]
const CLUSTER_NODE_WITHIN: std::time::Duration = std::time::Duration::from_millis(300);

/// Where to connect to.
#[derive(Clone)]
pub(crate) enum Servers {
    Single(Client),
    #[cfg(feature = "cluster")]
    Cluster(Box<redis::cluster::ClusterClient>),
    #[cfg(feature = "sentinel")]
    Sentinel(sentinel::Watched),
}

/// A connection that any number of calls share. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    /// Finds and keeps connections to all nodes by itself.
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Servers {
    pub(crate) fn single(address: &str) -> Result<Self, ConfigError> {
        Client::open(connection_info(address)?)
            .map(Self::Single)
            .map_err(|_| ConfigError::Address)
    }

    #[cfg(feature = "cluster")]
    pub(crate) fn cluster<T: AsRef<str>>(
        addresses: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let nodes = addresses
            .into_iter()
            .map(|address| connection_info(address.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        redis::cluster::ClusterClient::builder(nodes)
            .tcp_settings(tcp_settings())
            // Those that are away must not take the time of those that are there.
            .connection_timeout(CLUSTER_NODE_WITHIN)
            // One is needed to follow a slot that has moved.
            .retries(1)
            .build()
            .map(|client| Self::Cluster(Box::new(client)))
            .map_err(|_| ConfigError::Addresses)
    }

    #[cfg(feature = "sentinel")]
    pub(crate) fn sentinel<T: AsRef<str>>(
        master: &str,
        sentinels: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let sentinels = sentinels
            .into_iter()
            .map(|address| connection_info(address.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        sentinel::Watched::new(connection_info(master)?, sentinels).map(Self::Sentinel)
    }

    /// Connects; takes as long as it takes.
    pub(crate) async fn connect(&self) -> RedisResult<Connection> {
        #[cfg(feature = "tls")]
        choose_cryptography();
        match self {
            Self::Single(client) => open(client).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            #[cfg(feature = "sentinel")]
            Self::Sentinel(watched) => open(&watched.master().await?).await,
        }
    }
}

impl Connection {
    pub(crate) async fn call(&mut self, command: &Cmd) -> RedisResult<Value> {
        let reply = match self {
            Self::Single(connection) => connection.req_packed_command(command).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        };
        // The client takes a refusal for a value.
        reply.and_then(Value::extract_error)
    }

    /// Asks the server, or every master of the cluster, for a sign of life.
    pub(crate) async fn look(&mut self) -> RedisResult<()> {
        match self {
            Self::Single(_) => self.call(&redis::cmd("PING")).await.map(drop),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => cluster::look(connection).await,
        }
    }

    /// Whether it consists of connections to several nodes, of which some may be lost.
    pub(crate) fn leads_to_many(&self) -> bool {
        match self {
            Self::Single(_) => false,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => true,
        }
    }
}

async fn open(client: &Client) -> RedisResult<Connection> {
    // Time is limited around the call, once for all that it consists of.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        // Callers beyond that wait for one another before anything is sent.
        .set_pipeline_buffer_size(1_024);
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map(Connection::Single)
}

fn connection_info(address: &str) -> Result<ConnectionInfo, ConfigError> {
    address
        .into_connection_info()
        .map(|info| info.set_tcp_settings(tcp_settings()))
        .map_err(|_| ConfigError::Address)
}

fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// rustls panics when a program has brought two providers of cryptography and chosen none. Whoever
/// has chosen one keeps it.
#[cfg(feature = "tls")]
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have chosen meanwhile, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(feature = "cluster")]
mod cluster {
    use redis::cluster_async::ClusterConnection;
    use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
    use redis::{ErrorKind, RedisResult, Value};

    /// Asks every master that has slots. The client leaves out those that it has no connection to,
    /// so the answers are counted, and one of the nodes is asked how many there should be.
    pub(super) async fn look(connection: &mut ClusterConnection) -> RedisResult<()> {
        let mut info = redis::cmd("CLUSTER");
        info.arg("INFO");
        let one = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
        let info = connection.route_command(info, one).await?;
        let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let answers = connection.route_command(redis::cmd("PING"), all).await?;
        let answered = match answers {
            Value::Map(answers) => answers.len(),
            _ => 0,
        };
        if answered < masters(info)? {
            return Err((ErrorKind::ClusterConnectionNotFound, "a master is missing").into());
        }
        Ok(())
    }

    /// How many masters have slots, by what `CLUSTER INFO` says.
    fn masters(info: Value) -> RedisResult<usize> {
        let info: String = redis::from_redis_value(info.extract_error()?)?;
        let size = info
            .lines()
            .find_map(|line| line.strip_prefix("cluster_size:"));
        Ok(size.and_then(|size| size.trim().parse().ok()).unwrap_or(0))
    }
}

#[cfg(feature = "sentinel")]
mod sentinel {
    use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
    use redis::{Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisResult, TlsMode};
    use tokio::task::JoinSet;

    use crate::config::ConfigError;

    /// A server that sentinels know by name.
    #[derive(Clone)]
    pub(crate) struct Watched {
        sentinels: Vec<ConnectionInfo>,
        name: String,
        node: SentinelNodeConnectionInfo,
    }

    impl Watched {
        pub(super) fn new(
            master: ConnectionInfo,
            sentinels: Vec<ConnectionInfo>,
        ) -> Result<Self, ConfigError> {
            if sentinels.is_empty() {
                return Err(ConfigError::Addresses);
            }
            let node = SentinelNodeConnectionInfo::default()
                .set_redis_connection_info(master.redis_settings().clone())
                .set_tcp_settings(master.tcp_settings().clone());
            let (name, node) = match master.addr() {
                ConnectionAddr::Tcp(name, _) => (name, node),
                ConnectionAddr::TcpTls { host, .. } => (host, node.set_tls_mode(TlsMode::Secure)),
                _ => return Err(ConfigError::Address),
            };
            Ok(Self {
                sentinels,
                name: name.clone(),
                node,
            })
        }

        /// Asks all sentinels at once and takes the first answer that leads to a master: one whose
        /// machine is gone says nothing, however long it is waited for. Afresh each time: a
        /// connection to one of them may be as dead as the server that was the master.
        pub(super) async fn master(&self) -> RedisResult<Client> {
            let mut questions = JoinSet::new();
            for sentinel in &self.sentinels {
                let (sentinel, name, node) =
                    (sentinel.clone(), self.name.clone(), self.node.clone());
                questions.spawn(async move {
                    Sentinel::build(vec![sentinel])?
                        .async_master_for(&name, Some(&node))
                        .await
                });
            }
            let mut why = None;
            while let Some(answer) = questions.join_next().await {
                match answer {
                    Ok(Ok(master)) => return Ok(master),
                    Ok(Err(error)) => why = Some(error),
                    // Nobody has ended it.
                    Err(_) => {}
                }
            }
            Err(why.unwrap_or_else(|| {
                (
                    ErrorKind::MasterNameNotFoundBySentinel,
                    "no sentinel was asked",
                )
                    .into()
            }))
        }
    }
}
