// The models of a run as they come: what their evaluations measured and wrote, and the proofs of the
// merges. All of it stands in the files of artifacts (docs/formats.md).
import { h } from './dom.js';
import { blobUrl, call, each } from './api.js';
import { count, digits, number, parsed, table } from './format.js';

const FILES = { evaluate: ['evaluation', 'evaluation.json'], merge: ['merge', 'merge.json'], gate: ['gate', 'gate.json'] };
const RULES = [['copy', 'taken whole from one parent'], ['concatenate', 'put together from parts of parents'], ['partial', 'parts of parents, the rest new'], ['initialize', 'new']];
const MOST_TENSORS = 2000;

const subject = (job) => job.slice(job.indexOf(':') + 1);

export class ModelsView {
  constructor() {
    this.read = new Map();  // artifact -> what its file says, or {problem}
  }

  // Reads the files of jobs that have ended since the last time.
  async load(run) {
    const wanted = run.jobs.filter((job) => FILES[job.kind] && job.outputs && job.outputs[FILES[job.kind][0]]);
    await each(wanted, async (job) => {
      const [role, path] = FILES[job.kind], id = job.outputs[role];
      if (!this.read.has(id) || this.read.get(id)?.again) this.read.set(id, await fileOf(id, path));
    });
  }

  of(job) {
    return job && this.read.get(job.outputs?.[FILES[job.kind][0]]);
  }

  view(run) {
    const ofKind = (kind) => run.jobs.filter((job) => job.kind === kind);
    const merges = ofKind('merge').map((job) => [job, this.of(job)]).filter(([, account]) => account);
    const models = ofKind('evaluate').map((job) => [job, this.of(job)]).filter(([, found]) => found);
    const waiting = [...ofKind('evaluate'), ...ofKind('merge')].filter((job) => !this.of(job));
    if (!merges.length && !models.length) return h('p', { class: 'note' }, waiting.length ? 'Each model is shown here when it is merged or evaluated.' : 'The run merges and evaluates nothing.');
    return h('section', { 'data-key': 'models' },
      merges.map(([job, account]) => mergeView(subject(job.name), account, this.of(ofKind('gate').find((gate) => subject(gate.name) === subject(job.name))))),
      models.map(([job, found]) => modelView(subject(job.name), found)),
      waiting.length ? h('p', { class: 'note' }, 'Not there yet: ' + waiting.map((job) => job.name).join(', ') + '.') : null);
  }
}

async function fileOf(id, path) {
  try {
    const artifact = await call('Artifacts/GetArtifact', { id });
    const file = (parsed(artifact.manifestJson).files || []).find((one) => one.path === path);
    if (!file || number(artifact.removedMs)) return { problem: file ? 'The artifact was removed: ' + artifact.removedWhy : 'The artifact has no ' + path + '.' };
    const response = await fetch(blobUrl(file.sha256, { artifact: id, as: 'text' }), { credentials: 'same-origin' });
    const text = await response.text();
    return response.ok ? JSON.parse(text) : { problem: parsed(text).message || 'It cannot be read.' };
  } catch (error) {
    return { problem: error.message, again: true };
  }
}

const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value && typeof value === 'object' && !Array.isArray(value) ? value : {});
const proved = (good, words) => h('span', { class: 'badge ' + (good ? 'good' : 'warn') }, words);

// From what a composite is made, and that it is so: merge.json and gate.json.
function mergeView(name, account, gate) {
  if (account.problem) return card(name, 'composite', h('p', { class: 'error' }, account.problem));
  const tensors = list(account.tensors), dropped = list(account.dropped);
  const rules = RULES.map(([rule, words]) => [words, tensors.filter((tensor) => tensor.rule === rule).length]).filter(([, n]) => n);
  return card(name, 'composite of ' + list(account.parents).join(', ') + (account.base === true ? ', on a base' : ''),
    h('div', { class: 'facts' }, proved(account.proof === 'bit-equal', account.proof === 'bit-equal' ? 'bytes proved: bit-equal' : 'bytes not proved'),
      gate && !gate.problem ? proved(gate.passed !== false && gate.hidden_states === 'bit-equal', 'hidden states: ' + (gate.hidden_states || 'not compared')) : null,
      gate && gate.logits ? proved(gate.passed !== false, 'logits: ' + (gate.logits.equal || 'compared') + ', largest difference ' + digits(gate.logits.max_difference)) : null,
      h('span', null, count(account.parameters) + ' parameters'), h('span', null, 'seed ' + String(account.seed ?? '-')), account.carry_optimizer ? h('span', null, 'with the optimizers\u2019 states') : null),
    h('p', null, tensors.length + ' tensors: ' + rules.map(([words, n]) => n + ' ' + words).join('; ') + '. ', dropped.length ? dropped.length + ' of the parents\u2019 have no place.' : 'Nothing of the parents is left out.'),
    gate && gate.problem ? h('p', { class: 'error' }, gate.problem) : gate ? lossesOf(gate) : null,
    h('details', { 'data-key': 'tensors:' + name }, h('summary', null, 'Each tensor, and where it is from'),
      table([{ title: 'Tensor' }, { title: 'Shape' }, { title: 'Rule' }, { title: 'From' }], tensors.slice(0, MOST_TENSORS).map((tensor) => ({ cells: [h('span', { class: 'mono' }, tensor.name), list(tensor.shape).join(' \u00d7 '), tensor.rule,
        list(tensor.sources).map((source) => h('div', { class: 'note' }, source.parent + ': ' + source.tensor + placeOf(source)))] }))),
      dropped.length ? [h('h3', null, 'Left out'), table([{ title: 'Parent' }, { title: 'Tensor' }, { title: 'Elements', class: 'n' }], dropped.map((one) => ({ cells: [one.parent, one.tensor, number(one.elements) + ' of ' + number(one.of)] })))] : null));
}

// " rows 0-32, columns 0-64 -> rows 32-64"
function placeOf(source) {
  const range = (words, pair) => (Array.isArray(pair) ? ' ' + words + ' ' + pair[0] + '\u2013' + pair[1] : '');
  const from = range('rows', source.from_rows) + range('columns', source.from_columns), to = range('rows', source.rows) + range('columns', source.columns);
  return from || to ? ',' + from + ' \u2192' + to : '';
}

// The losses of parents and of the composite before its first joint step.
function lossesOf(gate) {
  const rows = [...list(gate.parents).map((parent) => [parent.name, object(parent.loss)]), ...(gate.composite ? [['the composite, before its first step', object(gate.composite.loss)]] : [])];
  const corpora = [...new Set(rows.flatMap(([, loss]) => Object.keys(loss)))];
  return rows.length ? table([{ title: 'Loss of' }, ...corpora.map((corpus) => ({ title: corpus === 'all' ? 'all text' : corpus, class: 'n' }))], rows.map(([name, loss]) => ({ cells: [name, ...corpora.map((corpus) => digits(loss[corpus]))] }))) : null;
}

// What an evaluation measured, and the texts that the model wrote.
function modelView(name, found) {
  if (found.problem) return card(name, 'evaluated', h('p', { class: 'error' }, found.problem));
  const losses = Object.entries(object(found.loss)), samples = list(found.samples);
  return card(name, [found.model?.kind, found.model?.parameters ? count(found.model.parameters) + ' parameters' : ''].filter(Boolean).join(', '),
    losses.length ? table([{ title: 'Text' }, { title: 'Loss', class: 'n' }, { title: 'Perplexity', class: 'n' }, { title: 'Bits a byte', class: 'n' }, { title: 'Tokens', class: 'n' }],
      losses.map(([corpus, loss]) => ({ cells: [corpus === 'all' ? 'all text' : corpus, digits(loss.loss), digits(loss.perplexity), digits(loss.bits_per_byte), count(loss.tokens)] }))) : null,
    samples.map((sample) => h('blockquote', { class: 'sample-text' }, h('b', null, sample.prompt), sample.text,
      list(sample.next).length ? h('p', { class: 'note' }, 'most probable next: ' + list(sample.next).map((next) => JSON.stringify(next.token) + ' ' + Math.round(100 * next.probability) + ' %').join(', ')) : null)));
}

const card = (name, note, ...content) => h('section', { class: 'card', 'data-key': 'model:' + name + note }, h('div', { class: 'row' }, h('h2', null, name), h('span', { class: 'note' }, note)), ...content);
