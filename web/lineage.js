// What an artifact was made from, as a graph.
import { h } from './dom.js';
import { bytes, number, shortId } from './format.js';
import { graph } from './graph.js';

const MOST = 150;
const TONES = { source: 'dim', tokenizer: 'dim', shards: 'dim', checkpoint: 'busy', merge: 'warn', evaluation: 'good', report: 'good' };

export function lineageView(artifacts, chosen) {
  const shown = artifacts.slice(0, MOST);
  return h('div', { 'data-key': 'lineage' }, graph(shown.slice().reverse().map((one) => ({
    id: one.id, parents: one.parents || [], title: one.name || one.job || one.role || one.kind, note: one.kind + ', ' + bytes(one.bytes),
    hint: shortId(one.id) + (number(one.removedMs) ? '\nremoved: ' + one.removedWhy : ''), tone: number(one.removedMs) ? 'dim gone' : TONES[one.kind] || 'dim', href: '#/artifact/' + one.id, selected: one.id === chosen,
  })), 'What it was made from'),
  artifacts.length > MOST ? h('p', { class: 'note' }, 'Only the nearest ' + MOST + ' of ' + artifacts.length + ' are drawn; braid artifact lineage lists all.') : null);
}
