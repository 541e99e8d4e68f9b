//! What happens in the model, what can go wrong in it, and what must hold.

use stateright::{Model, Property};

use crate::node::State;

/// For how long a reading is believed, in ticks.
pub(crate) const BOUND: u8 = 1;

/// What a setting of the model can do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A load publishes although it was fenced off.
    PublishesAnyway,
    /// The cell of an account is retired first, and loads are fenced off second.
    CellFirst,
    /// Only the cell of an account is retired.
    CellOnly,
    /// Nobody joins a load.
    NobodyJoins,
    /// A load is joined however long ago it asked.
    JoinsAnyAge,
    /// The age of a reading counts from when its answer came.
    AgesFromAnswer,
    /// The feed vouches as of when its answer came.
    ConfirmsAtAnswer,
    /// The feed vouches before what it told is forgotten.
    ConfirmsFirst,
}

/// Who changes what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The key, on this node.
    Key,
    /// Its account, on this node.
    Account,
    /// The key, on another node.
    KeyElsewhere,
    /// Its account, on another node.
    AccountElsewhere,
}

/// How much happens.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) requests: usize,
    pub(crate) changes: Vec<Change>,
    /// How often the feed is read at most. It may be read less often: what is not told is lost.
    pub(crate) rounds: u8,
    pub(crate) ticks: u8,
    pub(crate) fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Tick,
    /// The next step of that change, request, load or of the feed.
    Change(usize),
    Request(usize),
    Load(usize),
    Feed,
}

/// No request that starts after a change was made known here is decided by the old state.
pub(crate) const TOLD: &str = "what was made known holds for whoever starts later";
/// No request is decided by what had ended longer ago than the bound when it started.
pub(crate) const BOUNDED: &str = "nothing older than the bound is believed";
/// What is cached and would be handed out is no older than what was made known.
pub(crate) const FENCED: &str = "a load that began before a change does not publish after it";
/// Only one load is under way that nothing has fenced off.
pub(crate) const SINGLE: &str = "requests share one load";

impl Model for Setting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Tick, Action::Feed]);
        actions.extend((0..self.changes.len()).map(Action::Change));
        actions.extend((0..self.requests).map(Action::Request));
        actions.extend((0..self.requests).map(Action::Load));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Tick => next.tick(self.ticks),
            Action::Change(change) => next.change(change, self),
            Action::Request(request) => next.request(request, self.fault),
            Action::Load(load) => next.load(load, self.fault),
            Action::Feed => next.follow(self),
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(TOLD, |_, state: &State| !state.seen().untold),
            Property::always(BOUNDED, |_, state: &State| !state.seen().unbounded),
            Property::always(FENCED, |_, state: &State| state.is_fenced()),
            Property::always(SINGLE, |_, state: &State| state.open_loads() <= 1),
            // The controls: what the model is about does happen in it.
            Property::sometimes("the cache decides", |_, state: &State| {
                state.seen().from_cache
            }),
            Property::sometimes("a load is fenced off", |_, state: &State| {
                state.has_fenced_load()
            }),
            Property::sometimes("an early request sees the old state", |_, state: &State| {
                state.seen().old_state
            }),
            Property::sometimes("a late request sees the new state", |_, state: &State| {
                state.seen().new_state
            }),
        ]
    }
}
