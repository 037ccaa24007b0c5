// The frame of all pages: who is signed in, where one is, how old what is shown is, keys.
import { h, show, toast } from './dom.js';
import { call, post, onUnknown, Stream } from './api.js';
import { duration } from './format.js';
import { runsPage } from './runs.js';
import { runPage } from './run.js';
import { comparePage } from './compare.js';
import { workersPage } from './workers.js';
import { artifactsPage, artifactPage } from './artifacts.js';
import { submitPage } from './submit.js';
import { eventsPage } from './events.js';
import { auditPage } from './audit.js';
import { poolsPage, sitesPage } from './sites.js';
import { signInPage } from './sign_in.js';

const PAGES = [
  ['runs', 'Runs', 'r', runsPage], ['workers', 'Workers', 'w', workersPage], ['sites', 'Sites', 'i', sitesPage], ['pools', 'Pools', 'p', poolsPage],
  ['artifacts', 'Artifacts', 'a', artifactsPage], ['events', 'Events', 'e', eventsPage], ['audit', 'Audit', 'u', auditPage], ['submit', 'Submit', 's', submitPage],
];
const OTHERS = { run: runPage, compare: comparePage, artifact: artifactPage };
const ROLES = ['', 'VIEWER', 'SUBMITTER', 'OPERATOR', 'ADMIN'];
const OFTEN_MS = 2000, SELDOM_MS = 10000;

export const app = {
  me: null,
  // Whether the role of who is signed in is enough; the server decides all the same.
  may: (role) => ROLES.indexOf(app.me?.role) >= ROLES.indexOf(role),
  need: (role) => (app.may(role) ? null : 'needs role ' + role.toLowerCase() + '; yours is ' + String(app.me?.role || '').toLowerCase()),
  // Does an action, says how it ended, and shows what it changed.
  act: async (what, work) => {
    try {
      await work();
      toast(what);
      refresh();
      return true;
    } catch (error) {
      toast(error.message, true);
      return false;
    }
  },
  go: (hash) => {
    location.hash = hash;
  },
};

let page = null, visit = 0, timer = 0, events = null, soon = 0, link = '';
const state = { at: 0, failed: '' };

function header() {
  const here = location.hash.split('/')[1] || 'runs';
  const at = { run: 'runs', compare: 'runs', artifact: 'artifacts' }[here] || here;
  show(document.getElementById('top'),
    h('a', { class: 'brand', href: '#/runs' }, 'braid'),
    app.me && h('nav', { 'aria-label': 'Pages' }, PAGES.map(([name, title]) =>
      h('a', { href: '#/' + name, 'aria-current': at === name ? 'page' : null }, title))),
    h('span', { class: 'fill' }),
    app.me && h('span', { id: 'age', class: state.failed ? 'age bad' : 'age', title: state.failed || 'how old what is shown is' }, ageText()),
    app.me && h('details', { class: 'menu', 'data-keep': 'me:' + app.me.name + app.me.role + app.me.id },
      h('summary', { 'aria-label': 'You' }, app.me.name || 'you'),
      h('div', null, h('p', { class: 'note' }, 'role ' + String(app.me.role || '').toLowerCase() + (byCertificate() ? ', by certificate ' + app.me.id : '')),
        h('button', { type: 'button', onclick: help }, 'Keys (?)'),
        byCertificate() ? h('button', { type: 'button', id: 'use-token', onclick: useToken }, 'Use a token')
          : h('button', { type: 'button', id: 'sign-out', onclick: signOut }, 'Sign out'))));
}

function ageText() {
  if (state.failed) return 'not up to date' + (state.at ? ': ' + duration((Date.now() - state.at) / 1000) + ' old' : '');
  if (!state.at) return 'loading';
  return (link === 'live' ? 'live, ' : '') + duration((Date.now() - state.at) / 1000) + ' old';
}

// The browser shows the certificate with each request, so there is nothing to sign out of; a token
// goes before it.
const byCertificate = () => app.me?.kind === 'KEY';

// Whoever a certificate names is signed in by it again.
async function signOut() {
  await post('/sign-out').catch(() => {});
  forget();
  start();
}

function useToken() {
  const { name, role } = app.me;
  forget();
  page = signInPage(document.getElementById('main'), start, 'This browser\u2019s certificate is that of ' + name + ', role ' + role.toLowerCase() + '. A token goes before it until you sign out.');
}

// What is shown and sent for who was signed in ends.
function forget() {
  app.me = null;
  if (events) events.close();
  events = null;
  leave();
  header();
}

let asking = false;
async function unknown() {
  // Several calls may hear of it, the last when somebody is typing a token already.
  if (asking || (!app.me && page && page.signsIn)) return;
  asking = true;
  forget();
  // A session whose token is not good any more would go before the browser's certificate.
  await post('/sign-out').catch(() => {});
  const known = await call('Access/WhoAmI').catch(() => null);
  asking = false;
  if (known) return void start();
  page = signInPage(document.getElementById('main'), start);
}

function leave() {
  ++visit;
  clearTimeout(timer);
  clearTimeout(soon);
  if (page && page.close) page.close();
  page = null;
}

function route() {
  if (!app.me) return;
  const [, name = 'runs', ...rest] = location.hash.split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  const make = OTHERS[name] || (PAGES.find(([known]) => known === name) || PAGES[0])[3];
  // A page that is told where it is now needs no new beginning.
  if (page && page.make === make && page.moved && page.moved(...rest)) {
    header();
    return refresh();
  }
  leave();
  state.at = 0;
  state.failed = '';
  const main = document.getElementById('main');
  main.replaceChildren(h('p', { class: 'note' }, 'Loading.'));
  page = make(main, app, ...rest);
  page.make = make;
  document.title = page.title ? page.title + ' - braid' : 'braid';
  header();
  refresh();
}

// Reads what the page shows, and shows it. One at a time.
export async function refresh() {
  clearTimeout(timer);
  clearTimeout(soon);
  soon = 0;
  if (!page || !page.load) return;
  const now = visit;
  try {
    await page.load();
    if (now !== visit) return;
    state.at = Date.now();
    state.failed = '';
    document.title = page.title ? page.title + ' - braid' : 'braid';
  } catch (error) {
    if (now !== visit) return;
    if (error.status === undefined) console.error(error);
    state.failed = error.message;
    if (!state.at) show(document.getElementById('main'), h('div', { class: 'problem' }, h('h1', null, 'This cannot be shown'), h('p', null, error.message)));
  }
  header();
  timer = setTimeout(() => (document.hidden ? null : refresh()), page.busy || state.failed ? OFTEN_MS : SELDOM_MS);
}

// Something has happened: what is shown is read again, several changes at once.
function changed() {
  if (!soon) soon = setTimeout(refresh, 300);
}

async function listen() {
  const me = app.me;
  const info = await call('Admin/GetServerInfo').catch(() => null);
  if (!info || events || app.me !== me) return;
  events = new Stream('Runs/WatchEvents', { since_seq: info.lastSeq || 0 }, (event) => {
    if (!event.kind) return;  // nothing has happened: the connection lives
    changed();
    if (page && page.event) page.event(event);
  }, (how) => {
    link = how;
    if (how === 'ended') events = null;
    header();
  });
}

const KEYS = [['/', 'find in a list'], ['j, k', 'down and up in a list'], ['Enter', 'open'], ['x', 'select'], ['c', 'compare what is selected'],
  ['g then r, w, i, p, a, e, u, s', 'runs, workers, sites, pools, artifacts, events, audit, submit'], ['Escape', 'close; in a chart, show all'], ['?', 'this']];
function help() {
  const dialog = h('dialog', { 'aria-label': 'Keys' }, h('h2', null, 'Keys'),
    h('table', null, h('tbody', null, KEYS.map(([key, what]) => h('tr', null, h('td', null, h('kbd', null, key)), h('td', null, what))))),
    h('div', { class: 'row end' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

let went = 0;
function keys(event) {
  const typing = event.target.closest && event.target.closest('input, textarea, select, dialog, [contenteditable]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !app.me) return;
  const list = [...document.querySelectorAll('#main tbody tr[data-key]')];
  const at = list.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const key = event.key;
  if (Date.now() - went < 1000) {
    const to = PAGES.find(([, , letter]) => letter === key);
    went = 0;
    if (to) return void (location.hash = '#/' + to[0]);
  }
  if (key === 'g') went = Date.now();
  else if (key === '?') help();
  else if (key === '/') document.querySelector('#main input[type=search]')?.focus();
  else if ((key === 'j' || key === 'k') && list.length) list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + (key === 'j' ? 1 : -1)))].focus();
  else if (key === 'Enter' && at >= 0 && list[at] === document.activeElement) list[at].querySelector('a')?.click();
  else if (key === 'x' && at >= 0) list[at].querySelector('input[type=checkbox]')?.click();
  else if (key === 'c') document.getElementById('compare')?.click();
  else return;
  event.preventDefault();
}

async function start() {
  try {
    app.me = await call('Access/WhoAmI');
  } catch (error) {
    if (error.status === 401) return unknown();
    if (error.status === 403) {
      toast(error.message, true);
      return unknown();
    }
    show(document.getElementById('main'), h('div', { class: 'problem' }, h('h1', null, 'No connection'), h('p', null, error.message)));
    setTimeout(start, OFTEN_MS);
    return;
  }
  listen();
  route();
}

onUnknown(() => {
  if (app.me) unknown();
});
addEventListener('hashchange', () => {
  if (app.me) window.scrollTo(0, 0);
  route();
});
addEventListener('keydown', keys);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && app.me) refresh();
});
setInterval(() => {
  const age = document.getElementById('age');
  if (age) age.textContent = ageText();
}, 1000);
header();
start();
