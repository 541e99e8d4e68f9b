//! limitador with its storage in Redis, as its page says to use it.

use std::collections::HashMap;

use limitador::AsyncRateLimiter;
use limitador::limit::{Context, Limit, Namespace};
use limitador::storage::redis::AsyncRedisStorage;

use crate::race::contenders::{Answer, Contender};

const NAMESPACE: &str = "race";

pub(crate) struct Limitador {
    limiter: AsyncRateLimiter,
    namespace: Namespace,
}

impl Limitador {
    pub(crate) async fn on(address: &str) -> Self {
        let storage = AsyncRedisStorage::new(address).await.unwrap();
        let limiter = AsyncRateLimiter::new_with_storage(Box::new(storage));
        // So much that nobody is refused; one counter for each account.
        let each = vec!["account".try_into().unwrap()];
        limiter.add_limit(Limit::new(NAMESPACE, 6_000_000, 60, vec![], each));
        Self {
            limiter,
            namespace: NAMESPACE.into(),
        }
    }
}

impl Contender for Limitador {
    fn name(&self) -> &'static str {
        "limitador"
    }

    fn ask<'a>(&'a self, account: &'a str) -> Answer<'a> {
        Box::pin(async move {
            let values = HashMap::from([("account".to_owned(), account.to_owned())]);
            let context = Context::from(values);
            let checked = self
                .limiter
                .check_rate_limited_and_update(&self.namespace, &context, 1);
            !checked.await.unwrap().limited
        })
    }
}
