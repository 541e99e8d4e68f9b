-- Texts are compared byte for byte (BINARY, SQLite's default). Times are RFC 3339 in UTC with
-- three decimals, so that they sort as text. Tables are WITHOUT ROWID where a hidden number would
-- be a second way to replace a row.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('store_id', lower(hex(randomblob(8))));

CREATE TABLE accounts (
    id         TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
    plan       TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.???Z'),
    revision   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE wallets (
    account TEXT PRIMARY KEY REFERENCES accounts (id),
    balance INTEGER NOT NULL DEFAULT 0 CHECK (balance >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE wallet_operations (
    account    TEXT NOT NULL REFERENCES accounts (id),
    operation  TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('grant', 'debit')),
    amount     INTEGER NOT NULL CHECK (amount >= 0),
    state      TEXT NOT NULL CHECK (state IN ('reserved', 'committed', 'refunded')),
    key        TEXT CHECK (length(key) = 12),
    at         TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??.???Z'),
    settled_at TEXT CHECK (settled_at GLOB '????-??-??T??:??:??.???Z'),
    PRIMARY KEY (account, operation)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id               TEXT PRIMARY KEY CHECK (length(id) = 12 AND id NOT GLOB '*[^0-9A-Za-z]*'),
    account          TEXT NOT NULL REFERENCES accounts (id),
    mode             TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    hint             TEXT NOT NULL,
    digest           TEXT NOT NULL CHECK (length(digest) = 64 AND digest NOT GLOB '*[^0-9a-f]*'),
    pepper           INTEGER CHECK (pepper BETWEEN 1 AND 65535),
    name             TEXT NOT NULL,
    description      TEXT,
    scopes           TEXT NOT NULL,
    quota_per_minute INTEGER CHECK (quota_per_minute BETWEEN 1 AND 4294967295),
    quota_burst      INTEGER CHECK (quota_burst BETWEEN 1 AND 4294967295),
    allowed_networks TEXT NOT NULL DEFAULT '',
    status           TEXT NOT NULL DEFAULT 'active'
                     CHECK (status IN ('active', 'disabled', 'superseded', 'revoked')),
    created_at       TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.???Z'),
    expires_at       TEXT CHECK (expires_at GLOB '????-??-??T??:??:??.???Z'),
    revoked_at       TEXT CHECK (revoked_at GLOB '????-??-??T??:??:??.???Z'),
    replaced_by      TEXT CHECK (length(replaced_by) = 12
                                 AND replaced_by NOT GLOB '*[^0-9A-Za-z]*'),
    superseded_at    TEXT CHECK (superseded_at GLOB '????-??-??T??:??:??.???Z'),
    revision         INTEGER NOT NULL DEFAULT 0,
    CHECK (quota_burst IS NULL OR quota_per_minute IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_account ON keys (account, created_at DESC, id DESC);
CREATE INDEX keys_by_creation ON keys (created_at DESC, id DESC);

-- Apart from `keys`: a time of use is no change of the key.
CREATE TABLE key_usage (
    key          TEXT PRIMARY KEY,
    last_used_at TEXT NOT NULL CHECK (last_used_at GLOB '????-??-??T??:??:??.???Z')
) STRICT, WITHOUT ROWID;

-- The audit trail, and the log that tells who keeps copies what to forget.
CREATE TABLE events (
    revision INTEGER PRIMARY KEY AUTOINCREMENT CHECK (revision > 0),
    at       TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??.???Z'),
    kind     TEXT NOT NULL,
    actor    TEXT NOT NULL,
    address  TEXT,
    account  TEXT NOT NULL,
    key      TEXT CHECK (length(key) = 12),
    detail   TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX events_by_account ON events (account, revision);
CREATE INDEX events_by_key ON events (key, revision) WHERE key IS NOT NULL;

-- Nothing that was is unmade. REPLACE fires no delete trigger, hence the checks before inserts.

CREATE TRIGGER accounts_once BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'an account of that id exists'); END;

CREATE TRIGGER accounts_kept BEFORE DELETE ON accounts
BEGIN SELECT RAISE(ABORT, 'accounts are kept, keys and events point to them'); END;

CREATE TRIGGER accounts_fixed BEFORE UPDATE ON accounts
WHEN (NEW.id, NEW.created_at) IS NOT (OLD.id, OLD.created_at)
BEGIN SELECT RAISE(ABORT, 'the id and the creation of an account never change'); END;

CREATE TRIGGER wallets_kept BEFORE DELETE ON wallets
BEGIN SELECT RAISE(ABORT, 'a wallet stays as long as its account'); END;

CREATE TRIGGER keys_once BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM keys WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the id of a key is never used twice'); END;

CREATE TRIGGER keys_owned BEFORE INSERT ON keys
WHEN NOT EXISTS (SELECT 1 FROM accounts WHERE id = NEW.account)
BEGIN SELECT RAISE(ABORT, 'there is no account of that id'); END;

CREATE TRIGGER keys_kept BEFORE DELETE ON keys
BEGIN SELECT RAISE(ABORT, 'keys are kept, set the status to revoked instead'); END;

CREATE TRIGGER keys_fixed BEFORE UPDATE ON keys
WHEN (NEW.id, NEW.account, NEW.mode, NEW.hint, NEW.digest, NEW.pepper, NEW.created_at)
  IS NOT (OLD.id, OLD.account, OLD.mode, OLD.hint, OLD.digest, OLD.pepper, OLD.created_at)
BEGIN SELECT RAISE(ABORT, 'what a key was issued with never changes'); END;

-- A revision may still rise and a missing time of revocation be filled in: `keys_edited` does.
CREATE TRIGGER keys_stay_revoked BEFORE UPDATE ON keys
WHEN OLD.status = 'revoked' AND (
    (NEW.status, NEW.name, NEW.description, NEW.scopes, NEW.quota_per_minute, NEW.quota_burst,
     NEW.allowed_networks, NEW.expires_at, NEW.replaced_by, NEW.superseded_at)
  IS NOT
    (OLD.status, OLD.name, OLD.description, OLD.scopes, OLD.quota_per_minute, OLD.quota_burst,
     OLD.allowed_networks, OLD.expires_at, OLD.replaced_by, OLD.superseded_at)
  OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at))
BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END;

CREATE TRIGGER events_once BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE revision = NEW.revision)
BEGIN SELECT RAISE(ABORT, 'an event is never replaced'); END;

-- Whoever follows the log never looks back; and a number far ahead would use all others up.
CREATE TRIGGER events_in_order AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE revision > NEW.revision)
  OR NEW.revision > 1000 + (SELECT coalesce(max(revision), 0) FROM events
                            WHERE revision < NEW.revision)
BEGIN SELECT RAISE(ABORT, 'events are numbered upwards, one after the other'); END;

CREATE TRIGGER events_fixed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events never change'); END;

CREATE TRIGGER events_kept BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are kept'); END;

-- A row carries the revision of an event about it. A new row without one, or a change that keeps
-- it, was made by hand: the triggers at the end write the event then.

CREATE TRIGGER accounts_inserted_with_event BEFORE INSERT ON accounts
WHEN NEW.revision <> 0
 AND NOT EXISTS (SELECT 1 FROM events WHERE revision = NEW.revision AND account = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a revision is the number of an event, leave it out'); END;

CREATE TRIGGER accounts_updated_with_event BEFORE UPDATE ON accounts
WHEN NEW.revision <> OLD.revision
 AND (NEW.revision < OLD.revision
      OR NOT EXISTS (SELECT 1 FROM events WHERE revision = NEW.revision AND account = NEW.id))
BEGIN SELECT RAISE(ABORT, 'a revision is the number of an event, leave it out'); END;

CREATE TRIGGER keys_inserted_with_event BEFORE INSERT ON keys
WHEN NEW.revision <> 0
 AND NOT EXISTS (SELECT 1 FROM events WHERE revision = NEW.revision AND account = NEW.account)
BEGIN SELECT RAISE(ABORT, 'a revision is the number of an event, leave it out'); END;

CREATE TRIGGER keys_updated_with_event BEFORE UPDATE ON keys
WHEN NEW.revision <> OLD.revision
 AND (NEW.revision < OLD.revision
      OR NOT EXISTS (SELECT 1 FROM events WHERE revision = NEW.revision AND key = NEW.id))
BEGIN SELECT RAISE(ABORT, 'a revision is the number of an event, leave it out'); END;

CREATE TRIGGER accounts_get_a_wallet AFTER INSERT ON accounts
BEGIN
    INSERT INTO wallets (account) VALUES (NEW.id);
END;

CREATE TRIGGER accounts_inserted AFTER INSERT ON accounts
WHEN NEW.revision = 0
BEGIN
    INSERT INTO events (at, kind, actor, account, detail)
    VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'account.edited', 'sql', NEW.id, 'inserted');
    UPDATE accounts SET revision = (SELECT max(revision) FROM events) WHERE id = NEW.id;
END;

CREATE TRIGGER accounts_edited AFTER UPDATE ON accounts
WHEN NEW.revision = OLD.revision
BEGIN
    INSERT INTO events (at, kind, actor, account, detail)
    VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'account.edited', 'sql', NEW.id,
            iif(NEW.plan <> OLD.plan, 'plan ' || OLD.plan || ' to ' || NEW.plan, ''));
    UPDATE accounts SET revision = (SELECT max(revision) FROM events) WHERE id = NEW.id;
END;

CREATE TRIGGER keys_inserted AFTER INSERT ON keys
WHEN NEW.revision = 0
BEGIN
    INSERT INTO events (at, kind, actor, account, key, detail)
    VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'key.edited', 'sql', NEW.account, NEW.id,
            'inserted');
    UPDATE keys SET revision = (SELECT max(revision) FROM events) WHERE id = NEW.id;
END;

CREATE TRIGGER keys_edited AFTER UPDATE ON keys
WHEN NEW.revision = OLD.revision
BEGIN
    INSERT INTO events (at, kind, actor, account, key, detail)
    VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'key.edited', 'sql', NEW.account, NEW.id,
            rtrim(iif(NEW.status <> OLD.status,
                      'status ' || OLD.status || ' to ' || NEW.status || ', ', '')
               || iif(NEW.name <> OLD.name, 'name, ', '')
               || iif(NEW.description IS NOT OLD.description, 'description, ', '')
               || iif(NEW.scopes <> OLD.scopes,
                      'scopes ' || OLD.scopes || ' to ' || NEW.scopes || ', ', '')
               || iif((NEW.quota_per_minute, NEW.quota_burst)
                      IS NOT (OLD.quota_per_minute, OLD.quota_burst), 'quota, ', '')
               || iif(NEW.allowed_networks <> OLD.allowed_networks, 'allowed networks, ', '')
               || iif(NEW.expires_at IS NOT OLD.expires_at, 'expiry, ', '')
               || iif(NEW.revoked_at IS NOT OLD.revoked_at, 'time of revocation, ', '')
               || iif((NEW.replaced_by, NEW.superseded_at)
                      IS NOT (OLD.replaced_by, OLD.superseded_at), 'replacement, ', ''), ', '));
    UPDATE keys
    SET revision = (SELECT max(revision) FROM events),
        revoked_at = iif(NEW.status = 'revoked',
                         coalesce(NEW.revoked_at, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
                         NEW.revoked_at)
    WHERE id = NEW.id;
END;
