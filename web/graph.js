// Graphs in layers, from left to right: jobs after their parents, artifacts after what they were
// made from. The order within a layer is that of the parents' middles, which keeps most lines from
// crossing.
import { h, svg } from './dom.js';

const WIDTH = 192, HEIGHT = 46, GAP_X = 34, GAP_Y = 14, MARGIN = 8, INDENT = 10;
const TITLE = '600 13px system-ui,sans-serif', MORE = '12px system-ui,sans-serif';  // as style.css has them
const pen = document.createElement('canvas').getContext('2d');

// As much of the text as a box has room for.
function fitting(text, font) {
  pen.font = font;
  const fits = (words) => pen.measureText(words).width <= WIDTH - 2 * INDENT;
  if (fits(text)) return text;
  let length = Math.min(text.length, WIDTH);
  while (length > 0 && !fits(text.slice(0, length) + '\u2026')) --length;
  return text.slice(0, length) + '\u2026';
}

// Nodes: {id, parents}. Returns id -> {layer, row}.
export function layout(nodes) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const layer = new Map();
  const depth = (id, path) => {
    if (layer.has(id)) return layer.get(id);
    if (path.has(id)) return 0;  // what is no graph without circles is drawn all the same
    path.add(id);
    const parents = byId.get(id).parents.filter((parent) => byId.has(parent));
    const at = parents.length ? 1 + Math.max(...parents.map((parent) => depth(parent, path))) : 0;
    path.delete(id);
    layer.set(id, at);
    return at;
  };
  for (const node of nodes) depth(node.id, new Set());
  const layers = [];
  for (const node of nodes) (layers[layer.get(node.id)] ||= []).push(node.id);
  const row = new Map();
  layers.forEach((ids, at) => {
    const middle = (id) => {
      const rows = byId.get(id).parents.filter((parent) => row.has(parent)).map((parent) => row.get(parent));
      return rows.length ? rows.reduce((a, b) => a + b) / rows.length : Infinity;
    };
    if (at > 0) ids = ids.map((id, i) => [id, middle(id), i]).sort((a, b) => a[1] - b[1] || a[2] - b[2]).map(([id]) => id);
    ids.forEach((id, i) => row.set(id, i - (ids.length - 1) / 2));
    layers[at] = ids;
  });
  return { layer, row, layers };
}

// `nodes`: {id, parents, title, note, tone, share, href, selected, onclick}
export function graph(nodes, label) {
  const { layer, row, layers } = layout(nodes);
  const most = Math.max(1, ...layers.map((ids) => ids.length));
  const height = most * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN;
  const width = layers.length * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN;
  const place = (id) => ({
    x: MARGIN + layer.get(id) * (WIDTH + GAP_X),
    y: height / 2 + row.get(id) * (HEIGHT + GAP_Y) - HEIGHT / 2,
  });
  const lines = nodes.flatMap((node) => node.parents.filter((parent) => layer.has(parent)).map((parent) => {
    const from = place(parent), to = place(node.id);
    const x0 = from.x + WIDTH, y0 = from.y + HEIGHT / 2, y1 = to.y + HEIGHT / 2, bend = Math.max(GAP_X / 2, (to.x - x0) / 2);
    return svg('path', { class: 'edge', d: `M${x0} ${y0}C${x0 + bend} ${y0} ${to.x - bend} ${y1} ${to.x} ${y1}` });
  }));
  const boxes = nodes.map((node) => {
    const { x, y } = place(node.id);
    const inside = svg('g', { class: 'node ' + (node.tone || 'dim') + (node.selected ? ' selected' : ''), transform: `translate(${x} ${y})` },
      svg('title', null, [node.title, node.note, node.hint].filter(Boolean).join('\n')),
      svg('rect', { width: WIDTH, height: HEIGHT, rx: 8 }),
      node.share > 0 && node.share < 1 ? svg('rect', { class: 'share', width: WIDTH * node.share, height: 3, y: HEIGHT - 3 }) : null,
      svg('text', { x: INDENT, y: 19, class: 'title' }, fitting(String(node.title), TITLE)),
      svg('text', { x: INDENT, y: 36, class: 'more' }, fitting(node.note || '', MORE)));
    return svg('a', { href: node.href, 'data-node': node.id, 'aria-label': node.title + ', ' + (node.note || '') }, inside);
  });
  return h('div', { class: 'graph', tabindex: '0', role: 'group', 'aria-label': label },
    svg('svg', { width, height, viewBox: `0 0 ${width} ${height}` }, ...lines, ...boxes));
}
