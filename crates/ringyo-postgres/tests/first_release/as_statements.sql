SELECT string_agg(format(
    'INSERT INTO events (revision, at, kind, actor, address, account, key, detail) OVERRIDING SYSTEM VALUE VALUES (%L, %L, %L, %L, %L, %L, %L, %L);',
    revision, at, kind, actor, address, account, key, detail), E'\n' ORDER BY revision)
FROM events;
SELECT string_agg(format(
    'INSERT INTO accounts (id, plan, created_at, revision) VALUES (%L, %L, %L, %L);',
    id, plan, created_at, revision), E'\n' ORDER BY id)
FROM accounts;
SELECT string_agg(format(
    'INSERT INTO keys (id, account, mode, hint, digest, pepper, name, description, scopes, quota_per_minute, quota_burst, allowed_networks, status, created_at, expires_at, revoked_at, replaced_by, superseded_at, revision) VALUES (%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L);',
    id, account, mode, hint, digest, pepper, name, description, scopes, quota_per_minute, quota_burst, allowed_networks, status, created_at, expires_at, revoked_at, replaced_by, superseded_at, revision), E'\n' ORDER BY id)
FROM keys;
SELECT string_agg(format(
    'INSERT INTO key_usage (key, last_used_at) VALUES (%L, %L);',
    key, last_used_at), E'\n' ORDER BY key)
FROM key_usage;
SELECT string_agg(format(
    'INSERT INTO wallet_operations (account, operation, kind, amount, state, key, at, settled_at) VALUES (%L, %L, %L, %L, %L, %L, %L, %L);',
    account, operation, kind, amount, state, key, at, settled_at), E'\n' ORDER BY operation)
FROM wallet_operations;
SELECT string_agg(format(
    'UPDATE wallets SET balance = %L WHERE account = %L;', balance, account),
    E'\n' ORDER BY account)
FROM wallets;
