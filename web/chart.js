// Curves on a canvas: lines with bands from the lowest to the highest value of each column of the
// server's (docs/dashboard.md). Nothing is drawn before it is seen.
import { h } from './dom.js';
import { digits, duration, count } from './format.js';

// Told apart in light and dark, and by people who do not see some colours alike.
export const COLOURS = ['#2f7ed8', '#e07b00', '#1f9e6e', '#c2457a', '#8a63d2', '#7a8b00', '#00a0b4', '#b5542a', '#5d6f8f', '#d1a000'];

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
// How the i-th of several lines looks; forty of them are told apart.
export const look = (i) => ({ colour: COLOURS[i % COLOURS.length], dash: DASHES[Math.floor(i / COLOURS.length) % DASHES.length] });
// The same as a sample in a legend.
export const style = ({ colour, dash }) => ({ borderTop: '3px ' + (!dash || !dash.length ? 'solid' : dash[0] < 4 ? 'dotted' : 'dashed') + ' ' + colour, ...(dash && dash.length > 2 ? { borderBottom: '1px dotted ' + colour } : {}) });

const LEFT = 62, RIGHT = 16, TOP = 10, BOTTOM = 30;

function niceStep(span, most) {
  const rough = span / Math.max(1, most);
  const base = 10 ** Math.floor(Math.log10(rough));
  return base * [1, 2, 5, 10].find((times) => base * times >= rough);
}

function linearTicks(low, high, most) {
  if (!(high > low)) return [low];
  const step = niceStep(high - low, most);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) ticks.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return ticks;
}

// Seconds, at steps that people use.
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
function timeTicks(low, high, most) {
  const step = TIMES.find((one) => (high - low) / one <= most);
  if (!step || high - low < 2) return linearTicks(low / 86400, high / 86400, most).map((at) => at * 86400);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(at);
  return ticks;
}
const clockText = (seconds) => (seconds < 1 ? digits(Number(seconds.toPrecision(3))) + ' s' : duration(seconds).replace(/ 00 (s|min)$/, '').replace(/ 0 h$/, ''));

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const times of [1, 2, 5]) {
      const at = times * 10 ** power;
      if (at >= low && at <= high) ticks.push(at);
    }
  }
  return ticks.length > 1 ? ticks : linearTicks(low, high, 5);
}

// The mean of what went before, weighted less the older it is; begins unbiased.
export function smoothed(values, weight) {
  if (!weight) return values;
  let mean = 0, mass = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return mean / mass;
  });
}

export class Chart {
  // `title` is the name of the value. Series: {label, group, colour, dash, xs, mean, low, high, thin}.
  // `zoomed` is told which part was chosen, [from, to] of the axis, or null for all.
  constructor(title, zoomed) {
    this.title = title;
    this.zoomed = zoomed;
    this.series = [];
    this.options = { log: false, smooth: 0, axis: 'steps' };
    this.hidden = new Set();
    this.canvas = h('canvas', { tabindex: '0', role: 'img', 'aria-label': 'Curves of ' + title });
    this.tip = h('div', { class: 'tip', hidden: true });
    this.element = h('figure', { class: 'chart', 'data-keep': 'chart:' + title, 'data-key': 'chart:' + title },
      h('figcaption', null, title), h('div', { class: 'plot' }, this.canvas, this.tip));
    this.zoom = null;
    this.seen = false;
    this.observer = new IntersectionObserver((entries) => {
      this.seen = entries.some((entry) => entry.isIntersecting);
      if (this.seen) this.draw();
    });
    this.observer.observe(this.element);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas.parentNode);
    this.listen();
  }

  destroy() {
    this.observer.disconnect();
    this.resized.disconnect();
  }

  set(series, options) {
    this.series = series;
    Object.assign(this.options, options);
    this.draw();
  }

  listen() {
    const at = (event) => event.offsetX;
    this.canvas.addEventListener('pointermove', (event) => {
      this.cursor = at(event);
      if (this.from !== undefined) this.to = at(event);
      this.draw();
    });
    this.canvas.addEventListener('pointerleave', () => {
      this.cursor = this.from = this.to = undefined;
      this.tip.hidden = true;
      this.draw();
    });
    this.canvas.addEventListener('pointerdown', (event) => {
      this.from = at(event);
    });
    this.canvas.addEventListener('pointerup', (event) => {
      if (this.frame && Math.abs(at(event) - this.from) > 6) {
        this.zoomed([this.from, at(event)].sort((a, b) => a - b).map((pixel) => this.frame.unx(pixel)));
      }
      this.from = this.to = undefined;
      this.draw();
    });
    this.canvas.addEventListener('dblclick', () => this.zoomed(null));
    this.canvas.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.zoomed(null);
      else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
        this.cursor = Math.max(LEFT, Math.min((this.cursor ?? LEFT) + (event.key === 'ArrowLeft' ? -8 : 8), this.canvas.clientWidth - RIGHT));
        event.preventDefault();
      } else return;
      this.draw();
    });
  }

  // What is to be drawn: each series with its x values and smoothed means, and the limits of all.
  prepared() {
    const lines = [];
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (const series of this.series) {
      if (this.hidden.has(series.group)) continue;
      const xs = series.xs, ys = smoothed(series.mean, this.options.smooth);
      lines.push({ series, xs, ys });
      for (let i = 0; i < xs.length; ++i) {
        const at = xs[i];
        if (at === null || (this.zoom && (at < this.zoom[0] || at > this.zoom[1]))) continue;
        x0 = Math.min(x0, at);
        x1 = Math.max(x1, at);
        const band = !this.options.smooth && series.low;
        for (const y of band ? [series.low[i], series.high[i], ys[i]] : [ys[i]]) {
          if (y === null || (this.options.log && y <= 0)) continue;
          y0 = Math.min(y0, y);
          y1 = Math.max(y1, y);
        }
      }
    }
    if (this.zoom) [x0, x1] = this.zoom;
    return { lines, x0, x1, y0, y1 };
  }

  draw() {
    if (this.pending || !this.seen) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.paint();
    });
  }

  paint() {
    const width = this.canvas.parentNode.clientWidth, height = Math.max(180, Math.min(300, width * 0.55));
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.height = height + 'px';
    const c = this.canvas.getContext('2d');
    c.scale(ratio, ratio);
    c.clearRect(0, 0, width, height);
    const css = getComputedStyle(document.documentElement);
    const colour = { text: css.getPropertyValue('--dim'), line: css.getPropertyValue('--line') };
    c.font = '12px system-ui, sans-serif';
    const data = this.prepared();
    this.canvas.dataset.points = data.lines.reduce((sum, line) => sum + line.xs.length, 0);
    this.canvas.dataset.single = data.lines.filter((line) => !line.series.low).reduce((sum, line) => sum + line.xs.length, 0);
    this.canvas.dataset.lines = data.lines.length;
    this.canvas.dataset.bands = data.lines.filter((line) => line.series.low).length;
    if (!Number.isFinite(data.x0) || !Number.isFinite(data.y0)) {
      c.fillStyle = colour.text;
      c.fillText(this.options.log && Number.isFinite(data.x0) ? 'nothing above zero to show on a log scale' : 'no points yet', LEFT, height / 2);
      this.frame = null;
      this.tip.hidden = true;
      return;
    }
    const frame = this.frameOf(data, width, height);
    this.frame = frame;
    this.axes(c, frame, colour);
    c.save();
    c.beginPath();
    c.rect(LEFT, TOP, width - LEFT - RIGHT, height - TOP - BOTTOM);
    c.clip();
    for (const line of data.lines) this.line(c, frame, line);
    if (this.from !== undefined && this.to !== undefined) {
      c.fillStyle = colour.line;
      c.globalAlpha = 0.5;
      c.fillRect(this.from, TOP, this.to - this.from, height - TOP - BOTTOM);
    }
    c.restore();
    this.showCursor(c, frame, data, colour);
  }

  frameOf({ x0, x1, y0, y1 }, width, height) {
    const log = this.options.log;
    const f = log ? Math.log10 : (y) => y;
    let low = f(y0), high = f(y1);
    if (high - low < 1e-12) {
      low -= 0.5 * (Math.abs(low) || 1) * 0.1;
      high += 0.5 * (Math.abs(high) || 1) * 0.1;
    }
    const margin = (high - low) * 0.04;
    low -= margin;
    high += margin;
    const wide = x1 > x0 ? x1 - x0 : 1, start = x1 > x0 ? x0 : x0 - 0.5;
    return {
      width, height, x0: start, x1: start + wide, low, high, log,
      x: (at) => LEFT + ((at - start) / wide) * (width - LEFT - RIGHT),
      unx: (pixel) => start + ((pixel - LEFT) / (width - LEFT - RIGHT)) * wide,
      y: (at) => height - BOTTOM - ((f(at) - low) / (high - low)) * (height - TOP - BOTTOM),
    };
  }

  axes(c, frame, colour) {
    c.fillStyle = colour.text;
    c.strokeStyle = colour.line;
    c.lineWidth = 1;
    const ys = frame.log ? logTicks(10 ** frame.low, 10 ** frame.high) : linearTicks(frame.low, frame.high, Math.floor(frame.height / 45));
    c.textAlign = 'right';
    c.textBaseline = 'middle';
    for (const at of ys) {
      const y = Math.round(frame.y(at)) + 0.5;
      c.beginPath();
      c.moveTo(LEFT, y);
      c.lineTo(frame.width - RIGHT, y);
      c.stroke();
      c.fillText(digits(Number(at.toPrecision(6))), LEFT - 6, y);
    }
    c.textAlign = 'left';
    c.textBaseline = 'top';
    const bottom = frame.height - BOTTOM + 6;
    c.fillText(this.options.axis, 4, bottom);
    let free = 4 + c.measureText(this.options.axis).width + 6;
    const most = Math.max(2, Math.floor(frame.width / 90)), timed = this.options.axis === 'time';
    for (const at of (timed ? timeTicks : linearTicks)(frame.x0, frame.x1, most)) {
      // Whole within the canvas, and beside its neighbours.
      const text = timed ? clockText(at) : count(Number(at.toPrecision(6))), wide = c.measureText(text).width;
      const left = Math.min(frame.x(at) - wide / 2, frame.width - wide - 2);
      if (left < free) continue;
      c.fillText(text, left, bottom);
      free = left + wide + 8;
    }
  }

  line(c, frame, { series, xs, ys }) {
    c.strokeStyle = c.fillStyle = series.colour;
    const usable = (y) => y !== null && (!frame.log || y > 0);
    if (series.low && !series.thin) {
      c.globalAlpha = 0.18;
      c.beginPath();
      let begun = false;
      for (let i = 0; i < xs.length; ++i) {
        if (!usable(series.high[i])) continue;
        begun ? c.lineTo(frame.x(xs[i]), frame.y(series.high[i])) : c.moveTo(frame.x(xs[i]), frame.y(series.high[i]));
        begun = true;
      }
      for (let i = xs.length - 1; i >= 0; --i) {
        if (usable(series.high[i])) c.lineTo(frame.x(xs[i]), frame.y(usable(series.low[i]) ? series.low[i] : 10 ** frame.low));
      }
      c.fill();
      c.globalAlpha = 1;
    }
    c.lineWidth = series.thin ? 0.8 : 1.6;
    c.globalAlpha = series.thin ? 0.45 : 1;
    c.setLineDash(series.dash || []);
    c.beginPath();
    let drawing = false, single = null;
    for (let i = 0; i < xs.length; ++i) {
      if (xs[i] === null || !usable(ys[i])) {
        drawing = false;
        continue;
      }
      const x = frame.x(xs[i]), y = frame.y(ys[i]);
      drawing ? c.lineTo(x, y) : c.moveTo(x, y);
      single = single === null && !drawing ? [x, y] : false;
      drawing = true;
    }
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
    if (single) c.fillRect(single[0] - 2, single[1] - 2, 4, 4);
  }

  showCursor(c, frame, data, colour) {
    if (this.cursor === undefined || this.cursor < LEFT || this.cursor > frame.width - RIGHT) {
      this.tip.hidden = true;
      return;
    }
    const at = frame.unx(this.cursor);
    c.strokeStyle = colour.text;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(this.cursor, TOP);
    c.lineTo(this.cursor, frame.height - BOTTOM);
    c.stroke();
    const near = data.lines.filter((line) => !line.series.thin).map((line) => ({ line, i: nearest(line.xs, at) })).filter(({ line, i }) => i >= 0 && line.xs[i] !== null && line.xs[i] >= frame.x0 && line.xs[i] <= frame.x1);
    near.sort((a, b) => (b.line.ys[b.i] ?? -Infinity) - (a.line.ys[a.i] ?? -Infinity));
    const shown = near.slice(0, 12);
    this.tip.replaceChildren(
      h('div', { class: 'note' }, this.options.axis + ' ' + (this.options.axis === 'time' ? clockText(at) : count(Math.round(at)))),
      ...shown.map(({ line, i }) => h('div', null, h('i', { class: 'sample', style: style(line.series) }), ' ',
        line.series.label, ' ', h('b', null, digits(line.ys[i])))),
      near.length > shown.length ? h('div', { class: 'note' }, 'and ' + (near.length - shown.length) + ' more') : '');
    this.tip.hidden = false;
    const right = this.cursor > frame.width / 2;
    this.tip.style.left = right ? '' : this.cursor + 12 + 'px';
    this.tip.style.right = right ? frame.width - this.cursor + 12 + 'px' : '';
  }
}

function nearest(xs, at) {
  if (!xs.length) return -1;
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= at) low = middle;
    else high = middle;
  }
  return Math.abs(xs[low] - at) <= Math.abs(xs[high] - at) ? low : high;
}
