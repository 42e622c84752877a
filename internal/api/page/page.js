// The script of the status pages. It keeps a page up to date while somebody looks at it, and
// sends orders after asking whether they are meant. Without it the pages are whole.
'use strict';

document.documentElement.classList.add('scripts');

const $ = (id) => document.getElementById(id);

// become makes a node what another one is. It changes as little as it can, so that what has
// the focus, is open, is scrolled or is being written stays so.
function become(node, other) {
  if (node.nodeType !== other.nodeType || node.nodeName !== other.nodeName || node.id !== other.id) {
    node.replaceWith(other);
    return;
  }
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== other.data) node.data = other.data;
    return;
  }
  if (node.hasAttribute('data-own')) return; // the script writes it
  for (const {name} of [...node.attributes]) {
    if (name !== 'open' && !other.hasAttribute(name)) node.removeAttribute(name);
  }
  for (const {name, value} of other.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  const ids = new Set(Array.from(other.children, (c) => c.id).filter(Boolean));
  for (const c of [...node.children]) {
    if (c.id && !ids.has(c.id)) c.remove();
  }
  const known = new Map(Array.from(node.children, (c) => [c.id, c]).filter(([id]) => id));
  let at = node.firstChild;
  for (const next of [...other.childNodes]) {
    const same = next.id ? known.get(next.id) : at && !at.id ? at : null;
    if (!same) {
      node.insertBefore(next, at);
      continue;
    }
    if (same !== at) node.insertBefore(same, at);
    at = same.nextSibling;
    become(same, next);
  }
  while (at) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

// Updates: one request at a time, none while nobody looks, fewer while they fail.

const slowest = 5 * 60; // seconds
const every = () => Number(document.body.dataset.refresh);
const clock = (t) => t.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});

let timer = 0;
let wait = every();
let current = new Date(); // as of when the page is
const asOf = () => `as of ${clock(current)}`;
let updating = false;
let paused = false;

function later(seconds) {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(update, 1000 * seconds);
}

async function update() {
  if (updating) return;
  updating = true;
  clearTimeout(timer);
  try {
    const answer = await fetch(location.href, {cache: 'no-store', signal: AbortSignal.timeout(20000)});
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (!answer.ok || !page.body.dataset.assets) throw new Error(answer.statusText);
    if (page.body.dataset.assets !== document.body.dataset.assets) return location.reload();
    for (const id of ['health', 'tick', 'main']) become($(id), page.getElementById(id));
    document.title = page.title;
    document.body.dataset.refresh = page.body.dataset.refresh;
    wait = every();
    current = new Date();
    $('updated').textContent = paused ? asOf() : '';
  } catch {
    wait = Math.min(2 * wait, slowest);
    $('updated').textContent = `not updated since ${clock(current)}`;
  } finally {
    updating = false;
    later(wait);
  }
}

$('pause').addEventListener('click', () => {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', paused);
  $('updated').textContent = paused ? asOf() : '';
  if (paused) clearTimeout(timer);
  else update();
});

document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else if (!paused) update();
});

later(wait);

// Orders.

// call returns the data of an answer of the API, or throws what it says is wrong.
async function call(method, path, body) {
  const request = {method, signal: AbortSignal.timeout(20000)};
  if (body) Object.assign(request, {headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});
  const answer = await fetch(path, request);
  const text = await answer.text();
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    throw new Error(text.trim() || answer.statusText);
  }
  if (told.status !== 'success') throw new Error(told.error);
  return told.data;
}

const overridePath = (pool) => `/api/v1/overrides/${encodeURIComponent(pool)}`;

// confirmed asks whether something is meant, and does it then.
function confirmed(title, text, yes, act) {
  $('confirm-title').textContent = title;
  $('confirm-text').textContent = text;
  $('confirm-error').textContent = '';
  const button = $('confirm-yes');
  button.textContent = yes;
  button.disabled = false;
  button.onclick = async () => {
    button.disabled = true;
    $('confirm-error').textContent = '';
    try {
      const said = await act();
      $('confirm').close();
      await update();
      $('said').textContent = said;
      $('said').focus();
    } catch (e) {
      $('confirm-error').textContent = `Not done: ${e.message}`;
      button.disabled = false;
    }
  };
  $('confirm').showModal();
}

// orderOf reads the form: what is ordered, and the same in words.
function orderOf(form) {
  const agents = Number(form.agents.value);
  const order = {};
  let words = '';
  switch (form.kind.value) {
    case 'exact': order.exact = agents; words = `have exactly ${agents} agents`; break;
    case 'min': order.min = agents; words = `have at least ${agents} agents`; break;
    case 'max': order.max = agents; words = `have at most ${agents} agents`; break;
    case 'hold': order.hold = true; words = 'keep the agents that it has'; break;
    case 'disable': order.disable = true; words = 'be left alone'; break;
  }
  if (form.mode.value) {
    order.mode = form.mode.value;
    words += `${words && ' and '}be in mode ${order.mode}`;
  }
  return {order, words};
}

const counted = (kind) => ['exact', 'min', 'max'].includes(kind);

document.addEventListener('change', (e) => {
  const form = e.target.form;
  if (form?.id !== 'order') return;
  form.agents.disabled = !counted(form.kind.value);
  form.mode.required = form.kind.value === 'mode';
});

document.addEventListener('submit', async (e) => {
  const form = e.target;
  if (form.id !== 'order') return;
  e.preventDefault();
  const pool = form.dataset.pool;
  const {order, words} = orderOf(form);
  const author = form.author.value, reason = form.reason.value, duration = form.duration.value;
  $('order-error').textContent = '';
  try {
    const {decision, calls} = await call('POST', '/api/v1/evaluate', {pool, override: order});
    const then = decision.current === decision.desired ? `it stays at ${decision.desired}` : `it goes from ${decision.current} to ${decision.desired}`;
    const asked = calls ? 'the orchestrator is asked for that' : 'nothing is asked of the orchestrator';
    confirmed('Set this override?',
      `For ${duration}, ${pool} is to ${words}. It takes the place of an override that was set before.\n` +
      `As things are, ${then} agents with the next tick, and ${asked}.`,
      'Set override', async () => {
        const {warnings} = await call('PUT', overridePath(pool), {...order, author, reason, duration});
        return ['The override is set.', ...warnings].join(' Note: ');
      });
  } catch (err) {
    $('order-error').textContent = err.message;
  }
});

document.addEventListener('click', (e) => {
  const button = e.target.closest('button[data-end]');
  if (!button) return;
  const {end: pool, order} = button.dataset;
  confirmed('End this override?', `The override of ${pool} (${order}) ends now. With the next tick, the pool follows its load and its rules again.`,
    'End override', async () => {
      await call('DELETE', overridePath(pool));
      return `The override of ${pool} is ended.`;
    });
});
