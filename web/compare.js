// Several runs side by side: what differs in their recipes, their curves, and what came of them;
// each training by itself, or in groups by any field.
import { h, kept, show } from './dom.js';
import { call } from './api.js';
import { look, style } from './chart.js';
import { Curves } from './curves.js';
import { badge, count, digits, duration, table } from './format.js';
import { differing, groupsOf, labelsOf, measuredNames, measuredOf, roles, trainingsOf } from './grouping.js';
import { runHref } from './run.js';
import { estimate } from './statistics.js';

const MOST = 500;
const FEW = 8;  // runs that each have a column of their own
const ALONE = 10;  // trainings that are told apart without groups

export function comparePage(main, app, list = '') {
  const ids = list.split(',').filter(Boolean);
  const page = { title: 'Compare', busy: false };
  const curves = new Curves(() => draw());
  let comparison = null, trainings = [], differ = [], alike = [], tables = {}, only = '', group = null;

  page.moved = (to) => to === list;
  page.close = () => curves.destroy();

  page.load = async () => {
    comparison = await call('Runs/GetComparison', { runIds: ids.slice(0, MOST) });
    comparison.runs ||= [];
    comparison.fields ||= [];
    trainings = trainingsOf(comparison);
    differ = differing(comparison, trainings);
    alike = comparison.fields.map((_, i) => i).filter((i) => !differ.includes(i));
    makeTables();
    if (group === null) group = trainings.length > ALONE ? ':settings' : '';
    page.busy = comparison.runs.some((run) => run.state === 'RUN_ACTIVE');
    curves.jobs = jobs();
    draw();
    await curves.load(curves.jobs);
    draw();
  };

  const shown = () => trainings.filter((one) => !only || one.name === only);
  const groups = () => groupsOf(comparison, shown(), group, differ);

  // What is trained, as the curves want it: each job once.
  function jobs() {
    const made = new Map();
    groups().filter((one) => one.members.some((member) => member.job)).forEach((one, i) => {
      const looks = { label: one.label, ...look(i) };
      for (const member of one.members) {
        const key = member.run.id + '/' + member.job;
        if (member.job && !made.has(key)) made.set(key, { run: member.run.id, job: member.job, mark: member.state, ...looks, ...(group ? { group: looks } : {}) });
      }
    });
    return [...made.values()];
  }

  async function reread() {
    curves.jobs = jobs();
    draw();
    await curves.load(curves.jobs).catch(() => {});  // the next reading says what is wrong
    draw();
  }

  function draw() {
    if (!comparison) return;
    const missing = comparison.missing || [], left = ids.length - MOST;
    if (!comparison.runs.length) return show(main, h('h1', null, 'Compare'), h('p', { class: 'note' }, missing.length ? 'None of these runs is there: ' + missing.join(', ') : ['Select two runs or more in the list of ', h('a', { href: '#/runs' }, 'runs'), '.']));
    const troubles = comparison.runs.filter((run) => run.trouble), labels = labelsOf(comparison.runs);
    const names = [...new Set(trainings.map((one) => one.name))];
    const option = ({ value, title }) => h('option', { value, selected: value === group }, title);
    const fields = (places) => places.map((i) => option({ value: comparison.fields[i].name, title: comparison.fields[i].name }));
    show(main, h('h1', null, 'Compare ' + comparison.runs.length + ' runs'),
      missing.length ? h('div', { class: 'problem' }, 'Not there any more: ' + missing.join(', ')) : null,
      left > 0 ? h('div', { class: 'problem' }, 'Only the first ' + MOST + ' are compared; ' + left + ' more were selected.') : null,
      troubles.map((run) => h('div', { class: 'waits' }, 'The settings of ' + labels.get(run.id) + ' are not known: ' + run.trouble)),
      h('h2', null, 'What differs'),
      differ.length ? kept(tables.differ) : h('p', { class: 'note' }, 'Nothing: all fields of the recipes are the same.'),
      alike.length ? h('details', { 'data-key': 'alike' }, h('summary', null, 'What is the same (' + alike.length + ' fields)'), kept(tables.alike)) : null,
      h('div', { class: 'row tools' },
        h('label', { class: 'inline' }, 'Models ', h('select', { id: 'only', value: only, onchange: (event) => { only = event.target.value; reread(); } }, h('option', { value: '' }, 'all'), names.map((name) => h('option', { value: name, selected: name === only }, name)))),
        h('label', { class: 'inline' }, 'Group by ', h('select', { id: 'group', value: group, onchange: (event) => { group = event.target.value; reread(); } },
          option({ value: '', title: 'nothing: each training' }), roles().map(option),
          h('optgroup', { label: 'Fields that differ' }, fields(differ)), h('optgroup', { label: 'Fields that are the same' }, fields(alike)))),
        group ? h('label', { class: 'inline' }, 'Band ', h('select', { id: 'band', value: curves.band, onchange: (event) => { curves.band = event.target.value; draw(); } },
          [['range', 'lowest to highest'], ['interval', '95 % interval of the mean']].map(([value, title]) => h('option', { value, selected: value === curves.band }, title)))) : null,
        group ? h('label', { class: 'inline' }, h('input', { type: 'checkbox', id: 'singles', checked: curves.singles, onchange: (event) => { curves.singles = event.target.checked; draw(); } }), 'single trainings, too') : null),
      h('h2', null, 'Results'),
      results(),
      h('h2', null, 'Curves'),
      curves.view());
  }

  // The tables of fields are large and seldom change: they are made once, not with each curve.
  function makeTables() {
    const of = JSON.stringify([comparison.fields, comparison.settings, comparison.runs.map((run) => [run.id, run.name, (run.models || []).map((model) => model.settings)])]);
    if (tables.of === of) return;
    const labels = labelsOf(comparison.runs), serial = (tables.serial || 0) + 1;
    tables = { of, serial, differ: settingsTable(differ, labels, 'differences', serial), alike: settingsTable(alike, labels, 'alike', serial) };
  }

  // Of few runs each has a column; of many, each value says how many trainings have it.
  function settingsTable(places, labels, id, serial) {
    const few = comparison.runs.length <= FEW;
    const values = (i, list) => {
      const counts = new Map();
      for (const one of list) counts.set(one.values[i], (counts.get(one.values[i]) || 0) + 1);
      return [...counts].map(([value, n], at) => [at ? ', ' : '', value === undefined ? h('span', { class: 'note' }, 'not set') : h('span', { class: 'break' }, value), few ? null : h('span', { class: 'note' }, ' (' + n + ')')]);
    };
    const ofRun = new Map(comparison.runs.map((run) => [run, trainings.filter((one) => one.run === run)]));
    return h('div', { class: 'wide', id, 'data-keep': id + ':' + serial, 'data-key': id + ':' + serial }, h('table', null,
      h('thead', null, h('tr', null, h('th', null, 'Field'), few ? comparison.runs.map((run) => h('th', null, h('a', { href: runHref(run.id) }, labels.get(run.id)))) : h('th', null, 'Values, and how many trainings have each'))),
      h('tbody', null, places.map((i) => h('tr', { 'data-key': comparison.fields[i].name }, h('td', { class: 'mono' }, comparison.fields[i].name),
        few ? comparison.runs.map((run) => h('td', null, values(i, ofRun.get(run)))) : h('td', null, values(i, trainings)))))));
  }

  // "4.4120 +- 0.0123"; the half width is that of the 95 % interval.
  const plusMinus = (one) => (one ? digits(one.mean) + (one.half === null ? '' : ' \u00b1 ' + digits(Number(one.half.toPrecision(2)))) : '-');

  const amount = (value) => (value === undefined ? '' : count(Math.round(value)));

  function results() {
    const names = measuredNames(shown()), all = groups();
    const lasts = curves.wanted();
    const lastOf = (member, name) => curves.read.get(member.run.id + '/' + member.job)?.curves.find((curve) => curve.name === name)?.last;
    const measured = new Map(names.map((name) => [name, all.map((one) => measuredOf(one.members, name))]));
    const lowest = Math.min(...(measured.get('loss/all') || []).map((one) => one?.mean ?? Infinity));
    const looks = new Map(jobs().map((job) => [job.label, job.group || job]));
    return h('section', { id: 'results' }, table([{ title: group ? 'Group' : 'Training' }, ...(group ? [{ title: 'Trainings', class: 'n' }] : []), { title: 'State' }, ...names.map((name) => ({ title: name.replace('loss/all', 'loss, all text').replace('bits_per_byte/all', 'bits a byte').replace(/^loss\//, 'loss, '), class: 'n' })),
      ...lasts.map((name) => ({ title: 'last ' + name, class: 'n' })), { title: 'Parameters', class: 'n' }, { title: 'Tokens', class: 'n' }, { title: 'Took', class: 'n' }],
    all.map((one, i) => {
      const states = [...new Set(one.members.map((member) => member.state))], first = one.members[0], mean = (values) => estimate(values.filter((value) => value > 0))?.mean;
      const mark = looks.has(one.label) ? h('i', { class: 'sample', style: style(looks.get(one.label)) }) : null;
      return { key: 'result:' + (group ? one.label : first.key), cells: [
        h('span', null, mark, mark ? ' ' : null, group ? one.label : h('a', { href: runHref(first.run.id, 'jobs', first.job || first.evaluation) }, one.label)),
        ...(group ? [String(one.members.length)] : []),
        h('span', null, states.map((state) => badge(state))),
        ...names.map((name) => {
          const value = measured.get(name)[i];
          return name === 'loss/all' && value && value.mean === lowest ? h('b', { title: 'the lowest' }, plusMinus(value)) : plusMinus(value);
        }),
        ...lasts.map((name) => plusMinus(estimate(one.members.map((member) => lastOf(member, name))))),
        amount(mean(one.members.map((member) => member.parameters))), amount(mean(one.members.map((member) => member.tokens))), duration(mean(one.members.map((member) => member.seconds)) ?? -1)] };
    }), 'No training has begun yet.'),
    h('p', { class: 'note' }, group ? '\u00b1 is half the 95 % interval of the mean over the trainings of a group by Student\u2019s t; one training has none. ' : 'Group trainings that differ in their seeds alone to see intervals. ', 'Losses are nats a token on text that was set aside, as the evaluation of the run measured them.'));
  }
  return page;
}
