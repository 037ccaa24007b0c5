// All runs: how far they are, what went wrong, and what can be done with several at once.
import { h, show, confirmed, toast } from './dom.js';
import { call, each, pages, requestId } from './api.js';
import { ago, badge, bar, duration, number, reason, runProgress, runState, shortId, table, tagList, word, words } from './format.js';

const MOST = 2000;
const STATES = ['active', 'paused', 'succeeded', 'failed', 'cancelled'];

export function runsPage(main, app, tag = '') {
  const page = { title: 'Runs', busy: false, runs: [], more: false };
  const chosen = new Set();
  // Tags that were seen, whichever runs are listed now.
  const tags = new Set();
  let text = '', state = '';

  const matches = (run) => (!state || word(runState(run)) === state) &&
    text.toLowerCase().split(/\s+/).every((part) => [run.name, run.id, run.user, run.error, ...(run.tags || [])].some((field) => String(field || '').toLowerCase().includes(part)));

  function progress(run) {
    const { share, eta } = runProgress(run);
    const done = number(run.jobsSucceeded) + ' of ' + number(run.jobsTotal) + ' jobs';
    if (run.state !== 'RUN_ACTIVE') return done;
    const waiting = (run.jobs || []).filter((job) => job.state === 'JOB_QUEUED');
    const running = (run.jobs || []).some((job) => job.state === 'JOB_ACTIVE');
    return h('span', { class: 'stack' }, bar(share, 1, Math.round(share * 100) + ' %'),
      h('span', { class: 'note' }, done, eta > 0 ? ', its slowest job ' + duration(eta) + ' more' : '',
        !running && waiting.length ? h('span', { title: waiting[0].pendingDetail }, ', waits: ' + reason(waiting[0].pending)) : ''));
  }

  function draw() {
    const shown = page.runs.filter(matches);
    const picked = shown.filter((run) => chosen.has(run.id));
    const counts = STATES.map((name) => [name, page.runs.filter((run) => word(runState(run)) === name).length]);
    const active = picked.filter((run) => run.state === 'RUN_ACTIVE');
    show(main,
      h('div', { class: 'row head' }, h('h1', null, 'Runs'), h('span', { class: 'note' }, counts.filter(([, n]) => n).map(([name, n]) => n + ' ' + name).join(', '))),
      h('div', { class: 'row tools' },
        h('input', { type: 'search', placeholder: 'Name, id, user, tag or error', 'aria-label': 'Find runs', value: text, oninput: (event) => { text = event.target.value; draw(); } }),
        h('select', { 'aria-label': 'State', value: state, onchange: (event) => { state = event.target.value; draw(); } },
          h('option', { value: '' }, 'any state'), STATES.map((name) => h('option', { value: name, selected: name === state }, name))),
        tags.size || tag ? h('select', { id: 'tag-filter', 'aria-label': 'Tag', value: tag, onchange: (event) => app.go('#/runs' + (event.target.value && '/' + encodeURIComponent(event.target.value))) },
          h('option', { value: '' }, 'any tag'), [...new Set([...tags, tag])].filter(Boolean).sort().map((name) => h('option', { value: name, selected: name === tag }, name))) : null,
        h('span', { class: 'fill' }),
        h('button', { type: 'button', id: 'tag-selected', disabled: !picked.length || !app.may('SUBMITTER'), title: app.need('SUBMITTER') || 'Give the selected runs tags', onclick: () => label(picked) }, 'Tag' + (picked.length > 1 ? ' ' + picked.length : '')),
        h('button', { type: 'button', id: 'compare', disabled: picked.length < 2, title: 'Select two runs or more', onclick: () => app.go('#/compare/' + picked.map((run) => run.id).join(',')) }, 'Compare' + (picked.length > 1 ? ' ' + picked.length : '')),
        h('button', { type: 'button', id: 'cancel-selected', class: 'danger', disabled: !active.length || !app.may('SUBMITTER'), title: app.need('SUBMITTER') || 'Cancel the selected runs that are active', onclick: () => cancel(active) }, 'Cancel' + (active.length ? ' ' + active.length : ''))),
      table([{ title: h('input', { type: 'checkbox', 'aria-label': 'Select all that are shown', checked: shown.length > 0 && picked.length === shown.length, indeterminate: picked.length > 0 && picked.length < shown.length,
        onchange: (event) => { shown.forEach((run) => (event.target.checked ? chosen.add(run.id) : chosen.delete(run.id))); draw(); } }), label: ' ', class: 'check' },
      { title: 'Run' }, { title: 'State' }, { title: 'Progress' }, { title: 'User' }, { title: 'Begun' }, { title: 'Took' }],
      shown.map((run) => ({
        key: run.id,
        cells: [
          h('input', { type: 'checkbox', 'aria-label': 'Select ' + run.name, checked: chosen.has(run.id), onchange: (event) => { event.target.checked ? chosen.add(run.id) : chosen.delete(run.id); draw(); } }),
          h('span', { class: 'stack' }, h('a', { href: '#/run/' + encodeURIComponent(run.id), class: 'strong' }, run.name || run.id), h('span', { class: 'note mono' }, run.id),
            (run.tags || []).length ? h('span', { class: 'row tags' }, tagList(run)) : null,
            run.error ? h('span', { class: 'error one-line', title: run.error }, run.error) : null),
          h('span', null, badge(runState(run)), run.cancelRequested && run.state === 'RUN_ACTIVE' ? h('span', { class: 'badge warn' }, 'cancelling') : null),
          progress(run), run.user || '', ago(run.createdMs),
          duration(((number(run.endedMs) || Date.now()) - number(run.createdMs)) / 1000),
        ],
      })),
      page.runs.length ? 'No run is like that.' : h('span', null, 'No run yet: ', h('a', { href: '#/submit' }, 'submit a recipe'), ', or ', h('code', null, 'braid submit recipe.yaml'), '.')),
      page.more ? h('p', { class: 'note' }, 'Only the newest ' + page.runs.length + ' runs are listed.') : null);
  }

  async function label(runs) {
    const asked = await confirmed('Tag ' + runs.length + (runs.length > 1 ? ' runs' : ' run'), 'Runs are found by their tags. A minus before a tag takes it off.', 'Change the tags', 'Tags, with commas between');
    const named = words(asked ? asked.text : '');
    if (!named.length) return;
    const add = named.filter((one) => !one.startsWith('-')), remove = named.filter((one) => one.startsWith('-')).map((one) => one.slice(1));
    let done = 0;
    // A call for each, as the audit has a row for each run; several at a time.
    await each(runs, async (run) => {
      try {
        await call('Runs/TagRun', { id: run.id, add, remove, requestId: requestId() });
        ++done;
      } catch (error) {
        toast(run.name + ': ' + error.message, true);
      }
    });
    if (done) toast('The tags of ' + done + (done > 1 ? ' runs are changed' : ' run are changed'));
    await page.load();
  }

  async function cancel(runs) {
    const names = runs.map((run) => run.name + ' (' + shortId(run.id) + ')');
    const text_ = names.slice(0, 8).join(', ') + (names.length > 8 ? ' and ' + (names.length - 8) + ' more' : '') + '. What runs is asked to stop at a checkpoint.';
    if (!(await confirmed('Cancel ' + runs.length + (runs.length > 1 ? ' runs?' : ' run?'), text_, 'Cancel them'))) return;
    let done = 0;
    await each(runs, async (run) => {
      try {
        await call('Runs/CancelRun', { id: run.id, requestId: requestId() });
        chosen.delete(run.id);
        ++done;
      } catch (error) {
        toast(run.name + ': ' + error.message, true);
      }
    });
    if (done) toast(done + (done > 1 ? ' runs are being cancelled' : ' run is being cancelled'));
    await page.load();
  }

  page.moved = (other = '') => {
    tag = other;
    return true;
  };

  page.load = async () => {
    const asked = tag;
    const { all, more } = await pages('Runs/ListRuns', { pageSize: 200, tags: tag ? [tag] : [] }, 'runs', MOST);
    if (asked !== tag) return;  // another list is on its way
    all.forEach((run) => (run.tags || []).forEach((one) => tags.add(one)));
    page.runs = all;
    page.more = more;
    page.busy = all.some((run) => run.state === 'RUN_ACTIVE');
    for (const id of [...chosen]) if (!all.some((run) => run.id === id)) chosen.delete(id);
    draw();
  };
  return page;
}
