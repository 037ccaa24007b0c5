// Values as people read them.
import { h } from './dom.js';

export const number = (value) => Number(value || 0);

export function bytes(value) {
  let size = number(value);
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (size < 1024) return (unit === 'B' ? size : size.toFixed(1)) + ' ' + unit;
    size /= 1024;
  }
  return size.toFixed(1) + ' TiB';
}

export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '';
  const s = Math.round(seconds);
  if (s < 60) return s + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min ' + String(s % 60).padStart(2, '0') + ' s';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + String(Math.floor(s / 60) % 60).padStart(2, '0') + ' min';
  return Math.floor(s / 86400) + ' d ' + Math.floor(s / 3600) % 24 + ' h';
}

export function count(value) {
  const n = number(value);
  for (const [size, unit] of [[1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e4, ' k']]) {
    if (Math.abs(n) >= size) return (n / (unit === ' k' ? 1e3 : size)).toPrecision(3) + unit;
  }
  return String(n);
}

// A value of a curve.
export function digits(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

export const clock = (ms) => (number(ms) ? new Date(number(ms)).toLocaleString() : '');

// "3 min ago", with the time to the second when one points at it.
export function ago(ms) {
  const at = number(ms);
  if (!at) return '';
  const text = duration(Math.max(0, (Date.now() - at) / 1000)).replace(/( min) \d+ s$/, '$1');
  return h('time', { title: clock(at), datetime: new Date(at).toISOString() }, text + ' ago');
}

export const shortId = (id) => String(id || '').slice(0, 12);

// JOB_ACTIVE -> active
export const word = (name) => String(name || '').replace(/^(RUN|JOB|ATTEMPT|WORKER)_/, '').toLowerCase();

// Whether the run waits for somebody to resume it; one that is being cancelled does not.
export const isPaused = (run) => number(run.pausedMs) > 0 && !run.cancelRequested;

// The state of a run as people see it.
export const runState = (run) => (isPaused(run) ? 'RUN_PAUSED' : run.state);

const TONES = {
  active: 'busy', running: 'busy', offered: 'busy', ready: 'good', open: 'good', succeeded: 'good', failed: 'bad',
  lost: 'bad', cancelling: 'warn', cancelled: 'dim', skipped: 'dim', queued: 'warn', blocked: 'dim', disconnected: 'warn',
  stopping: 'warn', paused: 'warn', cordoned: 'warn', draining: 'warn', quarantined: 'bad', offline: 'dim', preempted: 'warn',
};
export const tone = (state) => TONES[word(state)] || 'dim';
export const badge = (state) => h('span', { class: 'badge ' + tone(state) }, word(state));

// The tags of a run, each a link to the runs that have it; with `remove`, with a button to take it off.
export const tagList = (run, remove) => (run.tags || []).map((tag) => h('span', { class: 'tag', 'data-key': 'tag:' + tag },
  h('a', { href: '#/runs/' + encodeURIComponent(tag), title: 'Runs with this tag' }, tag),
  remove ? h('button', { type: 'button', class: 'plain', 'aria-label': 'Take off ' + tag, onclick: () => remove(tag) }, '\u00d7') : null));

// What people type: words with commas between.
export const words = (text) => text.split(',').map((one) => one.trim()).filter(Boolean);

export function bar(part, whole, label) {
  const share = whole > 0 ? Math.min(1, part / whole) : 0;
  return h('span', { class: 'bar', role: 'progressbar', 'aria-valuenow': Math.round(share * 100), 'aria-valuemin': 0,
    'aria-valuemax': 100, title: label }, h('span', { style: { width: share * 100 + '%' } }));
}

// What a job is doing, as a share from 0 to 1; null: not known.
export function shareOf(job) {
  if (job.state === 'JOB_SUCCEEDED') return 1;
  const progress = job.progress;
  if (job.state !== 'JOB_ACTIVE' || !progress || !number(progress.total)) return job.state === 'JOB_ACTIVE' ? null : 0;
  return Math.min(1, number(progress.done) / number(progress.total));
}

export function progressText(job) {
  const p = job.progress;
  if (job.state !== 'JOB_ACTIVE' || !p || !p.phase) return '';
  let text = p.phase;
  if (number(p.total)) text += ' ' + number(p.done).toLocaleString('en') + ' of ' + number(p.total).toLocaleString('en');
  else if (number(p.done)) text += ' ' + number(p.done).toLocaleString('en');
  if (number(p.total) || number(p.done)) text += ' ' + (p.unit || '');
  if (p.tokensPerS > 0) text += ', ' + count(Math.round(p.tokensPerS)) + ' tokens/s';
  if (p.etaS > 0) text += ', ' + duration(p.etaS) + ' left';
  return text;
}

// Of a run: the share of its jobs that is done, and the longest time that a running job still takes.
export function runProgress(run) {
  const jobs = (run.jobs || []).filter((job) => !job.leftBehind);
  const done = jobs.reduce((sum, job) => sum + (shareOf(job) || 0), 0);
  const eta = Math.max(0, ...jobs.filter((job) => job.state === 'JOB_ACTIVE' && job.progress).map((job) => job.progress.etaS || 0));
  return { share: jobs.length ? done / jobs.length : 0, eta };
}

// NO_MATCHING_WORKER -> no matching worker
export const reason = (name) => String(name || '').toLowerCase().replaceAll('_', ' ');

// The memory that each rank of a job needs, where the recipe says so.
export const demanded = (job) => (number(job.memoryBytes) ? ' with ' + bytes(job.memoryBytes) + ' of memory' : '');

export const why = (job) => (job.pending ? reason(job.pending) + (job.pendingDetail ? ': ' + job.pendingDetail : '') : '');

export function parsed(text) {
  try {
    return JSON.parse(text || '{}') || {};
  } catch {
    return {};
  }
}

export function groupedBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    groups.has(key) ? groups.get(key).push(item) : groups.set(key, [item]);
  }
  return groups;
}

// A table whose cells become lines of a card on narrow screens.
export function table(columns, rows, empty) {
  if (!rows.length) return h('p', { class: 'note' }, empty || 'There is nothing here yet.');
  return h('div', { class: 'wide' }, h('table', { class: 'cards' },
    h('thead', null, h('tr', null, columns.map((column) => h('th', { scope: 'col', class: column.class }, column.title)))),
    h('tbody', null, rows.map((row) => h('tr', { 'data-key': row.key, class: row.class, tabindex: row.key ? '-1' : null, onclick: row.onclick },
      row.cells.map((cell, i) => h('td', { 'data-label': columns[i].label || (typeof columns[i].title === 'string' ? columns[i].title : ''), class: columns[i].class }, cell)))))));
}
