SELECT group_concat(
    'INSERT INTO events (revision, at, kind, actor, address, account, key, detail) VALUES (' ||
    quote(revision) || ', ' ||
    quote(at) || ', ' ||
    quote(kind) || ', ' ||
    quote(actor) || ', ' ||
    quote(address) || ', ' ||
    quote(account) || ', ' ||
    quote(key) || ', ' ||
    quote(detail) || ');', char(10) ORDER BY revision)
FROM events;
SELECT group_concat(
    'INSERT INTO accounts (id, plan, created_at, revision) VALUES (' ||
    quote(id) || ', ' ||
    quote(plan) || ', ' ||
    quote(created_at) || ', ' ||
    quote(revision) || ');', char(10) ORDER BY id)
FROM accounts;
SELECT group_concat(
    'INSERT INTO keys (id, account, mode, hint, digest, pepper, name, description, scopes, quota_per_minute, quota_burst, allowed_networks, status, created_at, expires_at, revoked_at, replaced_by, superseded_at, revision) VALUES (' ||
    quote(id) || ', ' ||
    quote(account) || ', ' ||
    quote(mode) || ', ' ||
    quote(hint) || ', ' ||
    quote(digest) || ', ' ||
    quote(pepper) || ', ' ||
    quote(name) || ', ' ||
    quote(description) || ', ' ||
    quote(scopes) || ', ' ||
    quote(quota_per_minute) || ', ' ||
    quote(quota_burst) || ', ' ||
    quote(allowed_networks) || ', ' ||
    quote(status) || ', ' ||
    quote(created_at) || ', ' ||
    quote(expires_at) || ', ' ||
    quote(revoked_at) || ', ' ||
    quote(replaced_by) || ', ' ||
    quote(superseded_at) || ', ' ||
    quote(revision) || ');', char(10) ORDER BY id)
FROM keys;
SELECT group_concat(
    'INSERT INTO key_usage (key, last_used_at) VALUES (' ||
    quote(key) || ', ' ||
    quote(last_used_at) || ');', char(10) ORDER BY key)
FROM key_usage;
SELECT group_concat(
    'INSERT INTO wallet_operations (account, operation, kind, amount, state, key, at, settled_at) VALUES (' ||
    quote(account) || ', ' ||
    quote(operation) || ', ' ||
    quote(kind) || ', ' ||
    quote(amount) || ', ' ||
    quote(state) || ', ' ||
    quote(key) || ', ' ||
    quote(at) || ', ' ||
    quote(settled_at) || ');', char(10) ORDER BY operation)
FROM wallet_operations;
SELECT group_concat(
    'UPDATE wallets SET balance = ' || balance || ' WHERE account = ' || quote(account) || ';',
    char(10) ORDER BY account)
FROM wallets;
