// Four pairs at a time, with AVX2 and FMA. No header with inline functions is included, as the
// linker could keep a copy of one that other processors cannot run.
//
// The numbers must be those of the C library's log, sine and cosine. Each value is computed in fp64
// with an error of a few units in the last place, and then rounded to fp32. Only where the fp64
// value lies within kUncertain units of the border between two fp32 values could the library's
// round to the other one; these pairs, 3 of 100,000, are computed again by the library. The bound
// is a hundred times as wide as the errors, also those of the library, need.
#include <immintrin.h>

#include "base/normal_pairs.h"

namespace braid {
namespace {

// In units of the last place of fp64. A generous bound: the polynomials and the library's functions
// differ by a few units.
constexpr long long kUncertain = 1 << 12;
// Of the 52 bits of an fp64 fraction, those that fp32 does not have.
constexpr long long kDroppedBits = (1LL << 29) - 1;

#define BRAID_INLINE [[gnu::always_inline]] static inline

BRAID_INLINE __m256d Splat(double x) {
  return _mm256_set1_pd(x);
}
BRAID_INLINE __m256i Splat(long long x) {
  return _mm256_set1_epi64x(x);
}
BRAID_INLINE __m256d Doubles(__m256i bits) {
  return _mm256_castsi256_pd(bits);
}
BRAID_INLINE __m256i Bits(__m256d x) {
  return _mm256_castpd_si256(x);
}
// a * b + c, rounded once.
BRAID_INLINE __m256d Fma(__m256d a, __m256d b, __m256d c) {
  return _mm256_fmadd_pd(a, b, c);
}

// The two 64-bit numbers of each of four blocks of Philox 4x32-10 (base/random.h).
struct Numbers {
  __m256i first, second;
};

// Every vector has four 32-bit words, in the lower halves of its 64-bit elements; the upper halves
// are not used.
BRAID_INLINE Numbers Philox(const PairStream& stream, __m256i pairs) {
  const __m256i multiplier_a = Splat(0xD2511F53LL), multiplier_b = Splat(0xCD9E8D57LL);
  __m256i c0 = pairs, c1 = _mm256_srli_epi64(pairs, 32), c2 = Splat((long long)stream.name[0]),
          c3 = Splat((long long)stream.name[1]);
  uint32_t key0 = stream.key[0], key1 = stream.key[1];
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const __m256i a = _mm256_mul_epu32(c0, multiplier_a), b = _mm256_mul_epu32(c2, multiplier_b);
    c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(b, 32), c1), Splat((long long)key0));
    c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(a, 32), c3), Splat((long long)key1));
    c1 = b;
    c3 = a;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  const __m256i low = Splat(0xFFFFFFFFLL);
  return {_mm256_or_si256(_mm256_slli_epi64(c1, 32), _mm256_and_si256(c0, low)),
          _mm256_or_si256(_mm256_slli_epi64(c3, 32), _mm256_and_si256(c2, low))};
}

// Whole numbers below 2^53, exactly: both halves become fractions of powers of two, 2^84 and 2^52,
// which are subtracted again.
BRAID_INLINE __m256d ToDouble(__m256i x) {
  const __m256i high = _mm256_or_si256(_mm256_srli_epi64(x, 32), Splat(0x4530000000000000LL));
  const __m256i low = _mm256_blend_epi32(x, Splat(0x4330000000000000LL), 0xAA);
  return _mm256_add_pd(_mm256_sub_pd(Doubles(high), Splat(0x1p84 + 0x1p52)), Doubles(low));
}

// log(x) for 2^-53 <= x <= 1, as in FreeBSD's e_log.c: x = 2^k m with m in [sqrt(1/2), sqrt(2)).
BRAID_INLINE __m256d Log(__m256d x) {
  constexpr long long kOne = 0x3FF0000000000000LL, kRootOfHalf = 0x3FE6A09E667F3BCDLL;
  const __m256i shifted = _mm256_add_epi64(Bits(x), Splat(kOne - kRootOfHalf));
  const __m256i exponent = _mm256_or_si256(_mm256_srli_epi64(shifted, 52),
                                           Splat(0x4330000000000000LL));
  const __m256d k = _mm256_sub_pd(Doubles(exponent), Splat(0x1p52 + 1023));
  const __m256d m = Doubles(
      _mm256_add_epi64(_mm256_and_si256(shifted, Splat(0x000FFFFFFFFFFFFFLL)), Splat(kRootOfHalf)));
  const __m256d f = _mm256_sub_pd(m, Splat(1.0)),
                s = _mm256_div_pd(f, _mm256_add_pd(f, Splat(2.0)));
  const __m256d z = _mm256_mul_pd(s, s), w = _mm256_mul_pd(z, z);
  __m256d even = Fma(w, Splat(1.531383769920937332e-01), Splat(2.222219843214978396e-01));
  even = _mm256_mul_pd(w, Fma(w, even, Splat(3.999999999940941908e-01)));
  __m256d odd = Fma(w, Splat(1.479819860511658591e-01), Splat(1.818357216161805012e-01));
  odd = Fma(w, odd, Splat(2.857142874366239149e-01));
  odd = _mm256_mul_pd(z, Fma(w, odd, Splat(6.666666666666735130e-01)));
  const __m256d half = _mm256_mul_pd(Splat(0.5), _mm256_mul_pd(f, f));
  const __m256d rest = _mm256_mul_pd(s, _mm256_add_pd(half, _mm256_add_pd(even, odd)));
  const __m256d low = _mm256_sub_pd(Fma(k, Splat(1.90821492927058770002e-10), rest), half);
  return Fma(k, Splat(6.93147180369123816490e-01), _mm256_add_pd(low, f));
}

struct SineCosine {
  __m256d sine, cosine;
};

// Of 0 <= angle <= 2 pi. The angle less the nearest multiple of pi / 2, in two parts so that
// nothing is lost next to it, goes into the polynomials of FreeBSD's k_sin.c and k_cos.c.
BRAID_INLINE SineCosine SinCos(__m256d angle) {
  const __m256d shift = Splat(0x1.8p52);
  const __m256d shifted = Fma(angle, Splat(0.63661977236758134308), shift);
  const __m256d n = _mm256_sub_pd(shifted, shift);
  __m256d r = _mm256_fnmadd_pd(n, Splat(1.5707963267948965580), angle);
  r = _mm256_fnmadd_pd(n, Splat(6.1232339957367658860e-17), r);
  const __m256d z = _mm256_mul_pd(r, r);
  __m256d sine = Fma(z, Splat(1.58969099521155010221e-10), Splat(-2.50507602534068634195e-08));
  sine = Fma(z, sine, Splat(2.75573137070700676789e-06));
  sine = Fma(z, sine, Splat(-1.98412698298579493134e-04));
  sine = Fma(z, sine, Splat(8.33333333332248946124e-03));
  sine = Fma(z, sine, Splat(-1.66666666666666324348e-01));
  sine = Fma(_mm256_mul_pd(z, r), sine, r);
  __m256d cosine = Fma(z, Splat(-1.13596475577881948265e-11), Splat(2.08757232129817482790e-09));
  cosine = Fma(z, cosine, Splat(-2.75573143513906633035e-07));
  cosine = Fma(z, cosine, Splat(2.48015872894767294178e-05));
  cosine = Fma(z, cosine, Splat(-1.38888888888741095749e-03));
  cosine = Fma(z, cosine, Splat(4.16666666666666019037e-02));
  const __m256d half = _mm256_mul_pd(Splat(0.5), z), w = _mm256_sub_pd(Splat(1.0), half);
  const __m256d lost = _mm256_sub_pd(_mm256_sub_pd(Splat(1.0), w), half);
  cosine = _mm256_add_pd(w, Fma(_mm256_mul_pd(z, z), cosine, lost));
  // The quadrant stands in the lowest bits of `shifted`: in odd ones sine and cosine are exchanged.
  const __m256i quadrant = Bits(shifted), sign = Splat((long long)(1ULL << 63));
  const __m256d odd = Doubles(_mm256_slli_epi64(quadrant, 63));
  const __m256i sine_sign = _mm256_and_si256(_mm256_slli_epi64(quadrant, 62), sign);
  const __m256i cosine_sign = _mm256_and_si256(
      _mm256_slli_epi64(_mm256_add_epi64(quadrant, Splat(1LL)), 62), sign);
  return {_mm256_xor_pd(_mm256_blendv_pd(sine, cosine, odd), Doubles(sine_sign)),
          _mm256_xor_pd(_mm256_blendv_pd(cosine, sine, odd), Doubles(cosine_sign))};
}

// All ones where the fp32 value of x is not certain: x is near the middle between two of them, or
// so small that fp32 has fewer bits.
BRAID_INLINE __m256d Uncertain(__m256d x) {
  const __m256i from_middle = _mm256_and_si256(
      _mm256_add_epi64(Bits(x), Splat(kUncertain - (1LL << 28))), Splat(kDroppedBits));
  const __m256i far = _mm256_cmpgt_epi64(from_middle, Splat(2 * kUncertain));
  const __m256d size = _mm256_andnot_pd(Splat(-0.0), x);
  const __m256d normal = _mm256_cmp_pd(size, Splat(0x1p-100), _CMP_GT_OQ);
  return _mm256_xor_pd(_mm256_and_pd(Doubles(far), normal), Doubles(Splat(-1LL)));
}

// Four pairs; returns a bit for each one that is uncertain.
BRAID_INLINE int FillFour(const PairStream& stream, __m256i pairs, float* out) {
  const Numbers numbers = Philox(stream, pairs);
  const __m256d u = _mm256_mul_pd(
      _mm256_add_pd(ToDouble(_mm256_srli_epi64(numbers.first, 11)), Splat(1.0)), Splat(0x1p-53));
  const __m256d v = _mm256_mul_pd(ToDouble(_mm256_srli_epi64(numbers.second, 11)), Splat(0x1p-53));
  const __m256d radius = _mm256_sqrt_pd(_mm256_mul_pd(Splat(-2.0), Log(u)));
  const SineCosine at = SinCos(_mm256_mul_pd(Splat(2.0 * 3.14159265358979323846), v));
  const __m256d x = _mm256_mul_pd(radius, at.cosine), y = _mm256_mul_pd(radius, at.sine);
  const __m128 xs = _mm256_cvtpd_ps(x), ys = _mm256_cvtpd_ps(y);
  _mm_storeu_ps(out, _mm_unpacklo_ps(xs, ys));
  _mm_storeu_ps(out + 4, _mm_unpackhi_ps(xs, ys));
  return _mm256_movemask_pd(_mm256_or_pd(Uncertain(x), Uncertain(y)));
}

void Fill(const PairStream& stream, uint64_t first, int64_t count, float* out, ExactPair exact) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const uint64_t pair = first + (uint64_t)i;
    const __m256i pairs = _mm256_add_epi64(Splat((long long)pair), _mm256_set_epi64x(3, 2, 1, 0));
    const int uncertain = FillFour(stream, pairs, out + 2 * i);
    if (uncertain == 0) continue;
    for (int lane = 0; lane < 4; ++lane) {
      if ((uncertain >> lane & 1) != 0) exact(stream, pair + (uint64_t)lane, out + 2 * (i + lane));
    }
  }
  for (; i < count; ++i) exact(stream, first + (uint64_t)i, out + 2 * i);
}

}  // namespace

extern const NormalPairsMethod kNormalPairsAvx2;
constinit const NormalPairsMethod kNormalPairsAvx2 = {"avx2", Fill};

}  // namespace braid
