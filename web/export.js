// What one takes along from a run: the curves of its trainings as tables, its models as files.
import { h, toast } from './dom.js';
import { blobUrl, call, each, replies } from './api.js';
import { TRAINS } from './curves.js';
import { bytes, number, parsed } from './format.js';

// A field of a CSV file (RFC 4180).
const field = (text) => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);

// Points of metrics as `braid export --csv` writes them: the column step, and one for each value, empty
// where it was not measured. Numbers are exact: they read back as the same bits.
export function csvOf(points) {
  const seen = new Set();
  for (const point of points) for (const name of Object.keys(point.values || {})) seen.add(name);
  const names = [...seen].sort();
  const value = (point, name) => (Object.hasOwn(point.values || {}, name) ? point.values[name] : '');
  const rows = points.map((point) => [point.step || 0, ...names.map((name) => value(point, name))].join(','));
  return [['step', ...names].map(field).join(','), ...rows].join('\n') + '\n';
}

// Gives the browser a file to keep.
function keep(name, text, type) {
  const link = h('a', { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

const fileName = (run, job, end) => (run.name + '-' + job).replace(/[^\w.-]+/g, '_') + end;

// The menu of a run, which asks for what it needs when it is opened.
export class ExportMenu {
  constructor(redraw) {
    this.redraw = redraw;
    this.busy = '';  // the training whose points are being read
    this.models = null;  // {job, artifact, files}, in the order of the jobs; null: not read yet
  }

  // Every point of a training, however many there are.
  async curves(run, job) {
    if (this.busy) return;
    this.busy = job;
    this.redraw();
    try {
      const points = [];
      await replies('Jobs/ReadMetrics', { runId: run.id, job }, (reply) => {
        for (const point of reply.points || []) points.push(point);
      });
      keep(fileName(run, job, '.csv'), csvOf(points), 'text/csv');
    } catch (error) {
      toast(job + ': ' + error.message, true);
    }
    this.busy = '';
    this.redraw();
  }

  // The models that the run has made so far.
  async find(run) {
    if (this.reads) return;
    this.reads = true;
    const made = run.jobs.filter((job) => job.outputs?.model);
    const before = this.models || [];
    const found = await each(made, async ({ name: job, outputs: { model: id } }) => {
      const known = before.find((one) => one.artifact.id === id);
      if (known) return { ...known, job };
      try {
        const artifact = await call('Artifacts/GetArtifact', { id });
        return { job, artifact, files: (parsed(artifact.manifestJson).files || []).filter((file) => /^model.*\.safetensors$/.test(file.path)) };
      } catch (error) {
        toast(job + ': ' + error.message, true);
        return null;
      }
    });
    this.models = found.filter(Boolean);
    this.missing = found.length - this.models.length;
    this.reads = false;
    this.redraw();
  }

  model(run, { job, artifact, files }) {
    const away = number(artifact.removedMs) ? 'removed: ' + artifact.removedWhy : artifact.bound ? 'its files stay at site ' + artifact.site : '';
    return h('li', { 'data-key': 'model:' + job }, h('span', { class: 'strong' }, job), ' ',
      away ? h('span', { class: 'note' }, away) : files.map((file) => h('a', { href: blobUrl(file.sha256, { artifact: artifact.id, name: fileName(run, job, files.length > 1 ? '-' + file.path : '.safetensors') }) }, bytes(file.size), ' ')),
      ' ', h('a', { href: '#/artifact/' + artifact.id, class: 'note' }, 'all files'));
  }

  view(run) {
    const trainings = run.jobs.filter((job) => TRAINS.includes(job.kind) && (job.attempts || []).length);
    return h('details', { class: 'menu', id: 'export', ontoggle: (event) => event.target.open && this.find(run) },
      h('summary', null, 'Export'),
      h('div', null,
        h('b', null, 'Curves, each step, as CSV'),
        trainings.length ? trainings.map((job) => h('button', { type: 'button', class: 'plain', 'data-key': 'csv:' + job.name, disabled: Boolean(this.busy), onclick: () => this.curves(run, job.name) }, this.busy === job.name ? job.name + ': reading' : job.name)) : h('span', { class: 'note' }, 'No training has begun yet.'),
        h('b', null, 'Models as safetensors'),
        this.models?.length ? h('ul', { class: 'plain-list' }, this.models.map((one) => this.model(run, one))) : null,
        !this.models ? h('span', { class: 'note' }, 'Reading.') : this.missing ? h('span', { class: 'note' }, this.missing + ' cannot be read; open this again to try.') : !this.models.length ? h('span', { class: 'note' }, 'None is made yet.') : null,
        h('span', { class: 'note' }, 'For other tools: ', h('code', null, 'braid export --help'))));
  }
}
