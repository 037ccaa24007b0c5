// Who asked for what: every change that somebody wanted, and how it ended.
import { h, show } from './dom.js';
import { call } from './api.js';
import { clock, number, table, word } from './format.js';

const SIZE = 200;
const MOST = 2000;

export function auditPage(main, app) {
  const page = { title: 'Audit', busy: false };
  const wanted = { user: '', call: '', object: '', outcome: '' };
  let rows = [], pages = 1, more = false, timer = 0, serial = 0;
  const need = app.need('OPERATOR');

  page.close = () => clearTimeout(timer);
  page.load = async () => {
    if (!need) await read();
    draw();
  };

  async function read() {
    const found = [], mine = ++serial;
    let further = false;
    for (let i = 0; i < pages; ++i) {
      const part = (await call('Access/ListAudit', { ...wanted, limit: SIZE, beforeSeq: found.at(-1)?.seq || 0 })).rows || [];
      found.push(...part);
      further = part.length === SIZE;
      if (!further) break;
    }
    if (mine === serial) [rows, more] = [found, further];
  }

  function changed(field, value) {
    wanted[field] = value.trim();
    pages = 1;
    clearTimeout(timer);
    timer = setTimeout(() => page.load().catch((error) => app.act('', () => Promise.reject(error))), 300);
  }

  function draw() {
    if (need) return show(main, h('h1', null, 'Audit'), h('p', { class: 'note' }, 'Who asked for what is shown to operators: this page ' + need + '.'));
    const field = (name, title, hint) => h('label', { class: 'inline' }, title + ' ', h('input', { type: 'search', class: 'short', id: 'audit-' + name, placeholder: hint, value: wanted[name], oninput: (event) => changed(name, event.target.value) }));
    show(main, h('div', { class: 'row head' }, h('h1', null, 'Audit'), h('span', { class: 'note' }, 'the newest ' + rows.length + (Object.values(wanted).some(Boolean) ? ' that are like that' : ''))),
      h('div', { class: 'row tools' }, field('user', 'Who', 'name'), field('call', 'Call', 'CancelRun'), field('object', 'Object', 'whole id'),
        h('label', { class: 'inline' }, 'Ended as ', h('select', { id: 'audit-outcome', value: wanted.outcome, onchange: (event) => changed('outcome', event.target.value) },
          [['', 'anything'], ['OK', 'done'], ['PERMISSION_DENIED', 'refused: role'], ['UNAUTHENTICATED', 'refused: token'], ['INVALID_ARGUMENT', 'invalid'], ['NOT_FOUND', 'not found']].map(([value, title]) => h('option', { value, selected: value === wanted.outcome }, title))))),
      table([{ title: 'Time' }, { title: 'Who' }, { title: 'Call' }, { title: 'Object' }, { title: 'Outcome' }, { title: 'In words' }],
        rows.map((row) => ({ key: row.seq, cells: [h('span', { class: 'mono', title: 'row ' + row.seq }, clock(row.timeMs)),
          h('span', { class: 'stack' }, h('b', null, row.user || '-'), h('span', { class: 'note' }, [word(row.role), row.peer].filter(Boolean).join(', '))),
          row.call, h('span', { class: 'mono break' }, row.object || ''), h('span', { class: 'badge ' + (row.outcome === 'OK' ? 'good' : 'bad') }, row.outcome === 'OK' ? 'done' : row.outcome), row.detail || ''] })),
        'Nothing is like that. Calls that only read are not written down.'),
      more && number(rows.length) < MOST ? h('button', { type: 'button', id: 'older', onclick: () => { ++pages; page.load(); } }, 'Older') : null);
  }
  return page;
}
