// One run: its jobs as a graph, their attempts, curves, logs, report, what came of it, its recipe.
import { h, show, confirmed, kept } from './dom.js';
import { blobUrl, call, pages, requestId } from './api.js';
import { look } from './chart.js';
import { Curves, TRAINS } from './curves.js';
import { ExportMenu } from './export.js';
import { ago, badge, bar, bytes, clock, demanded, digits, duration, isPaused, number, parsed, progressText, reason, runProgress, runState, shareOf, shortId, table, tagList, tone, why, word, words } from './format.js';
import { graph } from './graph.js';
import { LogView } from './logs.js';
import { lineageView } from './lineage.js';
import { eventRows } from './events.js';
import { ModelsView } from './models.js';

const TABS = [['jobs', 'Jobs'], ['curves', 'Curves'], ['logs', 'Logs'], ['models', 'Models'], ['report', 'Report'], ['lineage', 'Results'], ['recipe', 'Recipe'], ['events', 'Events']];

export const runHref = (id, tab, job) => '#/run/' + [id, tab, job].filter(Boolean).map(encodeURIComponent).join('/');

export function runPage(main, app, id, tab = 'jobs', job = '') {
  const page = { title: 'Run', busy: false };
  const logs = new LogView();
  const curves = new Curves(() => draw()), models = new ModelsView(), exports = new ExportMenu(() => run && draw());
  let run = null, events = [], report = null, lineage = null, rank = 0, epoch = 0;

  page.moved = (toId, toTab = 'jobs', toJob = '') => {
    if (toId !== id) return false;
    if (toJob !== job) [rank, epoch] = [0, 0];
    tab = toTab;
    job = toJob;
    if (tab !== 'logs') logs.close();
    if (run) draw();
    return true;
  };
  page.close = () => {
    logs.close();
    curves.destroy();
  };

  const named = () => run.jobs.find((one) => one.name === job);
  const mine = app.need('SUBMITTER');

  page.load = async () => {
    run = await call('Runs/GetRun', { id });
    run.jobs ||= [];
    page.title = run.name || run.id;
    page.busy = run.state === 'RUN_ACTIVE';
    if (tab === 'curves') await curves.load(trainings());
    if (tab === 'events') events = (await call('Runs/ListEvents', { runId: run.id, newest: true, pageSize: 500 })).events || [];
    if (tab === 'report') await loadReport();
    if (tab === 'models') await models.load(run);
    if (tab === 'lineage') await loadLineage();
    draw();
  };

  const trainings = () => run.jobs.filter((one) => TRAINS.includes(one.kind) && (one.attempts || []).length)
    .map((one, i) => ({ run: run.id, job: one.name, label: one.name, mark: one.attempts.length + one.state, ...look(i) }));

  async function loadReport() {
    const made = run.jobs.find((one) => one.kind === 'report' && one.outputs && one.outputs.report);
    if (!made) {
      report = null;
    } else if (!report || report.artifact !== made.outputs.report) {
      const artifact = await call('Artifacts/GetArtifact', { id: made.outputs.report });
      report = { artifact: made.outputs.report, files: parsed(artifact.manifestJson).files || [] };
    }
  }

  async function loadLineage() {
    const { all } = await pages('Artifacts/ListArtifacts', { runId: run.id, pageSize: 1000 }, 'artifacts', 3000);
    const last = job ? all.find((one) => one.id === job) : all.find((one) => one.kind === 'report') || all[0];
    lineage = { artifacts: all, chosen: last, graph: last ? (await call('Artifacts/GetLineage', { id: last.id })).artifacts || [] : [] };
  }

  function draw() {
    if (!run) return;
    const { share, eta } = runProgress(run);
    const active = run.state === 'RUN_ACTIVE';
    const paused = isPaused(run);
    show(main,
      h('div', { class: 'row head' },
        h('div', null, h('p', { class: 'note crumbs' }, h('a', { href: '#/runs' }, 'Runs'), ' / ', h('span', { class: 'mono' }, run.id)), h('h1', null, run.name)),
        h('span', { class: 'fill' }),
        h('div', { class: 'row' },
          exports.view(run),
          active ? h('button', { type: 'button', id: paused ? 'resume' : 'pause', disabled: Boolean(mine) || run.cancelRequested, title: mine, onclick: paused ? resume : pause }, paused ? 'Resume' : 'Pause') : null,
          active ? h('button', { type: 'button', id: 'cancel', class: 'danger', disabled: Boolean(mine) || run.cancelRequested, title: mine, onclick: cancel }, run.cancelRequested ? 'Cancelling' : 'Cancel') : null,
          !active ? h('button', { type: 'button', id: 'retry', disabled: Boolean(mine), title: mine || 'A new run of the same recipe, which takes over what succeeded', onclick: retry }, 'Retry') : null,
          !active ? h('button', { type: 'button', id: 'delete', class: 'danger', disabled: Boolean(mine), title: mine, onclick: remove }, 'Delete') : null)),
      h('div', { class: 'facts' },
        h('span', null, badge(runState(run))),
        paused ? h('span', { id: 'paused' }, 'paused ', ago(run.pausedMs), run.pausedBy ? ' by ' + run.pausedBy : '', run.pauseReason ? ': ' + run.pauseReason : '') : null,
        h('span', { class: 'stack' }, active ? bar(share, 1, Math.round(share * 100) + ' %') : null, number(run.jobsSucceeded) + ' of ' + number(run.jobsTotal) + ' jobs' + (active ? ', ' + Math.round(share * 100) + ' %' : '')),
        eta > 0 ? h('span', null, 'slowest running job: ', duration(eta), ' more') : null,
        h('span', null, 'begun ', ago(run.createdMs), run.user ? ' by ' + run.user : ''),
        number(run.endedMs) ? h('span', null, 'took ', duration((number(run.endedMs) - number(run.createdMs)) / 1000)) : null,
        h('span', { class: 'row tags', id: 'tags' }, tagList(run, mine ? null : (tag) => changeTags({ remove: [tag] })),
          h('button', { type: 'button', class: 'plain', id: 'add-tag', disabled: Boolean(mine), title: mine || 'Runs are found by their tags', onclick: addTags }, '+ tag')),
        run.retryOf ? h('span', null, 'retry of ', h('a', { href: runHref(run.retryOf), class: 'mono' }, run.retryOf)) : null),
      run.error ? h('div', { class: 'problem' }, run.error) : null,
      h('nav', { class: 'tabs', 'aria-label': 'Parts of the run' }, TABS.map(([name, title]) => h('a', { href: runHref(id, name, name === 'logs' ? job : ''), 'aria-current': tab === name ? 'page' : null }, title))),
      (PARTS[tab] || PARTS.jobs)());
  }

  const PARTS = {
    jobs: () => h('section', { 'data-key': 'jobs' },
      graph(run.jobs.map((one) => ({
        id: one.name, parents: one.parents || [], title: one.name, tone: tone(one.state), share: shareOf(one), hint: why(one) || progressText(one) || one.error,
        note: note(one), href: runHref(id, 'jobs', one.name), selected: one.name === job,
      })), 'Jobs and what they wait for'),
      job && named() ? jobView(named()) : h('p', { class: 'note' }, 'Choose a job to see its attempts.'),
      table([{ title: 'Job' }, { title: 'State' }, { title: 'What it does' }, { title: 'Where' }, { title: 'Took', class: 'n' }],
        run.jobs.map((one) => {
          const last = (one.attempts || []).at(-1);
          return { key: one.name, class: one.name === job ? 'selected' : '', cells: [
            h('span', { class: 'stack' }, h('a', { href: runHref(id, 'jobs', one.name), class: 'strong' }, one.name), h('span', { class: 'note' }, one.kind)),
            badge(one.state),
            h('span', { class: 'stack' }, one.state === 'JOB_ACTIVE' && shareOf(one) !== null ? bar(shareOf(one), 1) : null, h('span', { class: (one.state === 'JOB_FAILED' ? 'error' : 'note') + ' one-line', title: why(one) || one.error }, progressText(one) || why(one) || one.error || (one.adoptedFrom ? 'taken over from ' + one.adoptedFrom : ''))),
            last ? [...new Set(last.workers || [])].join(', ') : '', took(one)] };
        }))),
    curves: () => curves.jobs ? curves.view() : h('p', { class: 'note' }, 'Loading.'),
    logs: logsView,
    models: () => models.view(run),
    report: reportView,
    lineage: resultsView,
    recipe: () => h('section', { 'data-key': 'recipe' }, h('div', { class: 'row tools' }, h('span', { class: 'note mono' }, 'sha256 ' + (run.recipeSha256 || '')), h('span', { class: 'fill' }),
      h('button', { type: 'button', onclick: () => navigator.clipboard.writeText(run.recipe) }, 'Copy'),
      h('button', { type: 'button', onclick: () => { sessionStorage.setItem('recipe', run.recipe); app.go('#/submit'); } }, 'Use it for a new run')),
    h('pre', { class: 'numbered' }, String(run.recipe || '').split('\n').map((line) => h('span', { class: 'line' }, line + '\n')))),
    events: () => h('section', { 'data-key': 'events' }, eventRows(events.slice().reverse())),
  };

  const note = (one) => {
    const share = shareOf(one);
    if (one.state === 'JOB_ACTIVE') return share === null ? (one.progress && one.progress.phase) || 'starting' : Math.round(share * 100) + ' %' + (one.progress.etaS > 0 ? ', ' + duration(one.progress.etaS) + ' left' : '');
    if (one.state === 'JOB_QUEUED') return 'waits: ' + reason(one.pending);
    return word(one.state);
  };

  function took(one) {
    const attempts = one.attempts || [];
    if (!attempts.length) return '';
    return duration(attempts.reduce((sum, a) => sum + (number(a.startedMs) ? (number(a.endedMs) || Date.now()) - number(a.startedMs) : 0), 0) / 1000);
  }

  function jobView(one) {
    const summary = Object.entries(parsed(one.summaryJson)).filter(([, value]) => typeof value !== 'object');
    const files = (title, artifacts) => Object.keys(artifacts || {}).length ? h('p', null, title + ': ', Object.entries(artifacts).map(([role, artifact], i) => [i ? ', ' : '', role + ' ', h('a', { href: '#/artifact/' + artifact, class: 'mono' }, shortId(artifact))])) : null;
    return h('section', { class: 'card', 'data-key': 'job:' + one.name },
      h('div', { class: 'row' }, h('h2', null, one.name), badge(one.state), h('span', { class: 'fill' }),
        TRAINS.includes(one.kind) ? h('a', { href: runHref(id, 'curves') }, 'Curves') : null, h('a', { href: runHref(id, 'logs', one.name) }, 'Logs')),
      h('p', { class: 'note' }, [one.kind, number(one.ranks) > 1 ? one.ranks + ' ranks' : '', number(one.slotsPerRank) + ' ' + (one.device === 'cuda' ? 'GPU' : 'core') + (number(one.slotsPerRank) > 1 ? 's' : '') + demanded(one) + ' each',
        one.site ? (['', 'nothing'].includes(one.binding || '') ? 'at ' : 'bound to site ') + one.site : '', (one.parents || []).length ? 'after ' + one.parents.join(', ') : ''].filter(Boolean).join(', ')),
      one.pending ? h('p', { class: 'waits' }, h('b', null, reason(one.pending)), ' ', one.pendingDetail, number(one.pendingSinceMs) ? [' (since ', ago(one.pendingSinceMs), ')'] : null,
        number(one.notBeforeMs) > Date.now() ? ', tried again in ' + duration((number(one.notBeforeMs) - Date.now()) / 1000) : '') : null,
      progressText(one) ? h('p', null, progressText(one)) : null,
      one.error ? h('div', { class: 'problem' }, one.error, one.hint ? h('p', null, one.hint) : null) : null,
      one.adoptedFrom ? h('p', null, 'Its outputs were taken over from ' + one.adoptedFrom + '.') : null,
      files('Inputs', one.inputs), files('Outputs', one.outputs),
      one.checkpoint ? h('p', null, 'Newest checkpoint: step ' + number(one.checkpointStep) + ', ', h('a', { href: '#/artifact/' + one.checkpoint, class: 'mono' }, shortId(one.checkpoint))) : null,
      summary.length ? h('dl', { class: 'pairs' }, summary.map(([key, value]) => h('div', null, h('dt', null, key), h('dd', null, typeof value === 'number' ? digits(value) : String(value))))) : null,
      table([{ title: 'Attempt', class: 'n' }, { title: 'State' }, { title: 'Where' }, { title: 'Begun' }, { title: 'Took', class: 'n' }, { title: 'What happened' }],
        (one.attempts || []).slice().reverse().map((attempt) => ({ key: 'attempt:' + attempt.epoch, cells: [attempt.epoch, badge(attempt.state), (attempt.workers || []).join(', '), ago(attempt.startedMs || attempt.grantedMs),
          number(attempt.startedMs) ? duration(((number(attempt.endedMs) || Date.now()) - number(attempt.startedMs)) / 1000) : '',
          h('div', null, number(attempt.resumedStep) ? h('p', { class: 'note' }, 'went on from step ' + attempt.resumedStep) : null,
            attempt.error ? h('p', { class: 'error' }, [attempt.category, attempt.reason].filter(Boolean).join(', ') + ': ' + attempt.error) : null, attempt.hint ? h('p', null, attempt.hint) : null,
            attempt.logTail ? h('details', null, h('summary', null, 'Last lines'), h('pre', { class: 'log short' }, attempt.logTail)) : null)] })), 'No attempt yet.'),
      h('details', null, h('summary', null, 'Settings of the job'), h('pre', { class: 'log short' }, JSON.stringify(parsed(one.specJson), null, 2))));
  }

  function logsView() {
    const withLogs = run.jobs.filter((one) => (one.attempts || []).length);
    if (!withLogs.length) return h('p', { class: 'note' }, 'No job has begun yet.');
    const one = withLogs.find((each) => each.name === job) || withLogs.find((each) => each.state === 'JOB_ACTIVE') || withLogs.at(-1);
    const newest = number(one.attempts.at(-1).epoch), shown = epoch || newest;
    logs.open(run.id, one.name, shown, Math.min(rank, number(one.ranks || 1) - 1));
    return h('section', { 'data-key': 'logs' }, h('div', { class: 'row tools' },
      h('label', { class: 'inline' }, 'Job ', h('select', { id: 'log-job', value: one.name, onchange: (event) => app.go(runHref(id, 'logs', event.target.value)) }, withLogs.map((each) => h('option', { value: each.name, selected: each === one }, each.name)))),
      h('label', { class: 'inline' }, 'Attempt ', h('select', { value: String(shown), onchange: (event) => { epoch = Number(event.target.value) === newest ? 0 : Number(event.target.value); draw(); } },
        one.attempts.map((a) => h('option', { value: String(a.epoch), selected: number(a.epoch) === shown }, a.epoch + ' (' + word(a.state) + ')')))),
      number(one.ranks) > 1 ? h('label', { class: 'inline' }, 'Rank ', h('select', { value: String(rank), onchange: (event) => { rank = Number(event.target.value); draw(); } },
        Array.from({ length: number(one.ranks) }, (_, i) => h('option', { value: String(i), selected: i === rank }, String(i))))) : null), kept(logs.element));
  }

  function reportView() {
    const file = report && report.files.find((one) => one.path === 'report.html');
    if (!file) return h('p', { class: 'note' }, 'The report is made when all other jobs have ended.');
    return h('section', { 'data-key': 'report' }, h('div', { class: 'row tools' }, h('a', { href: blobUrl(file.sha256, { artifact: report.artifact, as: 'page' }), target: '_blank', rel: 'noopener' }, 'Open it alone'),
      report.files.filter((one) => /\.(html|md|json)$/.test(one.path)).map((one) => h('a', { href: blobUrl(one.sha256, { artifact: report.artifact, name: one.path }) }, one.path))),
    h('iframe', { class: 'report', title: 'Report', sandbox: '', src: blobUrl(file.sha256, { artifact: report.artifact, as: 'page' }), 'data-keep': 'report:' + file.sha256 }));
  }

  function resultsView() {
    if (!lineage) return h('p', { class: 'note' }, 'Loading.');
    if (!lineage.artifacts.length) return h('p', { class: 'note' }, 'The run has made nothing yet.');
    return h('section', { 'data-key': 'results' },
      h('label', { class: 'inline' }, 'What was made from what, for ', h('select', { value: lineage.chosen.id, onchange: (event) => app.go(runHref(id, 'lineage', event.target.value)) },
        lineage.artifacts.map((one) => h('option', { value: one.id, selected: one.id === lineage.chosen.id }, one.kind + ' of ' + (one.job || 'a user') + (one.role ? ' (' + one.role + ')' : '') + ', ' + shortId(one.id))))),
      lineageView(lineage.graph, lineage.chosen.id),
      table([{ title: 'Artifact' }, { title: 'Kind' }, { title: 'Made by' }, { title: 'Size', class: 'n' }, { title: 'When' }],
        lineage.artifacts.map((one) => ({ key: one.id, cells: [h('a', { href: '#/artifact/' + one.id, class: 'mono' }, shortId(one.id)), one.kind, (one.job || '') + (one.role ? ', ' + one.role : ''), bytes(one.bytes), h('span', { title: clock(one.createdMs) }, ago(one.createdMs))] }))));
  }

  const changeTags = (change) => app.act('The tags are changed', () => call('Runs/TagRun', { id: run.id, ...change, requestId: requestId() }));

  async function addTags() {
    const asked = await confirmed('Tag ' + run.name, 'Runs are found by their tags.', 'Add them', 'Tags, with commas between');
    if (asked && words(asked.text).length) await changeTags({ add: words(asked.text) });
  }

  async function pause() {
    const asked = await confirmed('Pause ' + run.name + '?', 'Its trainings and evaluations stop at a checkpoint, from which they go on later; other jobs that run end first. Nothing new begins until the run is resumed.', 'Pause the run', 'Reason, for all who look at it');
    if (!asked) return;
    await app.act(run.name + ' is paused', () => call('Runs/PauseRun', { id: run.id, reason: asked.text, requestId: requestId() }));
  }

  const resume = () => app.act(run.name + ' goes on', () => call('Runs/ResumeRun', { id: run.id, requestId: requestId() }));

  async function cancel() {
    if (!(await confirmed('Cancel ' + run.name + '?', 'All its jobs end; what runs is asked to stop at a checkpoint. A retry goes on from there.', 'Cancel the run'))) return;
    await app.act(run.name + ' is being cancelled', () => call('Runs/CancelRun', { id: run.id, requestId: requestId() }));
  }

  const retry = () => app.act('A new run takes over what succeeded', async () => {
    const made = await call('Runs/RetryRun', { id: run.id, requestId: requestId() });
    app.go(runHref(made.id));
  });

  async function remove() {
    let what;
    try {
      what = await call('Keeping/DeleteRun', { id: run.id, validateOnly: true });
    } catch (error) {
      return app.act('', () => Promise.reject(error));
    }
    const text = 'Its ' + number(what.jobs) + ' jobs, logs, metrics and events go, and ' + number(what.artifacts) + ' artifacts (' + bytes(what.bytes) + '); ' + number(what.artifactsKept) + ' are needed elsewhere or pinned, and stay. This cannot be taken back.';
    if (!(await confirmed('Delete ' + run.name + '?', text, 'Delete the run'))) return;
    await app.act(run.name + ' is deleted', async () => {
      await call('Keeping/DeleteRun', { id: run.id, requestId: requestId() });
      app.go('#/runs');
    });
  }
  return page;
}
