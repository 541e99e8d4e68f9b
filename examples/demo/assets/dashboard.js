// The page of API keys. It lists what the page was given, and from then on speaks the JSON of the
// dashboard. Text from elsewhere becomes text nodes and nothing else.

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- The service

const API = '/dashboard/api';
const { id: ACCOUNT, plan: PLAN } = one('#main').dataset;
/** After how many milliseconds nobody waits any longer. */
const PATIENCE = 30_000;

/** Why something was not done: the error of an answer, or that there was no answer. */
class Refusal extends Error {
  constructor(status, { code = 'unreachable', message, details = {} } = {}) {
    super(message ?? 'The service gave no answer.');
    Object.assign(this, { status, code, details });
  }

  /** Whether it may have been done all the same. */
  get isOpen() {
    return !this.status || this.status >= 500;
  }
}

async function call(path, { method = 'GET', body, signal } = {}) {
  // Another tab may have logged in as somebody else, and the tabs share a session.
  const headers = { 'X-Ringyo-Account': ACCOUNT };
  if (body) headers['Content-Type'] = 'application/json';
  const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
  let response, answer;
  try {
    response = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.any(signals) });
    answer = await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0);
  }
  if (!response.ok) throw new Refusal(response.status, answer.error);
  return answer;
}

const act = (key, action, body) => call(`/keys/${key.id}/${action}`, { method: 'POST', body });

/** A refusal for people. */
function inWords(refusal) {
  switch (refusal.code) {
    case 'login_required': return `You are no longer logged in. Log in again as ${ACCOUNT}, in this tab or another, and repeat this.`;
    case 'other_account': return `This page is of ${ACCOUNT}, and another account has logged in since. Nothing was done.`;
    case 'not_found': return 'This key is no longer there.';
    default: return refusal.message ?? String(refusal);
  }
}

// ---- Making elements

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

const copy = (id) => one(id).content.firstElementChild.cloneNode(true);

/** Says something to those who do not see the page. */
function say(text) {
  one('#status').textContent = text;
}

// ---- Times

const words = new Intl.RelativeTimeFormat('en');
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'long' });
const UNITS = [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600], ['minute', 60]];

function relative(moment) {
  const seconds = Math.round((moment - Date.now()) / 1000);
  // A time chosen a moment ago is in an hour, and not in 60 minutes.
  const size = seconds < 0 ? -seconds : seconds + 30;
  const fits = UNITS.find(([, length]) => size >= length);
  // Clocks that differ a little make no future.
  if (!fits) return seconds > 10 ? 'in less than a minute' : 'just now';
  // What is over is so for that long at least; what is to come is so in about that time.
  const round = seconds < 0 ? Math.trunc : Math.round;
  return words.format(round(seconds / fits[1]), fits[0]);
}

function time(moment) {
  const date = new Date(moment);
  return element('time', relative(date), { datetime: moment, title: exact.format(date) });
}

/** The time itself, for those who cannot hover as well. */
const exactly = (moment) => element('time', exact.format(new Date(moment)), { datetime: moment });

/** Lets the page say what is so by now. */
function keepUp() {
  for (const shown of all('time[title]')) shown.textContent = relative(new Date(shown.dateTime));
  for (const key of keys.values()) if (rowOf(key.id)?.dataset.state !== stateOf(key)) redraw(key);
}

setInterval(keepUp, 20_000);
// Where nobody looks, clocks may stand still.
document.addEventListener('visibilitychange', keepUp);

// ---- The list

const table = one('#keys');
const filter = one('#filter');
const more = one('#more');
const labels = new Map(all('#permissions [value]:not([data-resource])').map((box) => [box.value, one('b', box.parentElement).textContent]));
const keys = new Map();
let cursor = null;
let reading = new AbortController();

const rowOf = (id) => all('tbody tr', table).find((row) => row.dataset.id === id);
/** Where the focus goes when something about a key is done. */
const menuOf = (id) => (rowOf(id) ? one('summary', rowOf(id)) : one('#main'));

/** The state of a key, whose time may have come since it was read. */
function stateOf({ state, expires_at, replaced_by }) {
  const isCurrent = state === 'active' || state === 'disabled';
  if (!isCurrent || !expires_at || new Date(expires_at) > Date.now()) return state;
  return replaced_by ? 'superseded' : 'expired';
}

/** `Agents`, `Calls: read` */
function permission(scope) {
  const [resource, action] = scope.split(/:(.*)/);
  const label = labels.get(resource) ?? resource;
  return !action || action === '*' ? label : `${label}: ${action}`;
}

function draw(key) {
  keys.set(key.id, key);
  const state = stateOf(key);
  const row = copy('#row');
  row.dataset.id = key.id;
  row.dataset.state = state;
  one('.name', row).textContent = key.name;
  one('.description', row).textContent = key.description ?? '';
  one('.hint', row).textContent = key.hint;
  one('.mode', row).textContent = key.mode;
  one('.mode', row).classList.add(key.mode);
  one('.chips', row).append(...key.scopes.map((scope) => element('li', permission(scope))));
  one('.created', row).append(time(key.created_at));
  one('.used', row).append(key.last_used_at ? time(key.last_used_at) : 'never');
  one('.state', row).textContent = state;
  one('.state', row).classList.add(state);
  const isCurrent = state === 'active' || state === 'disabled';
  if (key.expires_at && isCurrent) one('.ends', row).append(key.replaced_by ? 'replaced, ends ' : 'expires ', time(key.expires_at));
  one('.label', row).textContent = `Actions for ${key.name}, ${key.hint}`;
  const possible = {
    rename: isCurrent,
    regenerate: state === 'active' && !key.replaced_by,
    disable: state === 'active',
    enable: state === 'disabled',
    revoke: state !== 'revoked',
    history: true,
  };
  for (const item of all('[data-do]', row)) item.hidden = !possible[item.dataset.do];
  return row;
}

/** Shows a key as it is now. The focus stays where it was, and what somebody types stays as well. */
function redraw(key) {
  const row = rowOf(key.id);
  keys.set(key.id, key);
  if (!row || row.matches('.editing')) return;
  const hadFocus = row.contains(document.activeElement);
  row.replaceWith(draw(key));
  if (hadFocus) menuOf(key.id).focus();
}

/** Puts a part of the list in place of all that is shown, or behind it. */
function show({ data, next_cursor }, isFirst) {
  const body = one('tbody', table);
  if (isFirst) {
    // What somebody is about to rename stays.
    const edited = all('.editing', body);
    const focused = document.activeElement;
    const kept = new Map(edited.map((row) => [row.dataset.id, keys.get(row.dataset.id)]));
    body.replaceChildren(...edited);
    keys.clear();
    for (const [id, key] of kept) keys.set(id, key);
    if (body.contains(focused)) focused.focus();
  }
  // What was made or moved meanwhile is not shown twice.
  body.append(...data.filter((key) => !keys.has(key.id)).map(draw));
  cursor = next_cursor;
  more.hidden = !cursor;
  table.hidden = keys.size === 0;
  const empty = one('#empty');
  empty.hidden = keys.size > 0;
  if (keys.size === 0) empty.replaceChildren(...nothing());
}

/** What stands in place of an empty list. */
function nothing() {
  const { q, mode, state } = filter.elements;
  const create = one('#create') ? [element('button', 'Create key', { type: 'button', class: 'button primary' })] : [];
  create[0]?.addEventListener('click', openCreate);
  if (!q.value && !mode.value && state.value === 'all') return [element('p', 'No keys yet.'), ...create];
  const button = element('button', 'Show all keys', { type: 'button', class: 'button' });
  button.addEventListener('click', () => {
    q.value = mode.value = '';
    state.value = 'all';
    load().then(() => q.focus());
  });
  if (q.value || mode.value) return [element('p', 'No key fits.'), button];
  return [
    element('h3', 'No active keys'),
    element('p', 'Create one and send it with your requests. Keys that are disabled, expired or revoked are not shown.'),
    ...create, ' ', button,
  ];
}

async function load({ isFirst = true } = {}) {
  reading.abort();
  reading = new AbortController();
  const query = new URLSearchParams(new FormData(filter));
  if (!isFirst) query.set('cursor', cursor);
  const problem = one('#problem');
  table.setAttribute('aria-busy', 'true');
  try {
    const page = await call(`/keys?${query}`, { signal: reading.signal });
    problem.hidden = true;
    show(page, isFirst);
    say(`${keys.size} ${keys.size === 1 ? 'key' : 'keys'} shown${cursor ? ', there are more' : ''}.`);
  } catch (refusal) {
    // A newer question has been asked.
    if (refusal.name === 'AbortError') return;
    report(problem, refusal, () => load({ isFirst }));
  }
  table.removeAttribute('aria-busy');
}

/** Says why something was not done, and how to go on. */
function report(problem, refusal, again) {
  const isOutside = refusal.status === 401;
  if (isOutside) problem = one('#problem');
  problem.replaceChildren(element('p', inWords(refusal)));
  if (isOutside) {
    // What is listed is not for whoever sits here now.
    for (const part of [table, more, one('#empty')]) part.hidden = true;
    one('tbody', table).replaceChildren();
    keys.clear();
    const isOut = refusal.code === 'login_required';
    problem.append(element('a', isOut ? 'Log in' : 'Load again', { class: 'button', href: isOut ? '/dashboard/login' : '' }));
  } else if (again) {
    const button = element('button', 'Try again', { type: 'button', class: 'button' });
    button.addEventListener('click', again);
    problem.append(button);
  }
  problem.hidden = false;
}

let typing;
filter.addEventListener('submit', async (event) => {
  event.preventDefault();
  await load();
  if (!one('#problem').hidden) return;
  try {
    const { data } = await call('/account');
    one('#credits').textContent = data.credits;
    // Another plan makes another page.
    if (data.plan !== PLAN) location.reload();
  } catch (refusal) {
    report(one('#problem'), refusal);
  }
});
filter.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(load, 250);
});
more.addEventListener('click', async () => {
  const shown = keys.size;
  await load({ isFirst: false });
  // On to what is new.
  one('summary', all('tbody tr', table)[shown])?.focus();
});

// ---- The menu of a key

table.addEventListener('click', (event) => {
  const action = event.target.closest('[data-do]')?.dataset.do;
  if (!action) return;
  const key = keys.get(event.target.closest('tr').dataset.id);
  closeMenus();
  // A dialog gives the focus back to where it was.
  menuOf(key.id).focus();
  ACTIONS[action](key);
});

function closeMenus(but) {
  for (const menu of all('details.menu[open]')) if (menu !== but) menu.open = false;
}

document.addEventListener('click', (event) => closeMenus(event.target.closest('details.menu')));
document.addEventListener('focusin', (event) => closeMenus(event.target.closest('details.menu')));
document.addEventListener('keydown', (event) => {
  const menu = one('details.menu[open]');
  if (event.key !== 'Escape' || !menu) return;
  menu.open = false;
  one('summary', menu).focus();
});

const ACTIONS = {
  rename,
  regenerate: (key) => ask('#regenerate-dialog', key),
  revoke: (key) => ask('#revoke-dialog', key),
  history: tell,
  disable: (key) => flip(key, 'disable'),
  enable: (key) => flip(key, 'enable'),
};

async function flip(key, action) {
  try {
    const { data } = await act(key, action);
    redraw(data);
    say(`${data.name} is ${data.state}.`);
  } catch (refusal) {
    // What the list says of the key is no longer so: trying again would not help.
    const isStale = refusal.status === 404 || refusal.status === 409;
    if (isStale) {
      refusal.message = `${key.name}: ${inWords(refusal)}`;
      refusal.code = 'stale';
      await load();
    }
    const row = rowOf(key.id);
    const place = row ? one('.trouble', row) : one('#problem');
    report(place, refusal, isStale ? undefined : () => flip(key, action));
    if (isStale) (row ? menuOf(key.id) : place).focus();
  }
}

function rename(key) {
  const row = rowOf(key.id);
  const cell = one('th', row);
  const form = copy('#rename');
  const { name, description } = form.elements;
  name.value = key.name;
  description.value = key.description ?? '';
  const leave = (key) => {
    row.classList.remove('editing');
    redraw(key);
  };
  const cancel = () => leave(keys.get(key.id) ?? key);
  cell.replaceChildren(form);
  row.classList.add('editing');
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !form.ariaBusy) cancel();
  });
  one('[value=cancel]', form).addEventListener('click', cancel);
  handle(form, async () => {
    const body = { name: name.value, description: description.value };
    const { data } = await call(`/keys/${key.id}`, { method: 'PATCH', body });
    leave(data);
    say(`Saved ${data.name}.`);
  });
  name.select();
}

// ---- Forms: every error stands at the field that it is about

let named = 0;

/** Ties the fields of a form to what is said about them: the hint, and the error once there is one. */
function describe(form) {
  for (const error of all('[data-error]:not([data-error=""])', form)) {
    const field = error.closest('fieldset, .field');
    const parts = [one(':scope > .hint', field), error].filter(Boolean);
    for (const part of parts) part.id ||= `about-${++named}`;
    const marked = field.matches('fieldset') ? [field] : all('input, select, textarea', field);
    for (const input of marked) input.setAttribute('aria-describedby', parts.map((part) => part.id).join(' '));
  }
}

function clearErrors(form) {
  for (const error of all('[data-error]', form)) error.textContent = '';
  for (const field of all('[aria-invalid]', form)) field.removeAttribute('aria-invalid');
  for (const field of all('.wrong', form)) field.classList.remove('wrong');
}

/** Shows an error at its field; whether there is such a field. */
function refuse(form, name, text) {
  const error = one(`[data-error="${name}"]`, form);
  if (!error) return false;
  error.textContent = text;
  const field = error.closest('fieldset, .field');
  if (!field) return true;
  field.classList.add('wrong');
  if (!field.matches('fieldset')) for (const input of all('input, select, textarea', field)) input.setAttribute('aria-invalid', 'true');
  for (let around = error.closest('details'); around; around = around.parentElement.closest('details')) around.open = true;
  return true;
}

/** What can be found wrong without asking the service; whether that is nothing. */
function isComplete(form) {
  const { name, permissions } = form.elements;
  name?.setCustomValidity([...name.value.trim()].length > 100 ? 'Must have 1 to 100 characters' : '');
  const wrong = [...form.elements].filter((field) => field.name && !field.validity.valid);
  for (const field of wrong) {
    const isConfirmation = field.name === 'confirm' && field.value;
    refuse(form, field.name, isConfirmation ? 'Type the word revoke.' : field.validationMessage);
  }
  const isIdle = permissions && !boxes.some((box) => box.checked);
  if (isIdle) refuse(form, 'permissions', 'Choose at least one permission.');
  return wrong.length === 0 && !isIdle;
}

function setBusy(form, isBusy) {
  form.ariaBusy = isBusy ? 'true' : null;
  for (const button of all('[value=cancel]', form)) button.disabled = isBusy;
}

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Does something when a form is sent, once at a time, and shows what keeps it from being done. */
function handle(form, job) {
  describe(form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.ariaBusy === 'true') return;
    clearErrors(form);
    if (isComplete(form)) {
      setBusy(form, true);
      try {
        await job();
      } catch (refusal) {
        const details = refusal.code === 'invalid_request' ? Object.entries(refusal.details) : [];
        const elsewhere = details.filter(([name, rule]) => !refuse(form, name, capitalised(rule)));
        const rest = elsewhere.map(([name, rule]) => `${name} ${rule}`).join('; ');
        if (rest || details.length === 0) refuse(form, '', rest || inWords(refusal));
      }
      setBusy(form, false);
    }
    one('[aria-invalid], fieldset.wrong input', form)?.focus();
  });
}

// ---- Dialogs

const isBusy = (dialog) => one('[aria-busy=true]', dialog) !== null;

for (const dialog of all('dialog')) {
  for (const button of all('[value=cancel]', dialog)) button.addEventListener('click', () => dialog.close());
  dialog.addEventListener('cancel', (event) => {
    if (isBusy(dialog)) event.preventDefault();
  });
}
// A second Escape would close a dialog without asking it.
document.addEventListener('keydown', (event) => {
  const dialog = one('dialog[open]');
  if (event.key === 'Escape' && dialog && isBusy(dialog)) event.preventDefault();
});

let asked;

/** Opens a dialog about a key, as if it had never been open. */
function ask(selector, key) {
  const dialog = one(selector);
  // Some browsers close a dialog whatever it says. What is still being done is shown again.
  if (isBusy(dialog)) return dialog.showModal();
  asked = key;
  one('form', dialog)?.reset();
  clearErrors(dialog);
  one('.of', dialog).textContent = key.name;
  one('.facts', dialog).replaceChildren(element('code', key.hint), ' ', ...(key.last_used_at ? ['was last used ', time(key.last_used_at), '.'] : ['has never been used.']));
  dialog.showModal();
  return dialog;
}

handle(one('#revoke-dialog form'), async () => {
  const { data } = await act(asked, 'revoke');
  one('#revoke-dialog').close();
  redraw(data);
  say(`${data.name} is revoked.`);
});

handle(one('#regenerate-dialog form'), async () => {
  const old = asked;
  const chosen = one('#regenerate-dialog [name=overlap]:checked');
  const overlap = Number(chosen.value);
  const end = overlap ? `stops working ${chosen.parentElement.textContent.trim().toLowerCase()}: change your programs in the meantime` : 'no longer works';
  const { data } = await makeKey(() => act(old, 'regenerate', { overlap_seconds: overlap }));
  one('#regenerate-dialog').close();
  await reveal(data, `The old key, ${old.hint}, ${end}.`);
});

// ---- History

const KINDS = {
  'key.issued': 'Created', 'key.renamed': 'Renamed', 'key.scopes_changed': 'Permissions changed',
  'key.disabled': 'Disabled', 'key.enabled': 'Enabled', 'key.revoked': 'Revoked',
  'key.regenerated': 'Regenerated', 'key.leaked': 'Reported as leaked', 'key.edited': 'Edited',
};

let telling = new AbortController();

function tell(key) {
  const dialog = ask('#history-dialog', key);
  const list = one('.events', dialog);
  const further = one('[value=more]', dialog);
  telling.abort();
  telling = new AbortController();
  const { signal } = telling;
  const facts = [['created', key.created_at], ['last used', key.last_used_at], ['ends', key.expires_at]];
  one('.facts', dialog).append(...facts.filter(([, at]) => at).flatMap(([what, at]) => [element('br'), `${capitalised(what)}: `, exactly(at)]));
  list.replaceChildren();
  const read = async (place) => {
    further.hidden = true;
    clearErrors(dialog);
    let next = place;
    try {
      const page = await call(`/keys/${key.id}/events${place ? `?cursor=${place}` : ''}`, { signal });
      list.append(...page.data.map(({ at, kind, actor, detail }) => {
        const item = element('li');
        item.append(element('b', KINDS[kind] ?? kind), ' ', time(at), element('p', detail.replace(/, both work for (\d+) s$/, lasting)), element('p', `by ${actor}, `, { class: 'hint' }));
        item.lastChild.append(exactly(at));
        return item;
      }));
      next = page.next_cursor;
      if (!next) return;
    } catch (refusal) {
      if (refusal.name === 'AbortError') return;
      refuse(dialog, '', inWords(refusal));
    }
    further.textContent = list.children.length ? 'Show more' : 'Try again';
    further.hidden = false;
    further.onclick = () => read(next);
  };
  read();
}

one('#history-dialog').addEventListener('close', () => telling.abort());

/** `, both work for 24 hours` */
function lasting(_, seconds) {
  const [unit, length] = UNITS.find(([, length]) => seconds % length === 0) ?? ['second', 1];
  return `, both work for ${new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / length)}`;
}

// ---- A new key

const form = one('#create-dialog form');
const boxes = all('[name=permissions]', form);

/** A resource stands for everything on it, its actions included. */
function settle() {
  for (const box of boxes.filter((box) => box.dataset.resource)) {
    const whole = boxes.find((other) => other.value === box.dataset.resource);
    if (whole.checked) box.checked = true;
    else if (box.disabled) box.checked = false;
    box.disabled = whole.checked;
  }
  const isReadOnly = boxes.some((box) => box.value === 'read_only' && box.checked);
  const actions = boxes.filter((box) => box.dataset.resource);
  const isBare = isReadOnly && !actions.some((box) => box.checked);
  const can = actions.filter((box) => (isBare || box.checked) && (!isReadOnly || 'read' in box.dataset));
  const text = can.length ? `It can ${sentence(can)}.` : isReadOnly ? 'It can do nothing: none of what is checked is reading.' : '';
  one('#effect').textContent = text;
}

/** `read agents; create and read calls` */
function sentence(can) {
  const parts = Map.groupBy(can, (box) => box.dataset.resource);
  const list = new Intl.ListFormat('en');
  return [...parts].map(([resource, of]) => `${list.format(of.map((box) => box.value.split(':')[1]))} ${resource.replaceAll('_', ' ')}`).join('; ');
}

function showDays() {
  const { expiry, days } = form.elements;
  one('#days').hidden = days.disabled = expiry.value !== 'other';
}

form.addEventListener('change', () => {
  settle();
  showDays();
});

one('#create')?.addEventListener('click', openCreate);

function openCreate() {
  if (isBusy(one('#create-dialog'))) return one('#create-dialog').showModal();
  form.reset();
  clearErrors(form);
  for (const details of all('details', form)) details.open = false;
  for (const box of boxes) box.disabled = false;
  settle();
  showDays();
  one('#create-dialog').showModal();
}

handle(form, async () => {
  const { name, description, mode, expiry, days, quota_per_minute, allowed_networks } = form.elements;
  const body = {
    name: name.value,
    mode: mode.value,
    permissions: boxes.filter((box) => box.checked && !box.disabled).map((box) => box.value),
  };
  if (description.value) body.description = description.value;
  const lifetime = expiry.value === 'other' ? days.value : expiry.value;
  if (lifetime) body.expires_in_seconds = Number(lifetime) * 86_400;
  if (quota_per_minute.value) body.quota_per_minute = Number(quota_per_minute.value);
  const networks = allowed_networks.value.split(/[\s,]+/).filter(Boolean);
  if (networks.length) body.allowed_networks = networks;
  const { data } = await makeKey(() => call('/keys', { method: 'POST', body }));
  one('#create-dialog').close();
  await reveal(data, '');
});

/** Makes a key. Without an answer nobody knows whether there is one, so the list is read again. */
async function makeKey(make) {
  try {
    return await make();
  } catch (refusal) {
    if (refusal.isOpen) {
      load();
      refusal.message += ' There may be a new key that nobody has seen: look at the list, and revoke it.';
    }
    throw refusal;
  }
}

// ---- The key itself, which is in one element while it is shown, and nowhere else

const secret = one('#secret');
const secretDialog = one('#secret-dialog');
let isWarned = false;
let made;

async function reveal(data, note) {
  // One that is on show is not written over: this is the only time it is shown.
  while (secretDialog.open) await new Promise((done) => secretDialog.addEventListener('close', done, { once: true }));
  made = data.id;
  one('.of', secretDialog).textContent = data.name;
  secret.textContent = data.key;
  delete data.key;
  one('#copied').textContent = '';
  one('#secret-note').textContent = note;
  isWarned = false;
  secretDialog.showModal();
  one('#copy').focus();
  // What is filtered out is shown all the same: it was just made.
  await load();
  if (!keys.has(data.id)) {
    one('tbody', table).prepend(draw(data));
    table.hidden = false;
    one('#empty').hidden = true;
  }
}

function forget() {
  secret.textContent = '';
  if (secretDialog.open) secretDialog.close();
}

one('#copy').addEventListener('click', async () => {
  isWarned = true;
  try {
    await navigator.clipboard.writeText(secret.textContent);
    one('#copied').textContent = 'Copied.';
  } catch {
    getSelection().selectAllChildren(secret);
    one('#copied').textContent = 'It could not be copied. It is selected: copy it with the keyboard.';
  }
});

// Escape is pressed by mistake at times, and this cannot be shown again.
secretDialog.addEventListener('cancel', (event) => {
  if (isWarned) return;
  event.preventDefault();
  isWarned = true;
  one('#copied').textContent = 'Not copied yet. Press Escape again to close.';
});
secretDialog.addEventListener('close', () => {
  forget();
  menuOf(made).focus();
});
// A page that is left may be kept as it is, to be shown again when somebody goes back.
addEventListener('pagehide', forget);
addEventListener('pageshow', (event) => {
  if (event.persisted) load();
});

show(JSON.parse(one('#start').textContent), true);
