-- Runs with a search path of the store's schema alone. Functions keep that path, so that a change
-- made by hand finds the tables whatever the path of whoever makes it.
--
-- Texts are compared byte for byte (COLLATE "C"), whatever the database is set to. Times are
-- rounded to milliseconds when they are stored, and lie in the range of the library.

CREATE TABLE meta (
    name  text COLLATE "C" PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

-- `pruned_xid`: every event that has been pruned was written by this transaction or one before it.
INSERT INTO meta (name, value)
VALUES ('store_id', replace(gen_random_uuid()::text, '-', '')), ('pruned_xid', '0');

CREATE TABLE accounts (
    id         text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9A-Za-z._~:@-]{1,128}$'),
    plan       text COLLATE "C" NOT NULL,
    created_at timestamptz(3) NOT NULL
               CHECK (created_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    revision   bigint NOT NULL DEFAULT 0
);

-- A balance changes often and its row is small: there is room for the next version beside it.
CREATE TABLE wallets (
    account text COLLATE "C" PRIMARY KEY REFERENCES accounts (id),
    balance bigint NOT NULL DEFAULT 0 CHECK (balance >= 0)
) WITH (fillfactor = 50);

-- Written by the functions at the end alone, under the lock of the wallet's row. A foreign key
-- would lock the row of the account once more for each entry.
CREATE TABLE wallet_operations (
    account    text COLLATE "C" NOT NULL,
    operation  text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL CHECK (kind IN ('grant', 'debit')),
    amount     bigint NOT NULL CHECK (amount >= 0),
    state      text COLLATE "C" NOT NULL CHECK (state IN ('reserved', 'committed', 'refunded')),
    key        text COLLATE "C" CHECK (length(key) = 12),
    at         timestamptz(3) NOT NULL
               CHECK (at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    settled_at timestamptz(3)
               CHECK (settled_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    PRIMARY KEY (account, operation)
);

CREATE TABLE keys (
    id               text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9A-Za-z]{12}$'),
    account          text COLLATE "C" NOT NULL REFERENCES accounts (id),
    mode             text COLLATE "C" NOT NULL CHECK (mode IN ('live', 'test')),
    hint             text COLLATE "C" NOT NULL,
    digest           text COLLATE "C" NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    pepper           integer CHECK (pepper BETWEEN 1 AND 65535),
    name             text COLLATE "C" NOT NULL,
    description      text COLLATE "C",
    scopes           text COLLATE "C" NOT NULL,
    quota_per_minute bigint CHECK (quota_per_minute BETWEEN 1 AND 4294967295),
    quota_burst      bigint CHECK (quota_burst BETWEEN 1 AND 4294967295),
    allowed_networks text COLLATE "C" NOT NULL DEFAULT '',
    status           text COLLATE "C" NOT NULL DEFAULT 'active'
                     CHECK (status IN ('active', 'disabled', 'superseded', 'revoked')),
    created_at       timestamptz(3) NOT NULL
                     CHECK (created_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    expires_at       timestamptz(3)
                     CHECK (expires_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    revoked_at       timestamptz(3)
                     CHECK (revoked_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    replaced_by      text COLLATE "C" CHECK (replaced_by ~ '^[0-9A-Za-z]{12}$'),
    superseded_at    timestamptz(3)
                     CHECK (superseded_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    revision         bigint NOT NULL DEFAULT 0,
    CHECK (quota_burst IS NULL OR quota_per_minute IS NOT NULL)
);

CREATE INDEX keys_by_account ON keys (account, created_at DESC, id DESC);
CREATE INDEX keys_by_creation ON keys (created_at DESC, id DESC);

-- Apart from `keys`: a time of use is no change of the key. No index on the time, and room in each
-- page, so that a new time takes the place of the old one without touching an index.
CREATE TABLE key_usage (
    key          text COLLATE "C" PRIMARY KEY,
    last_used_at timestamptz(3) NOT NULL
                 CHECK (last_used_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z')
) WITH (fillfactor = 60);

-- The audit trail, and the log that tells who keeps copies what to forget. Numbers rise in the
-- order of writing, not of committing; `xid`, the transaction that wrote the event, is what the
-- log is read by.
CREATE TABLE events (
    revision bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at       timestamptz(3) NOT NULL
             CHECK (at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59.999Z'),
    kind     text COLLATE "C" NOT NULL,
    actor    text COLLATE "C" NOT NULL,
    address  text COLLATE "C",
    account  text COLLATE "C" NOT NULL,
    key      text COLLATE "C" CHECK (length(key) = 12),
    detail   text COLLATE "C" NOT NULL DEFAULT ''
);

CREATE INDEX events_by_xid ON events (xid);
CREATE INDEX events_by_account ON events (account, revision);
CREATE INDEX events_by_key ON events (key, revision) WHERE key IS NOT NULL;

-- Nothing that was is unmade.

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END $$;

CREATE TRIGGER accounts_kept BEFORE DELETE ON accounts FOR EACH ROW
EXECUTE FUNCTION refuse('accounts are kept, keys and events point to them');
CREATE TRIGGER accounts_kept_whole BEFORE TRUNCATE ON accounts
EXECUTE FUNCTION refuse('accounts are kept, keys and events point to them');

CREATE TRIGGER wallets_kept BEFORE DELETE ON wallets FOR EACH ROW
EXECUTE FUNCTION refuse('a wallet stays as long as its account');
CREATE TRIGGER wallets_kept_whole BEFORE TRUNCATE ON wallets
EXECUTE FUNCTION refuse('a wallet stays as long as its account');

CREATE TRIGGER keys_kept BEFORE DELETE ON keys FOR EACH ROW
EXECUTE FUNCTION refuse('keys are kept, set the status to revoked instead');
CREATE TRIGGER keys_kept_whole BEFORE TRUNCATE ON keys
EXECUTE FUNCTION refuse('keys are kept, set the status to revoked instead');

CREATE TRIGGER events_fixed BEFORE UPDATE ON events FOR EACH ROW
EXECUTE FUNCTION refuse('events never change');
CREATE TRIGGER events_kept_whole BEFORE TRUNCATE ON events
EXECUTE FUNCTION refuse('events are kept');

-- Pruning moves the mark first, in the same transaction: a follower that has not read what goes
-- will see that it cannot know.
CREATE FUNCTION keep_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.xid <= (SELECT value::xid8 FROM meta WHERE name = 'pruned_xid'
                   AND value::xid8 < pg_snapshot_xmax(pg_current_snapshot())) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'events are kept';
END $$;

CREATE TRIGGER events_kept BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION keep_event();

-- The mark says what is gone for good, so it only rises; and never to where somebody still writes.
CREATE FUNCTION check_meta() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.name = 'pruned_xid' AND (
        NEW.name <> OLD.name
        OR NEW.value::xid8 < OLD.value::xid8
        OR NEW.value::xid8 >= pg_snapshot_xmin(pg_current_snapshot()))
    THEN
        RAISE EXCEPTION 'the mark of what has been pruned only rises, up to what is finished';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER meta_checked BEFORE UPDATE ON meta FOR EACH ROW EXECUTE FUNCTION check_meta();

-- Nobody chooses the transaction of an event: whoever follows the log goes by it.
CREATE FUNCTION stamp_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE TRIGGER events_stamped BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION stamp_event();

-- A hint for whoever listens, one for a transaction however many events it writes.
CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_SCHEMA, '');
    RETURN NULL;
END $$;

CREATE TRIGGER events_announced AFTER INSERT ON events EXECUTE FUNCTION announce();

-- A row carries the revision of an event that the same transaction has written about it. A new row
-- without one, or a change that keeps it, was made by hand: its event is written here.

CREATE FUNCTION check_account() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    by_hand boolean := NEW.revision = 0;
    what text := 'inserted';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.created_at) THEN
            RAISE EXCEPTION 'the id and the creation of an account never change';
        END IF;
        by_hand := NEW.revision = OLD.revision;
        what := CASE WHEN NEW.plan <> OLD.plan THEN 'plan ' || OLD.plan || ' to ' || NEW.plan
                     ELSE '' END;
    END IF;
    IF by_hand THEN
        INSERT INTO events (at, kind, actor, account, detail)
        VALUES (clock_timestamp(), 'account.edited', 'sql', NEW.id, what)
        RETURNING revision INTO NEW.revision;
    ELSIF (TG_OP = 'UPDATE' AND NEW.revision < OLD.revision)
       OR NOT EXISTS (SELECT FROM events WHERE revision = NEW.revision AND account = NEW.id
                      AND xid = pg_current_xact_id())
    THEN
        RAISE EXCEPTION 'a revision is the number of an event, leave it out';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER accounts_checked BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW
EXECUTE FUNCTION check_account();

CREATE FUNCTION add_wallet() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO wallets (account) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_get_a_wallet AFTER INSERT ON accounts FOR EACH ROW
EXECUTE FUNCTION add_wallet();

CREATE FUNCTION check_key() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    by_hand boolean := NEW.revision = 0;
    what text := 'inserted';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.account, NEW.mode, NEW.hint, NEW.digest, NEW.pepper, NEW.created_at)
            IS DISTINCT FROM
           (OLD.id, OLD.account, OLD.mode, OLD.hint, OLD.digest, OLD.pepper, OLD.created_at)
        THEN
            RAISE EXCEPTION 'what a key was issued with never changes';
        END IF;
        -- A missing time of revocation may be filled in: below it is.
        IF OLD.status = 'revoked' AND (
            (NEW.status, NEW.name, NEW.description, NEW.scopes, NEW.quota_per_minute,
             NEW.quota_burst, NEW.allowed_networks, NEW.expires_at, NEW.replaced_by,
             NEW.superseded_at)
            IS DISTINCT FROM
            (OLD.status, OLD.name, OLD.description, OLD.scopes, OLD.quota_per_minute,
             OLD.quota_burst, OLD.allowed_networks, OLD.expires_at, OLD.replaced_by,
             OLD.superseded_at)
            OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at))
        THEN
            RAISE EXCEPTION 'a revoked key stays revoked';
        END IF;
        by_hand := NEW.revision = OLD.revision;
        what := concat_ws(', ',
            CASE WHEN NEW.status <> OLD.status
                 THEN 'status ' || OLD.status || ' to ' || NEW.status END,
            CASE WHEN NEW.name <> OLD.name THEN 'name' END,
            CASE WHEN NEW.description IS DISTINCT FROM OLD.description THEN 'description' END,
            CASE WHEN NEW.scopes <> OLD.scopes
                 THEN 'scopes ' || OLD.scopes || ' to ' || NEW.scopes END,
            CASE WHEN (NEW.quota_per_minute, NEW.quota_burst)
                      IS DISTINCT FROM (OLD.quota_per_minute, OLD.quota_burst) THEN 'quota' END,
            CASE WHEN NEW.allowed_networks <> OLD.allowed_networks THEN 'allowed networks' END,
            CASE WHEN NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN 'expiry' END,
            CASE WHEN NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
                 THEN 'time of revocation' END,
            CASE WHEN (NEW.replaced_by, NEW.superseded_at)
                      IS DISTINCT FROM (OLD.replaced_by, OLD.superseded_at)
                 THEN 'replacement' END);
    END IF;
    IF by_hand THEN
        IF NEW.status = 'revoked' THEN
            NEW.revoked_at := coalesce(NEW.revoked_at, clock_timestamp());
        END IF;
        INSERT INTO events (at, kind, actor, account, key, detail)
        VALUES (clock_timestamp(), 'key.edited', 'sql', NEW.account, NEW.id, what)
        RETURNING revision INTO NEW.revision;
    ELSIF (TG_OP = 'UPDATE' AND NEW.revision < OLD.revision)
       -- A new key may come with an event about the one that it replaces.
       OR NOT EXISTS (SELECT FROM events WHERE revision = NEW.revision AND account = NEW.account
                      AND (TG_OP = 'INSERT' OR key = NEW.id) AND xid = pg_current_xact_id())
    THEN
        RAISE EXCEPTION 'a revision is the number of an event, leave it out';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keys_checked BEFORE INSERT OR UPDATE ON keys FOR EACH ROW
EXECUTE FUNCTION check_key();

-- The wallet, one round trip for each call. What a change means is decided by the library, from
-- what these give back; what they write is guarded here, under the lock of the wallet's row.

-- Begins operations of one account, in order. Without such an account there is no row. If all are
-- done there is one row, `all`, with the balance from before; otherwise one for each: `done`,
-- `known` with the entry as it stands, or `refused`, with the balance from before it. An amount of
-- NULL is above every balance. No operation may be named twice.
CREATE FUNCTION wallet_begin(
    whose text, operations text[], kinds text[], amounts bigint[], states text[], spenders text[],
    moments timestamptz[])
RETURNS TABLE (
    outcome text, before bigint, kind text, amount bigint, state text, key text, at timestamptz)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    balance_now bigint;
    total numeric;
    written boolean := false;
BEGIN
    SELECT wallets.balance INTO balance_now FROM wallets
    WHERE wallets.account = whose FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Many debits that can all be paid are one insert and one update.
    IF cardinality(operations) > 1 AND 'debit' = ALL (kinds)
       AND array_position(amounts, NULL) IS NULL
    THEN
        total := (SELECT sum(one) FROM unnest(amounts) AS one);
        IF total <= balance_now AND NOT EXISTS (
            SELECT FROM wallet_operations AS entry
            WHERE entry.account = whose AND entry.operation = ANY (operations))
        THEN
            INSERT INTO wallet_operations (account, operation, kind, amount, state, key, at)
            SELECT whose, new.* FROM
                unnest(operations, kinds, amounts, states, spenders, moments) AS new;
            UPDATE wallets SET balance = balance_now - total WHERE wallets.account = whose;
            RETURN QUERY SELECT 'all', balance_now, NULL, NULL::bigint, NULL, NULL,
                                NULL::timestamptz;
            RETURN;
        END IF;
    END IF;
    FOR place IN 1 .. cardinality(operations) LOOP
        SELECT 'known', entry.kind, entry.amount, entry.state, entry.key, entry.at
        INTO outcome, kind, amount, state, key, at
        FROM wallet_operations AS entry
        WHERE entry.account = whose AND entry.operation = operations[place];
        before := balance_now;
        IF NOT FOUND THEN
            outcome := 'refused';
            IF (CASE kinds[place]
                    WHEN 'debit' THEN amounts[place] <= balance_now
                    ELSE amounts[place] <= 9223372036854775807 - balance_now
                END)
            THEN
                INSERT INTO wallet_operations (account, operation, kind, amount, state, key, at)
                VALUES (whose, operations[place], kinds[place], amounts[place], states[place],
                        spenders[place], moments[place]);
                outcome := 'done';
                written := true;
                balance_now := CASE kinds[place]
                    WHEN 'debit' THEN balance_now - amounts[place]
                    ELSE balance_now + amounts[place]
                END;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF written THEN
        UPDATE wallets SET balance = balance_now WHERE wallets.account = whose;
    END IF;
END $$;

-- Commits or refunds a held debit if that can be done, and gives the balance and the entry from
-- before. Without such an account there is no row, without such an entry its columns are empty.
CREATE FUNCTION wallet_settle(whose text, named text, becomes text, moment timestamptz)
RETURNS TABLE (
    before bigint, kind text, amount bigint, state text, key text, at timestamptz)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    -- The wallet before the entry, as everywhere; whoever commits leaves the balance alone.
    IF becomes = 'refunded' THEN
        PERFORM FROM wallets WHERE wallets.account = whose FOR NO KEY UPDATE;
    END IF;
    SELECT entry.kind, entry.amount, entry.state, entry.key, entry.at
    INTO kind, amount, state, key, at
    FROM wallet_operations AS entry
    WHERE entry.account = whose AND entry.operation = named FOR NO KEY UPDATE;
    SELECT wallets.balance INTO before FROM wallets WHERE wallets.account = whose;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF kind = 'debit' AND state = 'reserved' AND (
        becomes = 'committed'
        OR (becomes = 'refunded' AND amount <= 9223372036854775807 - before))
    THEN
        UPDATE wallet_operations AS entry SET state = becomes, settled_at = moment
        WHERE entry.account = whose AND entry.operation = named;
        IF becomes = 'refunded' THEN
            UPDATE wallets SET balance = balance + amount WHERE wallets.account = whose;
        END IF;
    END IF;
    RETURN NEXT;
END $$;
