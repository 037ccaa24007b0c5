// Several runs side by side: what differs in their recipes, their curves, how they ended.
import { h, show } from './dom.js';
import { call, each, post } from './api.js';
import { COLOURS } from './chart.js';
import { Curves, TRAINS } from './curves.js';
import { badge, digits, duration, number, table } from './format.js';
import { runHref } from './run.js';

const MOST = 200;
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

export function comparePage(main, app, list = '') {
  const ids = list.split(',').filter(Boolean).slice(0, MOST);
  const page = { title: 'Compare', busy: false };
  const recipes = new Map();  // sha256 -> {settings}
  const curves = new Curves(() => draw());
  let runs = [], missing = [], only = '', group = '';

  page.moved = (to) => to === list;
  page.close = () => curves.destroy();

  page.load = async () => {
    missing = [];
    runs = (await each(ids, async (id) => {
      try {
        return await call('Runs/GetRun', { id });
      } catch (error) {
        if (error.status !== 404) throw error;
        missing.push(id);
        return null;
      }
    })).filter(Boolean);
    await each(runs, async (run) => {
      if (recipes.has(run.recipeSha256)) return;
      const answer = await post('/api/v1/check', { recipe: run.recipe, recipeName: run.name });
      recipes.set(run.recipeSha256, settingsOf(answer.settings || []));
    });
    page.busy = runs.some((run) => run.state === 'RUN_ACTIVE');
    await curves.load(jobs());
    draw();
  };

  // "a.b = 1  (default)" -> a.b: 1
  function settingsOf(lines) {
    return new Map(lines.map((line) => {
      const at = line.indexOf(' = ');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 3).replace(/\s+\(default\)$/, '')];
    }));
  }
  const settingOf = (run, field) => (recipes.get(run.recipeSha256) || new Map()).get(field);

  const label = (run) => run.name + (runs.filter((other) => other.name === run.name).length > 1 ? ' ' + run.id.slice(-4) : '');
  const names = () => [...new Set(runs.flatMap((run) => (run.jobs || []).filter((job) => TRAINS.includes(job.kind)).map((job) => job.name)))];

  function jobs() {
    const groups = group ? [...new Set(runs.map((run) => settingOf(run, group) ?? ''))] : [];
    return runs.flatMap((run, i) => {
      const colour = COLOURS[(group ? groups.indexOf(settingOf(run, group) ?? '') : i) % COLOURS.length];
      return (run.jobs || []).filter((job) => TRAINS.includes(job.kind) && (job.attempts || []).length && (!only || job.name === only))
        .map((job, j) => ({ run: run.id, job: job.name, label: label(run) + ' / ' + job.name + (group ? ' (' + (settingOf(run, group) ?? 'not set') + ')' : ''), colour, dash: DASHES[j % DASHES.length] }));
    });
  }

  function differences() {
    const fields = [...new Set(runs.flatMap((run) => [...(recipes.get(run.recipeSha256) || new Map()).keys()]))].sort();
    return fields.filter((field) => new Set(runs.map((run) => settingOf(run, field))).size > 1);
  }

  function draw() {
    if (!runs.length) return show(main, h('h1', null, 'Compare'), h('p', { class: 'note' }, missing.length ? 'None of these runs is there: ' + missing.join(', ') : 'Select two runs or more in the list of ', h('a', { href: '#/runs' }, 'runs'), '.'));
    const fields = differences();
    const reread = async () => {
      await curves.load(jobs());
      draw();
    };
    show(main, h('h1', null, 'Compare ' + runs.length + ' runs'),
      missing.length ? h('div', { class: 'problem' }, 'Not there any more: ' + missing.join(', ')) : null,
      h('h2', null, 'What differs'),
      fields.length ? h('div', { class: 'wide', id: 'differences' }, h('table', null, h('thead', null, h('tr', null, h('th', null, 'Setting'), runs.map((run) => h('th', null, h('a', { href: runHref(run.id) }, label(run)))))),
        h('tbody', null, fields.map((field) => h('tr', { 'data-key': field }, h('td', { class: 'mono' }, field), runs.map((run) => h('td', null, settingOf(run, field) ?? h('span', { class: 'note' }, 'not set')))))))) : h('p', { class: 'note' }, 'Nothing: the settings of all are the same.'),
      h('h2', null, 'Curves'),
      h('div', { class: 'row tools' },
        h('label', { class: 'inline' }, 'Models ', h('select', { id: 'only', value: only, onchange: (event) => { only = event.target.value; reread(); } }, h('option', { value: '' }, 'all'), names().map((name) => h('option', { value: name, selected: name === only }, name)))),
        h('label', { class: 'inline' }, 'Colour by ', h('select', { id: 'group', value: group, onchange: (event) => { group = event.target.value; reread(); } }, h('option', { value: '' }, 'run'), fields.map((field) => h('option', { value: field, selected: field === group }, field))))),
      curves.view(),
      h('h2', null, 'Results'),
      results());
  }

  function results() {
    const shown = jobs();
    const values = [...new Set(shown.flatMap((job) => (curves.read.get(job.run + '/' + job.job)?.curves || []).map((curve) => curve.name)))];
    return table([{ title: 'Model' }, { title: 'State' }, { title: 'Steps', class: 'n' }, ...values.map((name) => ({ title: 'last ' + name, class: 'n' })), { title: 'Took', class: 'n' }],
      shown.map(({ run, job }) => {
        const of = runs.find((one) => one.id === run), made = of.jobs.find((one) => one.name === job), answer = curves.read.get(run + '/' + job);
        const attempts = made.attempts || [];
        const took = attempts.reduce((sum, a) => sum + (number(a.startedMs) ? (number(a.endedMs) || Date.now()) - number(a.startedMs) : 0), 0) / 1000;
        return { key: 'result:' + run + job, cells: [h('a', { href: runHref(run, 'jobs', job) }, label(of) + ' / ' + job), badge(made.state), answer ? number(answer.lastStep) : '', ...values.map((name) => digits(answer?.curves.find((curve) => curve.name === name)?.last)), duration(took)] };
      }), 'No training has begun yet.');
  }
  return page;
}
