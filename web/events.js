// What happened: every change of the service's state, with who made credentials and took workers in.
import { h, show } from './dom.js';
import { call } from './api.js';
import { clock, table } from './format.js';
import { runHref } from './run.js';

export function eventRows(events) {
  return table([{ title: 'Time' }, { title: 'What' }, { title: 'Run and job' }, { title: 'Worker' }, { title: 'In words' }],
    events.map((event) => ({ key: event.seq, cells: [h('span', { class: 'mono', title: 'event ' + event.seq }, clock(event.timeMs)), event.kind,
      event.runId ? h('span', null, h('a', { href: runHref(event.runId), class: 'mono' }, event.runId), event.job ? [' ', h('a', { href: runHref(event.runId, 'jobs', event.job) }, event.job)] : null) : '',
      event.worker || '', event.detail || ''] })), 'Nothing has happened yet.');
}

export function eventsPage(main) {
  const page = { title: 'Events', busy: false };
  let events = [], text = '', size = 200;

  page.load = async () => {
    events = ((await call('Runs/ListEvents', { newest: true, pageSize: size })).events || []).reverse();
    draw();
  };

  function draw() {
    const wanted = text.toLowerCase();
    const shown = events.filter((event) => [event.kind, event.runId, event.job, event.worker, event.detail].some((field) => String(field || '').toLowerCase().includes(wanted)));
    show(main, h('div', { class: 'row head' }, h('h1', null, 'Events'), h('span', { class: 'note' }, 'the newest ' + events.length)),
      h('div', { class: 'row tools' }, h('input', { type: 'search', placeholder: 'Kind, run, job, worker or words', 'aria-label': 'Find events', value: text, oninput: (event) => { text = event.target.value; draw(); } }),
        h('select', { 'aria-label': 'Kind', onchange: (event) => { text = event.target.value; draw(); } }, h('option', { value: '' }, 'everything'),
          [['run.', 'runs'], ['attempt.', 'attempts'], ['worker.', 'workers'], ['token.', 'tokens'], ['artifact.', 'artifacts']].map(([value, title]) => h('option', { value, selected: text === value }, title))),
        h('button', { type: 'button', disabled: size >= 1000, onclick: () => { size = 1000; page.load(); } }, 'More')),
      eventRows(shown));
  }
  return page;
}
