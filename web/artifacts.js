// Artifacts: what is stored, what is in each, what it was made from; verifying and pinning.
import { h, show } from './dom.js';
import { blobUrl, call, pages, requestId } from './api.js';
import { ago, bytes, number, parsed, shortId, table } from './format.js';
import { lineageView } from './lineage.js';
import { runHref } from './run.js';

const KINDS = ['source', 'tokenizer', 'shards', 'checkpoint', 'history', 'merge', 'gate', 'evaluation', 'export', 'report'];
const MOST = 1000;
const TEXT = /\.(json|jsonl|txt|md|log|yaml|py|csv)$/;
const MOST_TEXT = 2 << 20;

const madeBy = (one) => one.runId ? h('span', null, h('a', { href: runHref(one.runId, 'jobs', one.job) }, one.job || one.runId), h('span', { class: 'note' }, ' of ' + one.runId + (one.role ? ', ' + one.role : ''))) : h('span', { class: 'note' }, 'a user');

export function artifactsPage(main) {
  const page = { title: 'Artifacts', busy: false };
  let listed = [], more = false, kind = '', text = '', removed = false;

  page.load = async () => {
    ({ all: listed, more } = await pages('Artifacts/ListArtifacts', { kind, includeRemoved: removed, pageSize: 500 }, 'artifacts', MOST));
    draw();
  };

  function draw() {
    const wanted = text.toLowerCase();
    const shown = listed.filter((one) => [one.id, one.name, one.job, one.runId, one.role, one.kind].some((field) => String(field || '').toLowerCase().includes(wanted)));
    show(main, h('div', { class: 'row head' }, h('h1', null, 'Artifacts'), h('span', { class: 'note' }, listed.length + (more ? ' of the newest' : '') + ', ' + bytes(listed.reduce((sum, one) => sum + number(one.bytes), 0)))),
      h('div', { class: 'row tools' },
        h('input', { type: 'search', placeholder: 'Id, name, job or run', 'aria-label': 'Find artifacts', value: text, oninput: (event) => { text = event.target.value; draw(); } }),
        h('select', { 'aria-label': 'Kind', value: kind, onchange: (event) => { kind = event.target.value; page.load(); } }, h('option', { value: '' }, 'any kind'), KINDS.map((one) => h('option', { value: one, selected: one === kind }, one))),
        h('label', { class: 'inline' }, h('input', { type: 'checkbox', checked: removed, onchange: (event) => { removed = event.target.checked; page.load(); } }), 'removed ones too')),
      table([{ title: 'Artifact' }, { title: 'Kind' }, { title: 'Made by' }, { title: 'Files', class: 'n' }, { title: 'Size', class: 'n' }, { title: 'When' }],
        shown.map((one) => ({ key: one.id, class: number(one.removedMs) ? 'gone' : '', cells: [
          h('span', { class: 'stack' }, h('a', { href: '#/artifact/' + one.id, class: 'strong' }, one.name || shortId(one.id)), h('span', { class: 'note mono' }, shortId(one.id))),
          h('span', null, one.kind, one.pinned ? h('span', { class: 'badge good' }, 'pinned') : null, one.bound ? h('span', { class: 'badge', title: 'Its files do not leave this site' }, 'bound to ' + one.site) : null, number(one.removedMs) ? h('span', { class: 'badge dim', title: one.removedWhy }, 'removed') : null),
          madeBy(one), number(one.files), bytes(one.bytes), ago(one.createdMs)] })), listed.length ? 'No artifact is like that.' : null));
  }
  return page;
}

export function artifactPage(main, app, id) {
  const page = { title: 'Artifact', busy: false };
  let one = null, made = [], verdict = '', verifying = false, shown = null;

  page.moved = (to) => {
    if (to === id) return true;
    return false;
  };
  page.load = async () => {
    one = await call('Artifacts/GetArtifact', { id });
    made = (await call('Artifacts/GetLineage', { id: one.id })).artifacts || [];
    page.title = one.name || one.kind + ' ' + shortId(one.id);
    draw();
  };

  async function verify() {
    verifying = true;
    verdict = 'reading all files again';
    draw();
    try {
      const answer = await call('Artifacts/VerifyArtifact', { id: one.id });
      verdict = 'whole: ' + number(answer.files) + ' files, ' + bytes(answer.bytes) + ', each with its digest';
    } catch (error) {
      verdict = error.message;
    }
    verifying = false;
    draw();
  }

  const pin = () => app.act(one.pinned ? 'The pin is taken away' : 'Pinned: it is never removed', () => call('Keeping/PinArtifact', { id: one.id, pinned: !one.pinned, requestId: requestId() }));

  async function look(file) {
    try {
      const response = await fetch(blobUrl(file.sha256, { artifact: one.id, as: 'text' }), { credentials: 'same-origin' });
      const text = await response.text();
      shown = { path: file.path, text: response.ok ? text : parsed(text).message };
    } catch {
      shown = { path: file.path, text: 'The coordinator does not answer.' };
    }
    draw();
  }

  function draw() {
    const manifest = parsed(one.manifestJson), files = manifest.files || [];
    const need = app.need('SUBMITTER'), gone = number(one.removedMs) > 0, away = gone || one.bound;
    show(main,
      h('div', { class: 'row head' }, h('div', null, h('p', { class: 'note crumbs' }, h('a', { href: '#/artifacts' }, 'Artifacts'), ' / ', one.kind), h('h1', null, one.name || one.kind + ' of ' + (one.job || 'a user')), h('p', { class: 'mono note break' }, one.id)),
        h('span', { class: 'fill' }),
        h('div', { class: 'row' }, h('button', { type: 'button', id: 'verify', disabled: verifying || away, onclick: verify }, 'Verify'),
          h('button', { type: 'button', id: 'pin', disabled: Boolean(need) || gone, title: need, onclick: pin }, one.pinned ? 'Unpin' : 'Pin'))),
      h('div', { class: 'facts' }, h('span', null, files.length + ' files, ' + bytes(one.bytes)), h('span', null, 'made by ', madeBy(one)), one.worker ? h('span', null, 'on ' + one.worker) : null, h('span', null, ago(one.createdMs)),
        one.pinned ? h('span', { class: 'badge good' }, 'pinned') : null, one.bound ? h('span', { class: 'badge' }, 'bound to ' + one.site + ': its files stay there') : null),
      gone ? h('div', { class: 'problem' }, 'Removed: ' + one.removedWhy + '. Only this record is left.') : null,
      h('p', { id: 'verdict', role: 'status', hidden: !verdict }, verdict),
      h('h2', null, 'Files'),
      table([{ title: 'File' }, { title: 'Size', class: 'n' }, { title: 'SHA-256' }, { title: '' }], files.slice(0, 2000).map((file) => ({ key: file.path, cells: [
        away ? file.path : h('a', { href: blobUrl(file.sha256, { artifact: one.id, name: file.path.split('/').at(-1) }) }, file.path), bytes(file.size), h('span', { class: 'mono note', title: file.sha256 }, shortId(file.sha256)),
        !away && TEXT.test(file.path) && number(file.size) <= MOST_TEXT ? h('button', { type: 'button', class: 'plain', onclick: () => look(file) }, 'Show') : ''] }))),
      shown ? h('section', { class: 'card' }, h('h3', null, shown.path), h('pre', { class: 'log short' }, shown.text)) : null,
      h('h2', null, 'What it was made from'), lineageView(made, one.id),
      Object.keys(manifest.metadata || {}).length ? h('details', null, h('summary', null, 'Metadata'), h('pre', { class: 'log short' }, JSON.stringify(manifest.metadata, null, 2))) : null);
  }
  return page;
}
