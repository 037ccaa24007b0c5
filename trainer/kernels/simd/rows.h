// Norm, feed-forward gate, rotary positions and AdamW. See vector.h.
#pragma once

#include "trainer/kernels/simd/simd.h"
#include "trainer/kernels/simd/vector.h"

namespace braid::trainer {
namespace {

// 1 / (1 + e^-x).
BRAID_INLINE Vector Sigmoid(Vector x) {
  return 1.0f / (1.0f + Exp(-x));
}

// The forward pass of the gate, with a learned beta or with beta = 1.
template <bool kBeta>
BRAID_INLINE void SwiGluRows(const SwiGluOperands& o) {
  for (int64_t row = 0; row < o.rows; ++row) {
    const float* a = o.x + row * 2 * o.f;
    const float* b = a + o.f;
    float* y = o.y + row * o.f;
    ForEachVector(o.f, [&](auto load, auto store) __attribute__((always_inline)) {
      const Vector x = load(a);
      store(y, x * Sigmoid(kBeta ? load(o.beta) * x : x) * load(b));
    });
  }
}

// The backward pass of the gate; dbeta is added to.
template <bool kBeta>
BRAID_INLINE void SwiGluBackwardRows(const SwiGluOperands& o) {
  for (int64_t row = 0; row < o.rows; ++row) {
    const float* a = o.x + row * 2 * o.f;
    const float* b = a + o.f;
    const float* dy = o.dy + row * o.f;
    float* da = o.dx + row * 2 * o.f;
    float* db = da + o.f;
    float* y = o.y != nullptr ? o.y + row * o.f : nullptr;
    ForEachVector(o.f, [&](auto load, auto store) __attribute__((always_inline)) {
      const Vector x = load(a), up = load(b), d = load(dy);
      const Vector beta = kBeta ? load(o.beta) : Splat(1.0f);
      const Vector sigmoid = Sigmoid(kBeta ? beta * x : x);
      const Vector silu = x * sigmoid;
      // The derivative of a sigmoid(beta a) is sigmoid + beta slope by a, and a slope by beta.
      const Vector slope = silu * (1.0f - sigmoid);
      store(da, d * up * (sigmoid + (kBeta ? beta * slope : slope)));
      store(db, d * silu);
      if (kBeta) store(o.dbeta, load(o.dbeta) + d * up * x * slope);
      if (y != nullptr) store(y, silu * up);
    });
  }
}

// The two passes (SimdKernels::swiglu, swiglu_backward).
void SwiGlu(const SwiGluOperands& o) {
  o.beta != nullptr ? SwiGluRows<true>(o) : SwiGluRows<false>(o);
}
void SwiGluBackward(const SwiGluOperands& o) {
  o.beta != nullptr ? SwiGluBackwardRows<true>(o) : SwiGluBackwardRows<false>(o);
}

// y = gain x r with r = 1 / sqrt(mean(x^2) + eps), which is kept in `inverse`.
void RmsNorm(const RmsNormOperands& o) {
  for (int64_t row = 0; row < o.rows; ++row) {
    const float* x = o.x + row * o.w;
    float* y = o.y + row * o.w;
    Vector sums = {};
    ForEachVector(o.w, [&](auto load, auto) __attribute__((always_inline)) {
      const Vector value = load(x);
      sums += value * value;
    });
    const float r = 1.0f / __builtin_sqrtf(Sum(sums) / static_cast<float>(o.w) + o.eps);
    o.inverse[row] = r;
    ForEachVector(o.w, [&](auto load, auto store) __attribute__((always_inline)) {
      store(y, load(x) * r * load(o.gain));
    });
  }
}

// dx = r (dy gain - x r^2 mean(dy gain x)) + add, and dgain += dy x r.
void RmsNormBackward(const RmsNormOperands& o) {
  for (int64_t row = 0; row < o.rows; ++row) {
    const float* x = o.x + row * o.w;
    const float* dy = o.dy + row * o.w;
    const float* add = o.add != nullptr ? o.add + row * o.w : nullptr;
    float* dx = o.dx + row * o.w;
    const float r = o.inverse[row];
    Vector dot = {};
    ForEachVector(o.w, [&](auto load, auto) __attribute__((always_inline)) {
      dot += load(dy) * load(o.gain) * load(x);
    });
    const float k = Sum(dot) * r * r / static_cast<float>(o.w);
    ForEachVector(o.w, [&](auto load, auto store) __attribute__((always_inline)) {
      const Vector d = load(dy), value = load(x);
      store(o.dgain, load(o.dgain) + d * value * r);
      Vector out = r * (d * load(o.gain) - value * k);
      if (add != nullptr) out += load(add);
      store(dx, out);
    });
  }
}

// out = the head vector `in`, rotated by the angles of its position times `sign`. By the negative
// angles is the inverse and, for gradients, the transpose.
BRAID_INLINE void TurnHalf(const float* in, const float* cos, const float* sin, int64_t half,
                           float sign, float* out) {
  ForEachVector(half, [&](auto load, auto store) __attribute__((always_inline)) {
    const Vector a = load(in), b = load(in + half), c = load(cos), s = load(sin) * sign;
    store(out, a * c - b * s);
    store(out + half, b * c + a * s);
  });
}

// The same for the layout in which neighbours rotate together.
BRAID_INLINE void TurnPairs(const float* in, const float* cos, const float* sin, int64_t half,
                            float sign, float* out) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = in[2 * i], b = in[2 * i + 1], s = sign * sin[i];
    out[2 * i] = a * cos[i] - b * s;
    out[2 * i + 1] = b * cos[i] + a * s;
  }
}

// One update of AdamW, which also sets the gradients to zero (SimdKernels::adamw).
void AdamW(const AdamWOperands& o) {
  const float scale = 1.0f / o.divide, new1 = 1.0f - o.beta1, new2 = 1.0f - o.beta2;
  ForEachVector(o.count, [&](auto load, auto store) __attribute__((always_inline)) {
    const Vector g = load(o.g) * scale;
    const Vector m = load(o.m) * o.beta1 + g * new1;
    const Vector v = load(o.v) * o.beta2 + g * g * new2;
    store(o.p, load(o.p) * o.decay - o.step_size * m / (SquareRoot(v) * o.root + o.eps));
    store(o.m, m);
    store(o.v, v);
    store(o.g, Vector{});
  });
}

// The sum of squares in fp64, in sixteen partial sums whatever the instruction set.
double SumOfSquares(const float* x, int64_t count) {
  typedef double Doubles __attribute__((vector_size(8 * 16)));
  typedef float Floats __attribute__((vector_size(4 * 16), aligned(4), may_alias));
  Doubles sums = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const Doubles values = __builtin_convertvector(*reinterpret_cast<const Floats*>(x + i),
                                                   Doubles);
    sums += values * values;
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) {
    const double value = x[i];
    sums[lane] += value * value;
  }
  double sum = 0;
  for (int64_t lane = 0; lane < 16; ++lane) sum += sums[lane];
  return sum;
}

// y = e^x for `count` elements, for tests.
void ExpAll(const float* x, int64_t count, float* y) {
  ForEachVector(
      count, [&](auto load, auto store) __attribute__((always_inline)) { store(y, Exp(load(x))); });
}

}  // namespace
}  // namespace braid::trainer
