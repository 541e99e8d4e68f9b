//! The operations, one row each: what is so before, what each does, and what is so afterwards.

/// What changes something. `sources` knows when one is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Issue,
    Import,
    Edit,
    Rename,
    SetScopes,
    Disable,
    Enable,
    Revoke,
    ReportLeaked,
    Regenerate,
    CreateAccount,
    SetPlan,
    Grant,
    Charge,
    Reserve,
    Commit,
    Refund,
    RefundAbandoned,
}

const WORKS: &str = "Server may * on open; 5 credits";
const DISABLED: &str = "disabled; 5 credits";
const HELD: &str = "Server may * on open; 3 credits; Reserved";
const GIVEN_BACK: &str = "Server may * on open; 5 credits; given back";

impl Operation {
    pub(super) const ALL: [Self; 18] = [
        Self::Issue,
        Self::Import,
        Self::Edit,
        Self::Rename,
        Self::SetScopes,
        Self::Disable,
        Self::Enable,
        Self::Revoke,
        Self::ReportLeaked,
        Self::Regenerate,
        Self::CreateAccount,
        Self::SetPlan,
        Self::Grant,
        Self::Charge,
        Self::Reserve,
        Self::Commit,
        Self::Refund,
        Self::RefundAbandoned,
    ];

    /// The method that does it.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Issue => "KeyManager::issue",
            Self::Import => "KeyManager::import",
            Self::Edit => "KeyManager::edit",
            Self::Rename => "KeyManager::rename",
            Self::SetScopes => "KeyManager::set_scopes",
            Self::Disable => "KeyManager::disable",
            Self::Enable => "KeyManager::enable",
            Self::Revoke => "KeyManager::revoke",
            Self::ReportLeaked => "KeyManager::report_leaked",
            Self::Regenerate => "KeyManager::regenerate",
            Self::CreateAccount => "Accounts::create",
            Self::SetPlan => "Accounts::set_plan",
            Self::Grant => "Wallet::grant",
            Self::Charge => "Wallet::charge",
            Self::Reserve => "Wallet::reserve",
            Self::Commit => "Wallet::commit",
            Self::Refund => "Wallet::refund",
            Self::RefundAbandoned => "Wallet::refund_abandoned",
        }
    }

    /// What a request with the key is told, and what the wallet holds, before it is done.
    pub(super) const fn before(self) -> &'static str {
        match self {
            Self::Enable => DISABLED,
            Self::Commit | Self::Refund | Self::RefundAbandoned => HELD,
            _ => WORKS,
        }
    }

    /// The same afterwards.
    pub(super) const fn after(self) -> &'static str {
        match self {
            // What they make is new; the key that was there works on.
            Self::Issue | Self::Import | Self::CreateAccount | Self::Enable => WORKS,
            Self::Edit => "Edited may agents:read on open; 5 credits",
            Self::Rename => "Renamed may * on open; 5 credits",
            Self::SetScopes => "Server may calls:read on open; 5 credits",
            Self::Disable => DISABLED,
            Self::Revoke | Self::ReportLeaked => "revoked; 5 credits",
            Self::Regenerate => "superseded; 5 credits",
            Self::SetPlan => "no plan; 5 credits",
            Self::Grant => "Server may * on open; 12 credits",
            Self::Charge | Self::Reserve => "Server may * on open; 3 credits",
            Self::Commit => "Server may * on open; 3 credits; Committed",
            Self::Refund | Self::RefundAbandoned => GIVEN_BACK,
        }
    }

    /// Whether it changes what is remembered of a key. Wallets are not remembered.
    pub(super) fn changes_decision(self) -> bool {
        let is_wallet = self.method().starts_with("Wallet::");
        self.before() != self.after() && !is_wallet
    }
}
