// The page of API keys. It lists what the page was given, and from then on speaks the JSON of the
// dashboard. Text from elsewhere becomes text nodes and nothing else.

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- The service

const API = '/dashboard/api/keys';

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
  const headers = body ? { 'Content-Type': 'application/json' } : {};
  let response, answer;
  try {
    response = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), signal });
    answer = await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0);
  }
  if (!response.ok) throw new Refusal(response.status, answer.error);
  return answer;
}

const act = (key, action, body) => call(`/${key.id}/${action}`, { method: 'POST', body });

/** A refusal for people. */
function inWords(refusal) {
  switch (refusal.code) {
    case 'login_required': return 'You are no longer logged in. Log in again, in this tab or another, and repeat this.';
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
  const fits = UNITS.find(([, length]) => Math.abs(seconds) >= length);
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

setInterval(() => {
  for (const shown of all('time')) shown.textContent = relative(new Date(shown.dateTime));
}, 20_000);

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

function draw(key) {
  keys.set(key.id, key);
  const row = copy('#row');
  row.dataset.id = key.id;
  row.dataset.state = key.state;
  one('.name', row).textContent = key.name;
  one('.description', row).textContent = key.description ?? '';
  one('.hint', row).textContent = key.hint;
  one('.mode', row).textContent = key.mode;
  one('.mode', row).classList.add(key.mode);
  one('.chips', row).append(...key.scopes.map((scope) => element('li', labels.get(scope) ?? scope)));
  one('.created', row).append(time(key.created_at));
  one('.used', row).append(key.last_used_at ? time(key.last_used_at) : 'never');
  one('.state', row).textContent = key.state;
  one('.state', row).classList.add(key.state);
  const isCurrent = key.state === 'active' || key.state === 'disabled';
  if (key.replaced_by && isCurrent) one('.ends', row).append('being replaced');
  else if (key.expires_at && isCurrent) one('.ends', row).append('expires ', time(key.expires_at));
  one('.label', row).textContent = `Actions for ${key.name}`;
  const possible = {
    rename: isCurrent,
    regenerate: key.state === 'active' && !key.replaced_by,
    disable: key.state === 'active',
    enable: key.state === 'disabled',
    revoke: key.state !== 'revoked',
    history: true,
  };
  for (const item of all('[data-do]', row)) item.hidden = !possible[item.dataset.do];
  return row;
}

function redraw(key) {
  rowOf(key.id)?.replaceWith(draw(key));
}

/** Puts a part of the list in place of all that is shown, or behind it. */
function show({ data, next_cursor }, isFirst) {
  const body = one('tbody', table);
  if (isFirst) {
    body.replaceChildren();
    keys.clear();
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
  if (!q.value && !mode.value && state.value === 'all') return [element('p', 'No keys yet.')];
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
    button,
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
    const page = await call(`?${query}`, { signal: reading.signal });
    problem.hidden = true;
    show(page, isFirst);
    say(`${keys.size} ${keys.size === 1 ? 'key' : 'keys'} shown${cursor ? ', there are more' : ''}.`);
  } catch (refusal) {
    // A newer question has been asked.
    if (refusal.name === 'AbortError') return;
    report(refusal, () => load({ isFirst }));
  }
  table.removeAttribute('aria-busy');
}

/** Says above the list why something was not done, and how to go on. */
function report(refusal, again) {
  const problem = one('#problem');
  problem.replaceChildren(element('p', inWords(refusal)));
  if (refusal.code === 'login_required') {
    problem.append(element('a', 'Log in', { class: 'button', href: '/dashboard/login' }));
  } else if (again) {
    const button = element('button', 'Try again', { type: 'button', class: 'button' });
    button.addEventListener('click', again);
    problem.append(button);
  }
  problem.hidden = false;
}

let typing;
filter.addEventListener('submit', (event) => {
  event.preventDefault();
  load();
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
  one('#problem').hidden = true;
  try {
    const { data } = await act(key, action);
    redraw(data);
    say(`${data.name} is ${data.state}.`);
    menuOf(key.id).focus();
  } catch (refusal) {
    report(refusal, () => flip(key, action));
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
    redraw(key);
    menuOf(key.id).focus();
  };
  cell.replaceChildren(form);
  row.classList.add('editing');
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') leave(key);
  });
  one('[value=cancel]', form).addEventListener('click', () => leave(key));
  handle(form, async () => {
    const body = { name: name.value, description: description.value };
    const { data } = await call(`/${key.id}`, { method: 'PATCH', body });
    leave(data);
    say(`Saved ${data.name}.`);
  });
  name.select();
}

// ---- Forms: every error stands at the field that it is about

function clearErrors(form) {
  for (const error of all('[data-error]', form)) error.textContent = '';
  for (const field of all('[aria-invalid], fieldset[aria-describedby]', form)) {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
  }
}

let errors = 0;

/** Shows an error at its field; whether there is such a field. */
function refuse(form, name, text) {
  const error = one(`[data-error="${name}"]`, form);
  if (!error) return false;
  error.textContent = text;
  error.id ||= `error-${++errors}`;
  const field = error.closest('fieldset, .field');
  if (!field) return true;
  const marked = field.matches('fieldset') ? [field] : all('input, select, textarea', field);
  for (const input of marked) {
    if (!field.matches('fieldset')) input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', error.id);
  }
  for (let around = error.closest('details'); around; around = around.parentElement.closest('details')) around.open = true;
  return true;
}

/** What the browser itself finds wrong; whether that is nothing. */
function isComplete(form) {
  const wrong = [...form.elements].filter((field) => field.name && !field.validity.valid);
  for (const field of wrong) {
    const isConfirmation = field.name === 'confirm' && field.value;
    refuse(form, field.name, isConfirmation ? 'Type the word revoke.' : field.validationMessage);
  }
  return wrong.length === 0;
}

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Does something when a form is sent, once at a time, and shows what keeps it from being done. */
function handle(form, job) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.ariaBusy === 'true') return;
    clearErrors(form);
    if (isComplete(form)) {
      form.ariaBusy = 'true';
      try {
        await job();
      } catch (refusal) {
        const details = refusal.code === 'invalid_request' ? Object.entries(refusal.details) : [];
        const elsewhere = details.filter(([name, rule]) => !refuse(form, name, capitalised(rule)));
        const rest = elsewhere.map(([name, rule]) => `${name} ${rule}`).join('; ');
        if (rest || details.length === 0) refuse(form, '', rest || inWords(refusal));
      }
      form.ariaBusy = null;
    }
    one('[aria-invalid], fieldset[aria-describedby] input', form)?.focus();
  });
}

// ---- Dialogs

for (const dialog of all('dialog')) {
  for (const button of all('[value=cancel]', dialog)) button.addEventListener('click', () => dialog.close());
}

let asked;

/** Opens a dialog about a key, as if it had never been open. */
function ask(selector, key) {
  asked = key;
  const dialog = one(selector);
  const form = one('form', dialog);
  form?.reset();
  clearErrors(dialog);
  const of = one('.of', dialog);
  if (of) of.textContent = key.name;
  one('.facts', dialog)?.replaceChildren(element('code', key.hint), ' ', ...(key.last_used_at ? ['was last used ', time(key.last_used_at), '.'] : ['has never been used.']));
  dialog.showModal();
  return dialog;
}

handle(one('#revoke-dialog form'), async () => {
  const { data } = await act(asked, 'revoke');
  one('#revoke-dialog').close();
  redraw(data);
  say(`${data.name} is revoked.`);
  menuOf(data.id).focus();
});

handle(one('#regenerate-dialog form'), async () => {
  const overlap = Number(one('#regenerate-dialog [name=overlap]:checked').value);
  const { data } = await makeKey(() => act(asked, 'regenerate', { overlap_seconds: overlap }));
  one('#regenerate-dialog').close();
  await reveal(data, overlap ? 'Both keys work until then: change your programs in the meantime.' : `The old key, ${asked.hint}, no longer works.`);
});

// ---- History

const KINDS = {
  'key.issued': 'Created', 'key.renamed': 'Renamed', 'key.scopes_changed': 'Permissions changed',
  'key.disabled': 'Disabled', 'key.enabled': 'Enabled', 'key.revoked': 'Revoked',
  'key.regenerated': 'Regenerated', 'key.leaked': 'Reported as leaked', 'key.edited': 'Edited',
};

function tell(key) {
  const dialog = ask('#history-dialog', key);
  const list = one('.events', dialog);
  const further = one('[value=more]', dialog);
  list.replaceChildren();
  further.hidden = true;
  const read = async (place) => {
    try {
      const page = await call(`/${key.id}/events${place ? `?cursor=${place}` : ''}`);
      // Another key has been asked about.
      if (asked !== key) return;
      list.append(...page.data.map(({ at, kind, actor, detail }) => {
        const item = element('li');
        item.append(element('b', KINDS[kind] ?? kind), ' ', time(at), element('p', detail), element('p', `by ${actor}`, { class: 'hint' }));
        return item;
      }));
      further.hidden = !page.next_cursor;
      further.onclick = () => read(page.next_cursor);
    } catch (refusal) {
      refuse(dialog, '', inWords(refusal));
    }
  };
  read();
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

one('#create')?.addEventListener('click', () => {
  form.reset();
  clearErrors(form);
  for (const details of all('details', form)) details.open = false;
  for (const box of boxes) box.disabled = false;
  settle();
  showDays();
  one('#create-dialog').showModal();
});

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
  const { data } = await makeKey(() => call('', { method: 'POST', body }));
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
  made = data.id;
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
