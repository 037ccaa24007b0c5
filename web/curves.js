// The charts of one or several runs: which values, on which axis, log or not, how smooth. A part of
// a chart that is looked at closely is read again from the server, as finely as the screen shows it.
import { h, kept } from './dom.js';
import { replies } from './api.js';
import { Chart, style } from './chart.js';
import { digits, groupedBy, number, table } from './format.js';
import { meanCurve } from './statistics.js';

const USUAL = ['loss', 'validation/all'];
// Of all curves of a page together: more is neither seen nor drawn in time.
const MOST_COLUMNS = 150000;
const AT_ONCE = 3;
export const TRAINS = ['train', 'joint'];

const numbers = (list) => (list || []).map((value) => (Number.isFinite(value) ? value : null));
const keyOf = (job) => job.run + '/' + job.job;

// As the server sends it: what is empty is left out, and 64-bit numbers are text. Times become
// seconds since `began`, the first point of the job.
function answerOf(reply, names, began) {
  const first = began ?? Math.min(...(reply.curves || []).map((curve) => curve.times?.[0] ?? Infinity));
  return {
    began: first,
    names: reply.names || [], version: number(reply.version), lastStep: number(reply.lastStep), ended: Boolean(reply.ended), asked: names,
    curves: (reply.curves || []).map((curve) => ({
      name: curve.name, steps: curve.steps || [], tokens: curve.tokens ? numbers(curve.tokens) : null, times: curve.times ? curve.times.map((time) => (time - first) / 1000) : null, mean: numbers(curve.mean), points: number(curve.points), last: curve.last ?? 0,
      ...(curve.low ? { low: numbers(curve.low), high: numbers(curve.high) } : {}),
    })),
  };
}

// Reads and draws the curves of jobs: {run, job, label, colour, dash, group?}. Jobs of one group,
// {label, colour, dash}, may be drawn as one line with a band.
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
    this.zoom = null;  // of the axis
    this.detail = new Map();  // the same of the part that is shown
    this.band = 'range';
    this.singles = false;  // with groups: single lines, too
    this.serial = 0;
    this.left = 0;  // jobs whose curves have not come yet
  }

  destroy() {
    this.gone = true;
    for (const chart of this.charts.values()) chart.destroy();
  }

  wanted() {
    if (this.chosen) return this.names.filter((name) => this.chosen.has(name));
    const usual = this.names.filter((name) => USUAL.includes(name));
    return usual.length ? usual : this.names.slice(0, 1);
  }

  columns(count) {
    const width = Math.min(1200, Math.max(300, document.documentElement.clientWidth));
    return Math.max(60, Math.min(width, Math.floor(MOST_COLUMNS / Math.max(1, count))));
  }

  // Asks for the curves of `wanted`, {runId, job, ...}, and gives each answer to `take`.
  async ask(wanted, names, take) {
    const parts = Array.from({ length: Math.min(AT_ONCE, Math.ceil(wanted.length / 20)) }, () => []);
    wanted.forEach((one, i) => parts[i % parts.length].push(one));
    const mine = (this.reading = {});
    this.left = wanted.length;
    try {
      await Promise.all(parts.map((jobs) => replies('Jobs/ReadCurves', { jobs, names, columns: this.columns(wanted.length) }, (reply) => {
        if (this.gone) return;
        if (this.reading === mine) --this.left;
        take(reply);
        this.soon();
      })));
    } finally {
      if (this.reading === mine) this.left = 0;
    }
  }

  // Draws what has come, once for all that came since the last time.
  soon() {
    if (this.pending) return;
    this.pending = true;
    setTimeout(() => {
      this.pending = false;
      if (this.gone) return;
      const begun = performance.now();
      this.redraw();
      this.took = performance.now() - begun;
    }, Math.max(60, 3 * (this.took || 0)));  // most of the time is left to what comes and to who reads
  }

  // Reads what is new.
  async load(jobs) {
    this.jobs = jobs;
    const names = this.names.length ? this.wanted() : USUAL;
    const has = (job) => {
      const before = this.read.get(keyOf(job));
      return before && names.every((name) => before.asked.includes(name)) ? before : null;
    };
    const marks = new Map(jobs.map((job) => [keyOf(job), job.mark]));
    const wanted = jobs.filter((job) => !has(job)?.ended || has(job).mark !== job.mark).map((job) => ({ runId: job.run, job: job.job, version: has(job)?.version || 0 }));
    await this.ask(wanted, names, (reply) => {
      const key = reply.runId + '/' + reply.job;
      if (reply.unchanged) this.read.get(key).ended = Boolean(reply.ended);
      else this.read.set(key, answerOf(reply, names));
      if (this.read.has(key)) this.read.get(key).mark = marks.get(key);
      this.nameAll();
    });
    this.nameAll();
    // Not even the usual values are there: read the first that is.
    if (!names.includes(this.wanted()[0] ?? names[0])) return this.load(jobs);
    if (this.zoom) await this.loadDetail(wanted);
  }

  nameAll() {
    const names = new Set([...this.read.values()].flatMap((answer) => answer.names));
    for (const hide of ['epoch', 'tokens']) names.delete(hide);
    this.names = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  }

  // The steps of a job that the zoom shows, and one column more on either side.
  stepsOf(job) {
    const curve = this.read.get(keyOf(job))?.curves.find((one) => one.low);
    if (!curve) return null;  // each of its columns is one step already
    const xs = this.xsOf(curve);
    const [low, high] = this.zoom;
    const from = xs.findLastIndex((x) => x !== null && x < low), to = xs.findIndex((x) => x !== null && x > high);
    if (to === 0) return null;
    return [from < 0 ? 0 : curve.steps[from], to < 0 ? 0 : curve.steps[to]];
  }

  // Reads the part that the zoom shows; of `only`, if it is given, {runId, job}.
  async loadDetail(only) {
    const mine = ++this.serial, names = this.wanted();
    const keys = only && new Set(only.map((one) => one.runId + '/' + one.job));
    if (!only) this.detail.clear();
    const wanted = this.jobs.filter((job) => !keys || keys.has(keyOf(job))).map((job) => [job, this.stepsOf(job)]).filter(([, steps]) => steps)
      .map(([job, [beginStep, endStep]]) => ({ runId: job.run, job: job.job, beginStep, endStep }));
    await this.ask(wanted, names, (reply) => {
      const key = reply.runId + '/' + reply.job;
      if (mine === this.serial) this.detail.set(key, answerOf(reply, names, this.read.get(key)?.began));
    });
    if (mine === this.serial) this.redraw();
  }

  async zoomTo(range) {
    this.zoom = range;
    if (!range) this.detail.clear();
    this.redraw();
    if (range) await this.loadDetail().catch(() => {});  // the next reading says what is wrong
  }

  curveOf(job, name) {
    const find = (answer) => answer && answer.curves.find((one) => one.name === name);
    const fine = this.zoom && find(this.detail.get(keyOf(job)));
    const curve = fine && fine.steps.length ? fine : find(this.read.get(keyOf(job)));
    return curve && curve.steps.length ? curve : null;
  }

  // Without tokens or times, as of trainings under an earlier version, a curve has no place there.
  xsOf(curve) {
    return this.axis === 'steps' ? curve.steps : curve[{ tokens: 'tokens', time: 'times' }[this.axis]] || curve.steps.map(() => null);
  }

  // What is drawn of a value: a line for each job, or for each group one with a band.
  series(name) {
    const grouped = this.jobs.some((job) => job.group);
    const lines = this.jobs.map((job) => [job, this.curveOf(job, name)]).filter(([, curve]) => curve);
    const singles = lines.map(([job, curve]) => ({ label: job.label, group: job.group?.label ?? job.label, colour: job.colour, dash: job.dash, ...curve, xs: this.xsOf(curve), ...(grouped ? { thin: true, low: null, high: null } : {}) }));
    if (!grouped) return singles;
    const groups = groupedBy(lines, ([job]) => job.group.label);
    const means = [...groups].map(([label, members]) => {
      const { xs, mean, low, high, n } = meanCurve(members.map(([, curve]) => ({ xs: this.xsOf(curve), ys: curve.mean })), this.band);
      const { colour, dash } = members[0][0].group;
      return { label: label + ' (' + n + ')', group: label, colour, dash, xs, mean, low: n > 1 ? low : null, high: n > 1 ? high : null };
    });
    return this.singles ? [...singles, ...means] : means;
  }

  // Labels of what is drawn, with how it looks.
  legend() {
    return [...new Map(this.jobs.map((job) => [job.group?.label ?? job.label, job.group || job]))];
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
    const labels = this.legend();
    const charts = wanted.map((name) => {
      let chart = this.charts.get(name);
      if (!chart) this.charts.set(name, (chart = new Chart(name, (range) => this.zoomTo(range))));
      chart.hidden = this.hidden;
      chart.zoom = this.zoom;
      chart.set(this.series(name), { log: this.log, smooth: this.smooth, axis: this.axis });
      return kept(chart.element);
    });
    return h('section', { class: 'curves' },
      h('div', { class: 'row tools' },
        h('label', { class: 'inline' }, h('input', { type: 'checkbox', id: 'log-scale', checked: this.log, onchange: (event) => { this.log = event.target.checked; this.redraw(); } }), 'log scale'),
        h('label', { class: 'inline' }, 'smooth ', h('input', { type: 'range', id: 'smooth', min: 0, max: 0.98, step: 0.02, value: String(this.smooth), oninput: (event) => { this.smooth = Number(event.target.value); this.redraw(); } })),
        h('label', { class: 'inline' }, 'over ', h('select', { id: 'axis', value: this.axis, onchange: (event) => { this.axis = event.target.value; this.zoomTo(null); } },
          ['steps', 'tokens', 'time'].map((axis) => h('option', { value: axis, selected: axis === this.axis }, axis)))),
        h('details', { class: 'menu' }, h('summary', null, 'Values (' + wanted.length + ' of ' + this.names.length + ')'),
          h('div', { class: 'choices' }, this.names.map((name) => h('label', { 'data-key': 'value:' + name }, h('input', { type: 'checkbox', checked: wanted.includes(name), onchange: (event) => {
            this.chosen = new Set(wanted);
            event.target.checked ? this.chosen.add(name) : this.chosen.delete(name);
            again();
          } }), name)))),
        this.zoom ? h('button', { type: 'button', id: 'show-all', onclick: () => this.zoomTo(null) }, 'Show all') : null),
      labels.length > 1 ? h('div', { class: 'legend', 'data-key': 'legend' }, labels.map(([label, look]) => h('button', { type: 'button', class: 'plain', 'data-key': 'legend:' + label, 'aria-pressed': String(!this.hidden.has(label)), onclick: () => {
        this.hidden.has(label) ? this.hidden.delete(label) : this.hidden.add(label);
        this.redraw();
      } }, h('i', { class: 'sample', style: style(look) }), ' ', label))) : null,
      this.left > AT_ONCE ? h('p', { class: 'note', id: 'reading', role: 'status' }, 'Reading the metrics of ' + this.left + ' more trainings.') : null,
      wanted.length ? h('div', { class: 'charts', 'data-key': 'charts' }, charts) : h('p', { class: 'note' }, 'No metrics yet: they come with the first steps of a training.'),
      h('p', { class: 'note' }, this.jobs.some((job) => job.group) ? 'The line is the mean of a group, with how many trainings it has; the band ' + (this.band === 'interval' ? 'is the 95 % interval of that mean by Student\u2019s t.' : 'reaches from the lowest to the highest of them.')
        : 'The line is the mean, the band from the lowest to the highest of each column.', ' Drag to look at a part more closely, double-click to see all.'),
      this.lastTable(wanted));
  }

  lastTable(wanted) {
    const rows = this.jobs.filter((job) => this.read.get(keyOf(job))?.names.length);
    if (!rows.length || !wanted.length || this.jobs.some((job) => job.group)) return null;
    return h('details', null, h('summary', null, 'Newest values as a table'),
      table([{ title: 'Model' }, { title: 'Step', class: 'n' }, ...wanted.map((name) => ({ title: name, class: 'n' }))],
        rows.map((job) => {
          const answer = this.read.get(keyOf(job));
          return { key: 'last:' + keyOf(job), cells: [job.label, String(answer.lastStep),
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
