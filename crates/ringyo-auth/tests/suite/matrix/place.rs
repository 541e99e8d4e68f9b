//! Where one cell of the matrix is tried: an account of its own with a key, and two nodes that hear
//! nothing of each other.

use std::sync::Arc;
use std::time::Duration;

use ringyo_auth::{
    AuthError, Edit, IssuedKey, LeakPolicy, LiveCaller, NewKey, Overlap, Reservation, Ringyo,
    WalletError,
};
use ringyo_key::ForeignKey;
use ringyo_limit::ManualClock;
use ringyo_store::{AccountId, OperationId, Store};
use tokio::task::JoinHandle;

use super::operation::Operation;
use crate::support::{START, Watched, authenticate, peppers, unlimited};

pub(super) const STALENESS: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Place {
    pub(super) operation: Operation,
    /// The node that is asked.
    pub(super) node: Node,
    /// The one on which all was prepared.
    pub(super) office: Node,
    key: Arc<IssuedKey>,
    caller: Option<LiveCaller>,
    held: Option<Reservation>,
}

#[derive(Clone)]
pub(super) struct Node {
    pub(super) ringyo: Ringyo,
    pub(super) door: Watched,
    pub(super) clock: ManualClock,
}

impl Place {
    pub(super) async fn new(operation: Operation, store: Arc<dyn Store>, name: &str) -> Self {
        let office = Node::new(&store).await;
        let account = name.replace(' ', "_");
        let accounts = office.ringyo.accounts();
        let account = accounts.create(&account, "open").await.unwrap().id;
        let new = NewKey::live(account.as_str(), "Server").scopes(["*"]);
        let key = office.ringyo.keys().issue(new).await.unwrap();
        let wallet = office.ringyo.wallet();
        wallet.grant(&account, 5, &id("start")).await.unwrap();
        let caller = authenticate(&office.ringyo, &key).await.unwrap();
        let mut place = Self {
            operation,
            node: Node::new(&store).await,
            office,
            caller: caller.as_live(),
            key: Arc::new(key),
            held: None,
        };
        match operation {
            Operation::Enable => {
                let keys = place.office.ringyo.keys();
                keys.disable(place.key.record.id).await.unwrap();
            }
            Operation::Commit | Operation::Refund | Operation::RefundAbandoned => {
                let held = wallet.reserve(place.caller(), 2, &id("held")).await;
                place.held = Some(held.unwrap());
            }
            _ => {}
        }
        place
    }

    /// Does what is to be tried, and gives the key that it made, if it made one.
    pub(super) async fn perform(&self, by: &Ringyo) -> Option<IssuedKey> {
        let (keys, accounts, wallet) = (by.keys(), by.accounts(), by.wallet());
        let (key, account) = (self.key.record.id, self.account());
        let operation = id("tried");
        match self.operation {
            Operation::Issue => {
                let new = NewKey::live(account.as_str(), "Second").scopes(["*"]);
                return Some(keys.issue(new).await.unwrap());
            }
            Operation::Import => {
                let text = format!("a key of another origin of {account}");
                let digest = ForeignKey::of_text(text.as_bytes()).digest;
                let new = NewKey::live(account.as_str(), "Imported").scopes(["*"]);
                let imported = keys.import(new, digest, "a key…");
                imported.await.map(drop).unwrap();
            }
            Operation::Edit => {
                let edit = Edit {
                    name: Some("Edited".to_owned()),
                    scopes: Some(vec!["agents:read".to_owned()]),
                    ..Edit::default()
                };
                keys.edit(key, edit).await.map(drop).unwrap();
            }
            Operation::Rename => keys.rename(key, "Renamed").await.map(drop).unwrap(),
            Operation::SetScopes => {
                let set = keys.set_scopes(key, ["calls:read"]);
                set.await.map(drop).unwrap();
            }
            Operation::Disable => keys.disable(key).await.map(drop).unwrap(),
            Operation::Enable => keys.enable(key).await.map(drop).unwrap(),
            Operation::Revoke => keys.revoke(key).await.map(drop).unwrap(),
            Operation::ReportLeaked => {
                let found = self.key.key.expose();
                let reported = keys.report_leaked(found, "", LeakPolicy::Revoke);
                reported.await.map(drop).unwrap();
            }
            Operation::Regenerate => {
                let both = keys.regenerate(key, Overlap::NONE).await;
                return Some(both.unwrap().new);
            }
            Operation::CreateAccount => {
                let second = format!("{account}_second");
                accounts.create(&second, "open").await.unwrap();
                let new = NewKey::live(second, "First").scopes(["*"]);
                return Some(keys.issue(new).await.unwrap());
            }
            Operation::SetPlan => {
                let set = accounts.set_plan(account, "closed");
                set.await.map(drop).unwrap();
            }
            Operation::Grant => {
                let granted = wallet.grant(account, 7, &operation);
                granted.await.map(drop).unwrap();
            }
            Operation::Charge => {
                let charged = wallet.charge(self.caller(), 2, &operation);
                charged.await.map(drop).unwrap();
            }
            Operation::Reserve => {
                let reserved = wallet.reserve(self.caller(), 2, &operation);
                reserved.await.map(drop).unwrap();
            }
            Operation::Commit => wallet.commit(self.held()).await.map(drop).unwrap(),
            Operation::Refund => wallet.refund(self.held()).await.map(drop).unwrap(),
            Operation::RefundAbandoned => {
                let held = id("held");
                let given_back = wallet.refund_abandoned(account, &held);
                given_back.await.map(drop).unwrap();
            }
        }
        None
    }

    /// What the node says now of the key and of its account's credits.
    pub(super) async fn ask(&self) -> String {
        let decision = match authenticate(&self.node.ringyo, &self.key).await {
            Ok(caller) => {
                let (name, scopes) = (caller.key_name(), caller.scopes());
                format!("{name} may {scopes} on {}", caller.plan().name)
            }
            Err(AuthError::Revoked(_)) => "revoked".to_owned(),
            Err(AuthError::Superseded(_)) => "superseded".to_owned(),
            Err(AuthError::Disabled(_)) => "disabled".to_owned(),
            Err(AuthError::PlanRequired) => "no plan".to_owned(),
            Err(other) => format!("{other:?}"),
        };
        let wallet = self.node.ringyo.wallet();
        let balance = wallet.balance(self.account()).await.unwrap();
        let held = match &self.held {
            None => String::new(),
            // Asked for again it is the operation as it stands.
            Some(_) => match wallet.reserve(self.caller(), 2, &id("held")).await {
                Ok(held) => format!("; {:?}", held.charge.state),
                Err(WalletError::Refunded) => "; given back".to_owned(),
                Err(other) => format!("; {other:?}"),
            },
        };
        format!("{decision}; {balance} credits{held}")
    }

    /// Asks in a task of its own.
    pub(super) fn ask_early(&self) -> JoinHandle<String> {
        let place = self.clone();
        tokio::spawn(async move { place.ask().await })
    }

    pub(super) async fn close(self) {
        for node in [self.node, self.office] {
            node.ringyo.shutdown().await.unwrap();
        }
    }

    fn account(&self) -> &AccountId {
        &self.key.record.account
    }

    fn caller(&self) -> &LiveCaller {
        self.caller.as_ref().unwrap()
    }

    fn held(&self) -> &Reservation {
        self.held.as_ref().unwrap()
    }
}

impl Node {
    /// A node to which the feed tells nothing until its door is opened.
    async fn new(store: &Arc<dyn Store>) -> Self {
        let door = Watched::before(store.clone());
        let clock = ManualClock::new(START);
        let ringyo = Ringyo::builder(unlimited(), peppers())
            .store(door.clone())
            .clock(clock.clone())
            .max_staleness(STALENESS)
            .store_deadline(Duration::from_secs(30))
            .build()
            .await
            .unwrap();
        door.set_feed_down(true);
        Self {
            ringyo,
            door,
            clock,
        }
    }

    pub(super) async fn accepts(&self, key: &IssuedKey) -> bool {
        authenticate(&self.ringyo, key).await.is_ok()
    }
}

fn id(text: &str) -> OperationId {
    OperationId::new(text).unwrap()
}
