// The charts of one or several runs: which values, on which axis, log or not, how smooth.
import { h, kept } from './dom.js';
import { each, get } from './api.js';
import { Chart, COLOURS } from './chart.js';
import { digits, number, table } from './format.js';

const COLUMNS = 600;
const FIRST = [/^loss$/, /^validation\/all$/];
export const TRAINS = ['train', 'joint'];

// Reads and draws the curves of jobs. `jobs`: {run, runName, job, colour?}.
export class Curves {
  constructor(draw) {
    this.redraw = draw;
    this.log = false;
    this.smooth = 0;
    this.axis = 'steps';
    this.names = [];
    this.chosen = null;  // null: the usual ones
    this.hidden = new Set();
    this.charts = new Map();
    this.read = new Map();  // "run/job" -> the answer of the server
  }

  destroy() {
    for (const chart of this.charts.values()) chart.destroy();
  }

  wanted() {
    if (this.chosen) return this.names.filter((name) => this.chosen.has(name));
    const usual = this.names.filter((name) => FIRST.some((pattern) => pattern.test(name)));
    return usual.length ? usual : this.names.slice(0, 1);
  }

  // Reads what is new. `jobs` without metrics are left out.
  async load(jobs) {
    this.jobs = jobs;
    const first = !this.names.length;
    await each(jobs, async (job) => {
      const key = job.run + '/' + job.job;
      const before = this.read.get(key);
      if (before && before.done && before.for === this.for()) return;
      const same = before && before.for === this.for();
      const answer = await get('/api/v1/curves', {
        run: job.run, job: job.job, columns: COLUMNS, version: same ? before.version : '',
        name: first && !before ? ['loss', 'validation/all'] : this.wanted(),
      }).catch((error) => {
        if (error.status === 404) return { curves: [], names: [], version: 0 };
        throw error;
      });
      if (answer.unchanged) before.done = answer.ended;
      else this.read.set(key, { ...answer, for: this.for(), done: answer.ended });
    }, 6);
    const names = new Set([...this.read.values()].flatMap((answer) => answer.names || []));
    for (const hide of ['epoch', 'tokens']) names.delete(hide);
    this.names = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
    if (first && this.names.length && this.for() !== 'loss\nvalidation/all') return this.load(jobs);
  }

  for() {
    return this.names.length ? this.wanted().join('\n') : 'loss\nvalidation/all';
  }

  series(name) {
    return this.jobs.map((job, i) => {
      const answer = this.read.get(job.run + '/' + job.job);
      const curve = answer && answer.curves.find((one) => one.name === name);
      return curve && curve.steps.length ? { label: job.label, colour: job.colour || COLOURS[i % COLOURS.length], dash: job.dash, ...curve } : null;
    }).filter(Boolean);
  }

  // The controls and the charts; called anew with everything else.
  view() {
    const again = async () => {
      await this.load(this.jobs);
      this.redraw();
    };
    const wanted = this.wanted();
    for (const [name, chart] of this.charts) {
      if (wanted.includes(name)) continue;
      chart.destroy();
      this.charts.delete(name);
    }
    const labels = [...new Map(this.jobs.map((job, i) => [job.label, job.colour || COLOURS[i % COLOURS.length]]))];
    const charts = wanted.map((name) => {
      let chart = this.charts.get(name);
      if (!chart) this.charts.set(name, (chart = new Chart(name)));
      chart.hidden = this.hidden;
      chart.set(this.series(name), { log: this.log, smooth: this.smooth, axis: this.axis });
      return kept(chart.element);
    });
    return h('section', { class: 'curves' },
      h('div', { class: 'row tools' },
        h('label', { class: 'inline' }, h('input', { type: 'checkbox', id: 'log-scale', checked: this.log, onchange: (event) => { this.log = event.target.checked; this.redraw(); } }), 'log scale'),
        h('label', { class: 'inline' }, 'smooth ', h('input', { type: 'range', id: 'smooth', min: 0, max: 0.98, step: 0.02, value: String(this.smooth), oninput: (event) => { this.smooth = Number(event.target.value); this.redraw(); } })),
        h('label', { class: 'inline' }, 'over ', h('select', { id: 'axis', value: this.axis, onchange: (event) => { this.axis = event.target.value; this.redraw(); } },
          ['steps', 'tokens'].map((axis) => h('option', { value: axis, selected: axis === this.axis }, axis)))),
        h('details', { class: 'menu' }, h('summary', null, 'Values (' + wanted.length + ' of ' + this.names.length + ')'),
          h('div', { class: 'choices' }, this.names.map((name) => h('label', { 'data-key': 'value:' + name }, h('input', { type: 'checkbox', checked: wanted.includes(name), onchange: (event) => {
            this.chosen = new Set(wanted);
            event.target.checked ? this.chosen.add(name) : this.chosen.delete(name);
            again();
          } }), name))))),
      labels.length > 1 ? h('div', { class: 'legend' }, labels.map(([label, colour]) => h('button', { type: 'button', class: 'plain', 'data-key': 'legend:' + label, 'aria-pressed': String(!this.hidden.has(label)), onclick: () => {
        this.hidden.has(label) ? this.hidden.delete(label) : this.hidden.add(label);
        this.redraw();
      } }, h('i', { class: 'dot', style: { background: colour } }), ' ', label))) : null,
      wanted.length ? h('div', { class: 'charts' }, charts) : h('p', { class: 'note' }, 'No metrics yet: they come with the first steps of a training.'),
      h('p', { class: 'note' }, 'The line is the mean, the band from the lowest to the highest of each column. Drag to zoom, double-click to see all.'),
      this.lastTable(wanted));
  }

  lastTable(wanted) {
    const rows = this.jobs.filter((job) => this.read.get(job.run + '/' + job.job)?.names?.length);
    if (!rows.length || !wanted.length) return null;
    return h('details', null, h('summary', null, 'Newest values as a table'),
      table([{ title: 'Model' }, { title: 'Step', class: 'n' }, ...wanted.map((name) => ({ title: name, class: 'n' }))],
        rows.map((job) => {
          const answer = this.read.get(job.run + '/' + job.job);
          return { key: 'last:' + job.label, cells: [job.label, String(number(answer.lastStep)),
            ...wanted.map((name) => digits(answer.curves.find((one) => one.name === name)?.last))] };
        })));
  }
}

function rank(name) {
  if (name === 'loss') return 0;
  if (name.startsWith('validation/all')) return 1;
  if (name.startsWith('validation/')) return 2;
  return name.includes('/') ? 4 : 3;
}
