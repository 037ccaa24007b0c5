// The trainings of several runs (Runs/GetComparison), put into groups. Without any page.
import { groupedBy, number } from './format.js';
import { estimate } from './statistics.js';

// Fields that only say which of several equal trainings it is.
const SEEDS = ['seed', 'seeds', 'training_seed', 'run'];
const ROLES = { ':settings': 'settings, all seeds together', ':run': 'run', ':name': 'name of the run', ':user': 'user', ':tags': 'tags' };

// The answer as one list of trainings, {run, model, job, evaluation, fields: place -> text, ...}.
export function trainingsOf(comparison) {
  const fields = comparison.fields || [], settings = comparison.settings || [];
  const valueOf = (set, i) => {
    const place = set < 0 ? -1 : number(settings[set]?.values?.[i]);
    return place < 0 ? undefined : fields[i].values[place];
  };
  const cells = settings.map((_, set) => fields.map((field, i) => valueOf(set, i)));
  const runs = comparison.runs || [];
  return runs.flatMap((run) => (run.models || []).map((model) => ({
    run, name: model.name || '', variant: model.variant || '', job: model.job || '', evaluation: model.evaluation || '', state: model.state,
    values: cells[model.settings ?? 0] || [], seconds: model.seconds || 0, parameters: number(model.parameters), tokens: number(model.tokens), measured: model.measured || {},
    key: run.id + '/' + (model.job || '') + '/' + (model.evaluation || ''),
  })));
}

// Places of the fields whose values differ between trainings.
export function differing(comparison, trainings) {
  return (comparison.fields || []).map((_, i) => i).filter((i) => new Set(trainings.map((one) => one.values[i])).size > 1);
}

// What one may group by: [{value, title}], roles first.
export const roles = () => Object.entries(ROLES).map(([value, title]) => ({ value, title }));

// "train.optimizer.lr" -> "lr"
const short = (field) => field.split('.').pop();

// Of the tags of a run those that not all of these runs have.
function telling(run, runs) {
  return (run.tags || []).filter((tag) => runs.some((other) => !(other.tags || []).includes(tag)));
}

// The words of the group that a training is in; without `by`, each training is one.
function wordsOf(one, by, comparison, differ, labels) {
  if (!by) return labels.get(one.run.id) + (one.variant ? ' ' + one.variant : '');
  if (by === ':run') return labels.get(one.run.id);
  if (by === ':name') return one.run.name;
  if (by === ':user') return one.run.user || 'nobody';
  if (by === ':tags') return telling(one.run, comparison.runs || []).join(', ') || ((one.run.tags || []).length ? 'no other tag' : 'no tag');
  const fields = comparison.fields || [];
  if (by === ':settings') {
    const parts = differ.filter((i) => !SEEDS.includes(fields[i].name)).map((i) => short(fields[i].name) + ' ' + (one.values[i] ?? 'not set'));
    return parts.join(', ') || 'all the same';
  }
  const i = fields.findIndex((field) => field.name === by);
  return short(by) + ' ' + (one.values[i] ?? 'not set');
}

// Runs by id, told apart: the name, and a part of the id where several have it.
export function labelsOf(runs) {
  const names = groupedBy(runs, (run) => run.name);
  return new Map(runs.map((run) => [run.id, run.name + (names.get(run.name).length > 1 ? ' ' + run.id.slice(-4) : '')]));
}

// [{label, model, members: [training]}], in the order of what is compared. Models of different names
// are never one group.
export function groupsOf(comparison, trainings, by, differ) {
  const labels = labelsOf(comparison.runs || []);
  const key = (one) => (by ? '' : one.key + '\n') + wordsOf(one, by, comparison, differ, labels) + ' / ' + one.name;
  return [...groupedBy(trainings, key)].map(([words, members]) => ({ label: words.slice(words.indexOf('\n') + 1), model: members[0].name, members }));
}

// Which measured values are worth a column, losses first.
export function measuredNames(trainings, most = 12) {
  const names = [...new Set(trainings.flatMap((one) => Object.keys(one.measured)))].filter((name) => name.split('/').length < 3 && (!name.startsWith('bits_per_byte/') || name === 'bits_per_byte/all'));
  const rank = (name) => (name === 'loss/all' ? 0 : name.startsWith('loss/') ? 1 : name === 'bits_per_byte/all' ? 2 : name.includes('/') ? 4 : 3);
  return names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)).slice(0, most);
}

export const measuredOf = (members, name) => estimate(members.map((one) => one.measured[name]));
