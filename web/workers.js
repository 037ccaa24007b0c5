// Workers: whether they are there, what they run, and taking them out of service.
import { h, show, svg, confirmed } from './dom.js';
import { call, requestId } from './api.js';
import { ago, badge, bar, bytes, number, table } from './format.js';
import { runHref } from './run.js';

// Curves are asked for of so many workers, and this often.
const MOST_CURVES = 200, CURVES_MS = 10000;

// The curve of percentages (-1: not known) over an hour.
function spark(values, what) {
  const known = (values || []).filter((value) => value >= 0);
  if (!known.length) return null;
  let path = '', pen = 'M';
  values.forEach((value, i) => {
    if (value >= 0) path += pen + i + ' ' + (20 - value / 5);
    pen = value >= 0 ? 'L' : 'M';
    // One value alone is a dot.
    if (value >= 0 && !(values[i + 1] >= 0)) path += 'h.5';
  });
  const title = what + ' in the last hour: ' + Math.min(...known) + ' to ' + Math.max(...known) + ' %';
  return svg('svg', { class: 'spark', viewBox: '-1 -1 ' + (values.length + 2) + ' 22', preserveAspectRatio: 'none', role: 'img', 'aria-label': title, 'data-points': known.length },
    svg('title', null, title), svg('path', { d: path }));
}

export function workersPage(main, app) {
  const page = { title: 'Workers', busy: false };
  let workers = [], jobs = new Map(), places = [], text = '', curves = new Map(), curvesAt = 0;

  const matches = (worker) => [worker.id, worker.site, worker.host].some((field) => String(field || '').toLowerCase().includes(text.toLowerCase()));

  async function loadCurves() {
    if (Date.now() - curvesAt < CURVES_MS) return;
    const asked = workers.filter((worker) => worker.load && matches(worker)).slice(0, MOST_CURVES).map((worker) => worker.id);
    curvesAt = Date.now();
    try {
      const { workers: found = [] } = asked.length ? await call('Admin/GetWorkerLoads', { workers: asked }) : {};
      curves = new Map(found.map((one) => [one.worker, one]));
    } catch (error) {
      if (error.status === 401) throw error;
      curves = new Map();  // the rest of the page is worth more
    }
  }

  // How busy a machine is, and was.
  function load(worker) {
    const now = worker.load, then = curves.get(worker.id) || {};
    if (!now) return h('span', { class: 'note' }, 'not known');
    const gpus = now.gpus || [], busy = gpus.filter((gpu) => gpu.busyPercent !== undefined);
    const mib = (value) => bytes(number(value) * 1048576);
    const sum = (field) => gpus.reduce((all, gpu) => all + number(gpu[field]), 0);
    const each = gpus.map((gpu, i) => 'GPU ' + i + ': ' + (gpu.busyPercent === undefined ? '' : number(gpu.busyPercent) + ' % busy, ') + mib(gpu.memoryUsedMib) + ' of ' + mib(gpu.memoryMib)).join('\n');
    const line = (name, value, values, title) => h('li', { title }, h('span', { class: 'note' }, name + ' '), value, spark(values, name));
    return h('ul', { class: 'plain-list loads' },
      now.cpuPercent === undefined ? null : line('CPU', number(now.cpuPercent) + ' %', then.cpu),
      number(now.memoryMib) ? line('memory', mib(now.memoryUsedMib) + ' of ' + mib(now.memoryMib), then.memory) : null,
      busy.length ? line('GPU', Math.round(busy.reduce((all, gpu) => all + number(gpu.busyPercent), 0) / busy.length) + ' %', then.gpu, each) : null,
      sum('memoryMib') ? line('GPU memory', mib(sum('memoryUsedMib')) + ' of ' + mib(sum('memoryMib')), then.gpuMemory, each) : null);
  }

  // Its memory, and what its ranks were promised of it; those whose recipe names none may use the rest.
  function memory(worker) {
    const all = number(worker.memoryBytes);
    if (!all) return null;
    const promised = (worker.ranks || []).reduce((sum, rank) => sum + number(jobs.get(rank.runId + '/' + rank.job)?.memoryBytes), 0);
    return [bar(promised, all, 'memory that jobs were promised'),
      h('span', { class: 'note' }, bytes(all) + ' of memory: ' + bytes(promised) + ' promised, ' + bytes(Math.max(0, all - promised)) + ' free')];
  }

  page.load = async () => {
    const [listed, sites, active] = await Promise.all([
      call('Admin/ListWorkers'), call('Admin/ListSites'), call('Jobs/ListJobs', { states: ['JOB_ACTIVE', 'JOB_CANCELLING'], pageSize: 1000 })]);
    workers = listed.workers || [];
    places = sites.sites || [];
    jobs = new Map((active.jobs || []).map((job) => [job.runId + '/' + job.name, job]));
    page.busy = jobs.size > 0;
    await loadCurves();
    draw();
  };

  const need = app.need('OPERATOR');

  function ranks(worker) {
    const held = worker.ranks || [];
    if (!held.length) return h('span', { class: 'note' }, 'nothing');
    return h('ul', { class: 'plain-list' }, held.map((rank) => {
      const job = jobs.get(rank.runId + '/' + rank.job);
      const p = job && job.progress;
      return h('li', null, h('a', { href: runHref(rank.runId, 'jobs', rank.job) }, rank.job), job && number(job.ranks) > 1 ? ' rank ' + number(rank.rank) : '',
        h('span', { class: 'note' }, ' of ', rank.runId, p && p.phase ? ', ' + p.phase + (number(p.total) ? ' ' + Math.floor(100 * number(p.done) / number(p.total)) + ' %' : '') : ''));
    }));
  }

  function actions(worker) {
    const button = (label, id, onclick, title) => h('button', { type: 'button', id: id + ':' + worker.id, disabled: Boolean(need), title: need || title, onclick }, label);
    const request = (method, what, more) => app.act(worker.id + ' ' + what, () => call('Admin/' + method, { id: worker.id, requestId: requestId(), ...more }));
    if (worker.admit !== 'WORKER_OPEN') return button('Open', 'open', () => request('CordonWorker', 'takes jobs again', { open: true }), 'Let it take new jobs again');
    const release = worker.quarantine ? button('Release', 'release', () => request('ReleaseWorker', 'gets jobs again'), 'End its quarantine') : null;
    return h('span', { class: 'row' }, release, button('Cordon', 'cordon', () => request('CordonWorker', 'takes no new jobs'), 'No new jobs; what runs goes on'),
      button('Drain', 'drain', async () => {
        if (await confirmed('Drain ' + worker.id + '?', 'What it runs stops at a checkpoint and goes to other workers; it takes no new jobs until it is opened.', 'Drain it')) request('DrainWorker', 'is being drained');
      }, 'Move what it runs to other workers'));
  }

  function troubles(worker) {
    const list = [...(worker.quarantine ? [worker.quarantine] : []), ...(worker.refusedGpus || []).map((gpu) => 'GPU ' + gpu.id + ' belongs to ' + gpu.worker + ': ' + gpu.reason),
      ...(worker.reach || []).filter((one) => !one.reached).map((one) => 'does not reach ' + one.worker + ': ' + one.why)];
    return list.map((line) => h('span', { class: 'error' }, line));
  }

  // What the workers of each site have moved so far.
  function sitesView() {
    const moved = (site, way, kind) => (site.traffic || []).filter((one) => one.way === way && (!kind || one.kind === kind)).reduce((sum, one) => sum + number(one.bytes), 0);
    const parts = (site, way) => h('span', { class: 'stack' }, bytes(moved(site, way)), h('span', { class: 'note' },
      [['corpus', 'corpora'], ['shards', 'shards'], ['checkpoint', 'checkpoints'], ['other', 'other']].filter(([kind]) => moved(site, way, kind)).map(([kind, name]) => name + ' ' + bytes(moved(site, way, kind))).join(', ')));
    return [h('h2', null, 'Sites'), table([{ title: 'Site' }, { title: 'Workers connected' }, { title: 'Fetched' }, { title: 'From neighbours' }, { title: 'From and to the bucket' }, { title: 'Sent' }],
      places.map((site) => ({ key: 'site:' + site.name, cells: [h('b', null, site.name || 'none'), number(site.workersReady) + ' of ' + number(site.workers), parts(site, 'fetched'), parts(site, 'neighbour'), parts(site, 'direct'), parts(site, 'sent')] })), 'No site is known yet.')];
  }

  function draw() {
    const shown = workers.filter(matches);
    const sites = [...new Set(workers.map((worker) => worker.site || ''))].sort();
    const slots = workers.reduce((sum, worker) => sum + number(worker.cpuSlots), 0), used = workers.reduce((sum, worker) => sum + number(worker.slotsUsed), 0);
    show(main, h('div', { class: 'row head' }, h('h1', null, 'Workers'), h('span', { class: 'note' }, workers.filter((worker) => worker.link === 'WORKER_READY').length + ' of ' + workers.length + ' connected, ' + used + ' of ' + slots + ' slots in use' + (sites.length > 1 ? ', at ' + sites.join(', ') : ''))),
      h('div', { class: 'row tools' }, h('input', { type: 'search', placeholder: 'Id, site or host', 'aria-label': 'Find workers', value: text, oninput: (event) => { text = event.target.value; curvesAt = 0; draw(); loadCurves().then(draw); } })),
      table([{ title: 'Worker' }, { title: 'State' }, { title: 'Slots and memory' }, { title: 'GPUs' }, { title: 'Load' }, { title: 'Runs' }, { title: 'Seen' }, { title: 'Take out' }],
        shown.map((worker) => {
          const gpus = worker.gpus || [], all = number(worker.cpuSlots) + gpus.length;
          return { key: worker.id, cells: [
            h('span', { class: 'stack' }, h('b', null, worker.id), h('span', { class: 'note' }, [worker.site, worker.host, worker.version, worker.address].filter(Boolean).join(', ')),
              Object.entries(worker.labels || {}).map(([key, value]) => h('span', { class: 'note' }, key + '=' + value)), troubles(worker)),
            h('span', null, badge(worker.link), worker.admit !== 'WORKER_OPEN' ? badge(worker.admit) : worker.quarantine ? badge('WORKER_QUARANTINED') : null),
            h('span', { class: 'stack' }, bar(number(worker.slotsUsed), all), h('span', { class: 'note' }, number(worker.slotsUsed) + ' of ' + all), memory(worker)),
            gpus.length ? h('ul', { class: 'plain-list' }, gpus.map((gpu) => h('li', { title: gpu.id }, gpu.name + ', ' + bytes(gpu.memoryBytes)))) : h('span', { class: 'note' }, 'none'),
            load(worker), ranks(worker), worker.link === 'WORKER_READY' ? 'now' : ago(worker.lastSeenMs), actions(worker)] };
        }), workers.length ? 'No worker is like that.' : 'No worker has connected yet: braid up starts some, braid worker invite lets others join.'), sitesView());
  }
  return page;
}

