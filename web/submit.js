// A recipe is written or pasted, checked as one types, planned, and submitted.
import { h, kept, show } from './dom.js';
import { call, pages, post, requestId } from './api.js';
import { EXAMPLE } from './example.js';
import { store } from './upload.js';
import { bytes, count, demanded, number, shortId, table } from './format.js';
import { TRAINS } from './curves.js';
import { graph } from './graph.js';
import { runHref } from './run.js';

const WAIT_MS = 400;

export function submitPage(main, app) {
  const page = { title: 'Submit', busy: false };
  let name = 'recipe.yaml', checked = null, plan = null, problem = '', artifacts = null, timer = 0, serial = 0;
  const sources = new Map(), sending = new Map();
  const text = h('textarea', { id: 'recipe', spellcheck: 'false', autocapitalize: 'off', wrap: 'off', rows: 24, 'aria-label': 'Recipe', oninput: changed, onkeydown: tab,
    placeholder: 'run: first\ntokenizer: {train: {vocab: 400}}\ncorpora:\n  tales: {files: [tales.jsonl], text: text}\n...' });
  const gutter = h('pre', { class: 'gutter', 'aria-hidden': 'true' });
  text.addEventListener('scroll', () => { gutter.scrollTop = text.scrollTop; });
  const editor = h('div', { class: 'editor', 'data-keep': 'editor' }, gutter, text);
  text.value = sessionStorage.getItem('recipe') || '';

  page.load = async () => {
    if (!artifacts) artifacts = (await pages('Artifacts/ListArtifacts', { pageSize: 1000 }, 'artifacts', 2000)).all;
    if (!checked && text.value) await check();
    draw();
  };
  page.close = () => clearTimeout(timer);

  function tab(event) {
    if (event.key !== 'Tab' || event.shiftKey) return;
    event.preventDefault();
    text.setRangeText('  ', text.selectionStart, text.selectionEnd, 'end');
    changed();
  }

  function changed() {
    sessionStorage.setItem('recipe', text.value);
    plan = null;
    problem = '';
    clearTimeout(timer);
    timer = setTimeout(async () => {
      await check();
      draw();
    }, WAIT_MS);
    numbers();
  }

  async function check() {
    const mine = ++serial;
    if (!text.value.trim()) {
      checked = null;
      return;
    }
    try {
      const answer = await post('/api/v1/check', { recipe: text.value, recipeName: name, bytes: sizes() });
      if (mine === serial) checked = answer;
    } catch (error) {
      problem = error.message;
    }
  }

  // Of the artifacts that stand for files: tokens and costs follow from them.
  function sizes() {
    const known = [...sources].map(([source, id]) => [source, (artifacts || []).find((one) => one.id === id)]).filter(([, one]) => one);
    return Object.fromEntries(known.map(([source, one]) => [source, number(one.bytes)]));
  }

  function example() {
    if (text.value.trim() && text.value !== EXAMPLE && !window.confirm('Replace what is written by an example?')) return;
    text.value = EXAMPLE;
    changed();
  }

  function numbers() {
    const marks = new Map();
    for (const finding of (checked && checked.findings) || []) {
      if (finding.line && marks.get(finding.line) !== 'error') marks.set(finding.line, finding.severity === 'ERROR' ? 'error' : 'warning');
    }
    const lines = text.value.split('\n').length;
    gutter.replaceChildren(...Array.from({ length: lines }, (_, i) => h('span', { class: marks.get(i + 1) || '' }, i + 1 + '\n')));
    gutter.scrollTop = text.scrollTop;
  }

  function goTo(line, column) {
    const lines = text.value.split('\n');
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    text.focus();
    text.setSelectionRange(start + Math.max(0, (column || 1) - 1), start + (lines[line - 1] || '').length);
    text.scrollTop = Math.max(0, (line - 5) * parseFloat(getComputedStyle(text).lineHeight));
  }

  async function upload(event) {
    const file = event.target.files[0];
    if (!file) return;
    name = file.name;
    text.value = await file.text();
    changed();
  }

  const request = () => ({
    recipe: text.value, recipeName: name,
    sources: Object.fromEntries(((checked && checked.sources) || []).map((source) => [source.name, sources.get(source.name)]).filter(([, id]) => id)),
  });

  async function makePlan() {
    try {
      plan = await call('Runs/SubmitRun', { ...request(), validateOnly: true });
      await check();
      problem = '';
    } catch (error) {
      plan = null;
      problem = error.message;
    }
    draw();
  }

  async function submit() {
    try {
      const run = await call('Runs/SubmitRun', { ...request(), requestId: requestId() });
      sessionStorage.removeItem('recipe');
      app.go(runHref(run.id));
    } catch (error) {
      problem = error.message;
      draw();
    }
  }

  // Files that are chosen here become an artifact, as braid submit makes one.
  async function choose(source, event) {
    const files = [...event.target.files];
    if (!files.length) return;
    try {
      const made = await store(source.name, files, (share) => {
        sending.set(source.name, share);
        draw();
      });
      artifacts.unshift(made);
      sources.set(source.name, made.id);
      problem = '';
    } catch (error) {
      problem = source.name + ': ' + error.message;
    }
    sending.delete(source.name);
    draw();
  }

  function sourceRow(source) {
    const fitting = artifacts.filter((one) => one.kind === source.artifact);
    return { key: source.name, cells: [h('span', { class: 'stack' }, h('b', null, source.name), h('span', { class: 'note' }, source.files.join(', '))),
      h('select', { 'aria-label': 'Artifact for ' + source.name, id: 'source:' + source.name, value: sources.get(source.name) || '', onchange: (event) => { sources.set(source.name, event.target.value); plan = null; draw(); } },
        h('option', { value: '' }, fitting.length ? 'choose what is stored' : 'nothing of kind ' + source.artifact + ' is stored'),
        fitting.map((one) => h('option', { value: one.id, selected: sources.get(source.name) === one.id }, (one.name || one.job || one.kind) + ', ' + shortId(one.id) + ', ' + bytes(one.bytes)))),
      source.name.startsWith('source.') ? h('label', { class: 'button' }, sending.has(source.name) ? 'sent: ' + Math.round(100 * sending.get(source.name)) + ' %' : 'Upload files',
        h('input', { type: 'file', class: 'hidden', id: 'upload:' + source.name, multiple: true, disabled: Boolean(app.need('SUBMITTER')) || sending.has(source.name), onchange: (event) => choose(source, event) })) : ''] };
  }

  // What it costs, as braid plan says it.
  function costs(of) {
    if (!of || !of.jobs.length) return null;
    const known = (value) => (value > 0 ? count(value) : '-');
    const trained = of.jobs.filter((job) => TRAINS.includes(job.kind)).reduce((sum, job) => sum + job.tokens * job.runShare, 0);
    const flops = of.jobs.reduce((sum, job) => sum + job.flops * job.runShare, 0);
    return [
      h('p', { id: 'cost' }, trained > 0 ? 'About ' + count(trained) + ' tokens trained, ' + count(flops) + ' floating point operations, estimated from the sizes of files and the caps of the recipe' + (of.jobs.some((job) => job.runShare < 1) ? '; trainings that are stopped at a rung cost no more.' : '.') : 'Tokens and operations are not known without the text.'),
      h('h3', null, 'Models'),
      table([{ title: 'Model' }, { title: 'Parameters', class: 'n' }, { title: 'Without embeddings', class: 'n' }, { title: 'Tokens', class: 'n' }, { title: 'Steps of an epoch', class: 'n' }],
        of.models.map((model) => ({ key: 'model:' + model.name, cells: [model.name, model.parameters > model.bodyParameters ? known(model.parameters) : '-', known(model.bodyParameters), known(model.tokens), model.steps > 0 ? String(model.steps) : '-'] })), 'It trains no model.'),
      h('h3', null, 'Jobs'),
      table([{ title: 'Job' }, { title: 'Kind' }, { title: 'Slots' }, { title: 'Tokens', class: 'n' }, { title: 'Operations', class: 'n' }, { title: 'Output', class: 'n' }],
        of.jobs.map((job) => ({ key: 'planned:' + job.name, cells: [job.name, job.kind, job.ranks + ' \u00d7 ' + job.slotsPerRank + (job.device === 'cuda' ? ' GPU' : '') + demanded((plan.jobs || []).find((one) => one.name === job.name) || {}), known(job.tokens), known(job.flops), job.bytes > 0 ? bytes(job.bytes) : '-'] })))];
  }

  function draw() {
    const findings = (checked && checked.findings) || [], wanted = (checked && checked.sources) || [];
    const errors = findings.filter((finding) => finding.severity === 'ERROR').length;
    const missing = wanted.filter((source) => !sources.get(source.name));
    const need = app.need('SUBMITTER');
    const cannot = need || (!checked ? 'Write or paste a recipe first' : errors ? 'There are errors' : missing.length ? 'Upload or choose something for ' + missing.map((source) => source.name).join(', ') : null);
    show(main,
      h('div', { class: 'row head' }, h('h1', null, 'Submit'), h('span', { class: 'fill' }),
        h('button', { type: 'button', id: 'example', onclick: example }, 'Example'),
        h('label', { class: 'button' }, 'Open a file', h('input', { type: 'file', id: 'file', class: 'hidden', accept: '.yaml,.yml,text/*', onchange: upload })),
        h('button', { type: 'button', id: 'plan', disabled: Boolean(cannot), title: cannot, onclick: makePlan }, 'Plan'),
        h('button', { type: 'button', id: 'submit', class: 'main', disabled: Boolean(cannot), title: cannot, onclick: submit }, 'Submit')),
      kept(editor),
      problem ? h('div', { class: 'problem', role: 'alert' }, problem) : null,
      h('p', { id: 'verdict', role: 'status' }, !checked ? h('span', { class: 'note' }, 'What is wrong is listed here as you write.')
        : errors ? errors + (errors > 1 ? ' errors' : ' error') : 'The recipe is right: ' + checked.jobs + ' jobs' + (findings.length ? ', ' + findings.length + ' warnings' : '') + '.'),
      findings.length ? h('ul', { class: 'findings' }, findings.map((finding) => h('li', { class: finding.severity === 'ERROR' ? 'error' : 'warning' },
        finding.line ? h('button', { type: 'button', class: 'plain mono', onclick: () => goTo(finding.line, finding.column) }, 'line ' + finding.line + (finding.column ? ':' + finding.column : '')) : null, ' ', finding.message))) : null,
      wanted.length ? h('section', null, h('h2', null, 'Files of the recipe'),
        h('p', { class: 'note' }, 'A browser does not find the files that a recipe names: upload them, or choose what is stored already. ', h('code', null, 'braid submit'), ' does it by itself where the files are, and checks what is in them.'),
        table([{ title: 'File' }, { title: 'Stands for it' }, { title: '' }], wanted.map(sourceRow))) : null,
      plan ? h('section', { id: 'planned' }, h('h2', null, 'Plan: ' + number(plan.jobsTotal) + ' jobs'),
        graph((plan.jobs || []).map((job) => ({ id: job.name, parents: job.parents || [], title: job.name, note: job.kind + (number(job.ranks) > 1 ? ', ' + job.ranks + ' ranks' : ''), tone: 'dim' })), 'Jobs of the plan'),
        costs(checked && checked.plan)) : null,
      checked && checked.settings && checked.settings.length ? h('details', null, h('summary', null, 'All settings in force (' + checked.settings.length + ')'), h('pre', { class: 'log short' }, checked.settings.join('\n'))) : null);
    numbers();
  }
  return page;
}
