// Sites: what each of them has, what runs there and what waits for it; and the pools whose workers a
// batch system starts.
import { h, show } from './dom.js';
import { call, pages } from './api.js';
import { ago, bar, bytes, clock, groupedBy, number, reason, table } from './format.js';
import { runHref } from './run.js';

const MOST_JOBS = 2000;
const MOST_EVENTS = 1000;
const SHOWN = 8;

const limited = (value, most, show_) => show_(value) + (number(most) >= 0 ? ' of ' + show_(most) : '');

export function sitesPage(main) {
  const page = { title: 'Sites', busy: false };
  let workers = [], jobs = [], quotas = [], pools = [];

  page.load = async () => {
    const [listed, active, limits, found] = await Promise.all([
      call('Admin/ListWorkers'), pages('Jobs/ListJobs', { states: ['JOB_ACTIVE', 'JOB_CANCELLING', 'JOB_QUEUED'], pageSize: 1000 }, 'jobs', MOST_JOBS),
      call('Admin/ListQuotas'), call('Pools/ListPools')]);
    workers = listed.workers || [];
    jobs = active.all;
    quotas = (limits.quotas || []).filter((one) => one.kind === 'site');
    pools = found.pools || [];
    page.busy = jobs.length > 0;
    draw();
  };

  const links = (list) => h('ul', { class: 'plain-list' }, list.slice(0, SHOWN).map((job) => h('li', null, h('a', { href: runHref(job.runId, 'jobs', job.name) }, job.name), h('span', { class: 'note' }, ' of ' + job.runId + (job.pending ? ', ' + reason(job.pending) : '')))),
    list.length > SHOWN ? h('li', { class: 'note' }, 'and ' + (list.length - SHOWN) + ' more') : null);

  function draw() {
    const byName = new Map(workers.map((worker) => [worker.id, worker.site || '']));
    const siteOf = (job) => byName.get((job.attempts || []).at(-1)?.workers?.[0]) ?? job.site ?? '';
    const running = groupedBy(jobs.filter((job) => job.state !== 'JOB_QUEUED'), siteOf);
    const waiting = groupedBy(jobs.filter((job) => job.state === 'JOB_QUEUED' && job.site), (job) => job.site);
    const anywhere = jobs.filter((job) => job.state === 'JOB_QUEUED' && !job.site);
    const names = [...new Set([...workers.map((worker) => worker.site || ''), ...quotas.map((one) => one.name), ...pools.map((pool) => pool.site || ''), ...waiting.keys()])].sort();
    show(main, h('div', { class: 'row head' }, h('h1', null, 'Sites'), h('span', { class: 'note' }, names.length + (names.length === 1 ? ' site, ' : ' sites, ') + workers.length + ' workers')),
      table([{ title: 'Site' }, { title: 'Workers' }, { title: 'Slots' }, { title: 'GPUs' }, { title: 'Runs there' }, { title: 'Waits for it' }, { title: 'Kept' }, { title: 'Pools' }],
        names.map((name) => {
          const here = workers.filter((worker) => (worker.site || '') === name), ready = here.filter((worker) => worker.link === 'WORKER_READY');
          const slots = ready.reduce((sum, worker) => sum + number(worker.cpuSlots) + (worker.gpus || []).length, 0), used = ready.reduce((sum, worker) => sum + number(worker.slotsUsed), 0);
          const gpus = ready.flatMap((worker) => worker.gpus || []), quota = quotas.find((one) => one.name === name);
          return { key: 'site:' + name, cells: [h('b', null, name || 'without a name'), ready.length + ' of ' + here.length + ' connected',
            h('span', { class: 'stack' }, bar(used, slots), h('span', { class: 'note' }, used + ' of ' + slots)),
            gpus.length ? [...groupedBy(gpus, (gpu) => gpu.name + ', ' + bytes(gpu.memoryBytes))].map(([title, list]) => h('div', null, list.length + ' \u00d7 ' + title)) : h('span', { class: 'note' }, 'none'),
            running.has(name) ? links(running.get(name)) : h('span', { class: 'note' }, 'nothing'), waiting.has(name) ? links(waiting.get(name)) : h('span', { class: 'note' }, 'nothing'),
            quota ? h('span', { class: 'stack' }, limited(quota.artifactBytes, quota.artifactBytesLimit, bytes), h('span', { class: 'note' }, limited(quota.jobs, quota.jobsLimit, (value) => String(number(value))) + ' jobs')) : '',
            pools.filter((pool) => (pool.site || '') === name).map((pool) => h('div', null, h('a', { href: '#/pools' }, pool.name), ' ', pool.trouble ? h('span', { class: 'badge bad', title: pool.trouble }, 'in trouble') : null))] };
        }), 'No worker has connected yet.'),
      anywhere.length ? [h('h2', null, 'Waits, and may run anywhere'), links(anywhere)] : null);
  }
  return page;
}

export function poolsPage(main) {
  const page = { title: 'Pools', busy: true };
  let pools = [], events = [];

  page.load = async () => {
    const [found, happened] = await Promise.all([call('Pools/ListPools'), call('Runs/ListEvents', { newest: true, pageSize: MOST_EVENTS })]);
    pools = found.pools || [];
    events = (happened.events || []).filter((event) => event.kind.startsWith('pool.')).reverse();
    draw();
  };

  function poolView(pool) {
    const jobs = pool.jobs || [], settings = Object.entries(pool.settings || {});
    return h('section', { class: 'card', 'data-key': 'pool:' + pool.name },
      h('div', { class: 'row' }, h('h2', null, pool.name), h('span', { class: 'badge ' + (pool.trouble ? 'bad' : 'good') }, pool.trouble ? 'in trouble' : 'well'), h('span', { class: 'fill' }), h('span', { class: 'note' }, 'heard ', ago(pool.lastSeenMs))),
      pool.trouble ? h('div', { class: 'problem' }, pool.trouble) : null,
      h('p', { class: 'note' }, [pool.engine, pool.site && 'workers at ' + pool.site, 'served on ' + (pool.host || '?'), pool.folder].filter(Boolean).join(', ')),
      h('div', { class: 'facts' }, h('span', null, number(pool.workersReady) + ' of at most ' + number(pool.maxWorkers) + ' workers connected'),
        h('span', null, 'each with ' + number(pool.cpuSlots) + ' cores' + (number(pool.gpus) ? ' and ' + number(pool.gpus) + ' GPUs' : ''))),
      settings.length ? h('dl', { class: 'pairs' }, settings.map(([key, value]) => h('div', null, h('dt', null, key), h('dd', null, value)))) : null,
      table([{ title: 'Job of the engine' }, { title: 'State' }, { title: 'Workers', class: 'n' }, { title: 'Why it waits' }],
        jobs.map((job) => ({ key: pool.name + ':' + job.id, cells: [h('span', { class: 'stack' }, h('b', null, job.id), h('span', { class: 'note' }, job.name)), job.state || '', String(number(job.workers)), job.reason || ''] })), 'It has asked its engine for nothing.'));
  }

  function draw() {
    show(main, h('div', { class: 'row head' }, h('h1', null, 'Pools'), h('span', { class: 'note' }, 'whose agents were heard of since the coordinator started')),
      pools.length ? pools.map(poolView) : h('p', { class: 'note' }, 'No pool is served: ', h('code', null, 'braid pool create'), ' and ', h('code', null, 'braid pool serve'), ' at a site let a batch system start workers there when jobs wait.'),
      h('h2', null, 'What happened'),
      table([{ title: 'Time' }, { title: 'What' }, { title: 'In words' }], events.map((event) => ({ key: 'event:' + event.seq, cells: [h('span', { class: 'mono' }, clock(event.timeMs)), event.kind, event.detail || ''] })), 'Nothing of pools is among the newest ' + MOST_EVENTS + ' events.'));
  }
  return page;
}
