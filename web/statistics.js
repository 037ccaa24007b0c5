// Means of several trainings, and how far they can be trusted. Without any page.

// The quantile 0.975 of Student's t for 1 to 30 degrees of freedom, and for some more.
const T = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423];
const MORE = [[30, 2.0423], [40, 2.0211], [60, 2.0003], [120, 1.9799], [Infinity, 1.95996]];

// Between the entries of the table it is nearly straight over 1 / freedom.
export function studentT(freedom) {
  if (!(freedom >= 1)) return Infinity;
  if (freedom <= 30 && Number.isInteger(freedom)) return T[freedom - 1];
  const at = Math.max(1, MORE.findIndex(([known]) => freedom <= known));
  const [[f0, t0], [f1, t1]] = [MORE[at - 1], MORE[at]];
  return t1 + (t0 - t1) * (1 / freedom - 1 / f1) / (1 / f0 - 1 / f1);
}

// Of numbers, one a training: {n, mean, half, low, high}; half is half the width of the 95 % interval
// of the mean by Student's t, null of fewer than two. null of none.
export function estimate(values) {
  const numbers = values.filter((value) => typeof value === 'number' && Number.isFinite(value));
  const n = numbers.length;
  if (!n) return null;
  const mean = numbers.reduce((sum, value) => sum + value, 0) / n;
  const variance = n > 1 ? numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) : null;
  return { n, mean, half: n > 1 ? studentT(n - 1) * Math.sqrt(variance / n) : null, low: Math.min(...numbers), high: Math.max(...numbers) };
}

// The value at `x` of a line through points in the order of xs; null outside of it.
function valueAt(xs, ys, x, from) {
  let i = from.at;
  while (i + 1 < xs.length && xs[i + 1] <= x) ++i;
  from.at = i;
  if (x < xs[0] || x > xs[xs.length - 1]) return null;
  if (i + 1 >= xs.length || xs[i] === x) return ys[i];
  return ys[i] + (ys[i + 1] - ys[i]) * (x - xs[i]) / (xs[i + 1] - xs[i]);
}

// One curve for several: {xs, mean, low, high, n}. Each of `curves` is {xs, ys}, and counts where it
// reaches. `band`: 'range' (lowest to highest) or 'interval' (95 % of the mean).
export function meanCurve(curves, band, most = 500) {
  const lines = curves.map(({ xs, ys }) => {
    const good = xs.map((x, i) => i).filter((i) => Number.isFinite(xs[i]) && xs[i] !== null && ys[i] !== null);
    return { xs: good.map((i) => xs[i]), ys: good.map((i) => ys[i]), from: { at: 0 } };
  }).filter((line) => line.xs.length);
  let xs = [...new Set(lines.flatMap((line) => line.xs))].sort((a, b) => a - b);
  if (xs.length > most) {
    const first = xs[0], step = (xs[xs.length - 1] - first) / (most - 1);
    xs = Array.from({ length: most }, (_, i) => first + i * step);
  }
  const made = { xs: [], mean: [], low: [], high: [], n: lines.length };
  for (const x of xs) {
    const here = estimate(lines.map((line) => valueAt(line.xs, line.ys, x, line.from)));
    if (!here) continue;
    const alone = here.half === null;
    made.xs.push(x);
    made.mean.push(here.mean);
    made.low.push(band === 'interval' ? (alone ? null : here.mean - here.half) : here.low);
    made.high.push(band === 'interval' ? (alone ? null : here.mean + here.half) : here.high);
  }
  return made;
}
