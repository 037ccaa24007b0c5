// The inner loops of the CPU kernels, compiled once for each instruction set from the same source.
// They see neither torch nor threads, and no header with inline functions, of which the linker
// might keep a copy that this processor cannot run. dispatch.h chooses among them at run time.
// Callers cut the work into pieces, and no result depends on how it is cut unless noted.
//
// Matrices are fp32 and row-major; `ld...` is the distance of two rows. A "packed" matrix consists
// of panels of `panel` columns, [columns / panel, rows, panel], of which missing columns are zero.
// That of products of bf16 has two neighbouring rows, rounded, in the place of one: [columns /
// panel, (rows + 1) / 2, panel] (numbers.h, PlacesOf of precision.h).
#pragma once

#include <stdint.h>

namespace braid::trainer {

// C = A B + add.
struct ProductOperands {
  const float* a;  // [rows, k]
  int64_t lda;
  int64_t rows, k, columns;
  const float* b;  // [k, columns], packed: the first of the `b_rows` rows that were packed
  int64_t b_rows;
  const float* add;  // [rows, columns]; null: nothing is added. May be c
  int64_t ld_add;
  float* c;  // [rows, columns]
  int64_t ldc;
};

// C += A' B, where A' is the transpose of A. The sum is taken over the rows in their order.
struct OuterOperands {
  const float* a;  // [rows, a_columns]
  int64_t lda;
  int64_t rows, a_columns, b_columns;
  const float* b;  // [rows, b_columns], packed
  float* c;        // [a_columns, b_columns]
  int64_t ldc;
};

// C = factor (A B') + add for B as it is stored, a row for each column of C. The bits of an element
// of C depend on its row of A and its row of B alone, however many others there are.
struct DotOperands {
  const float* a;  // [rows, k]
  int64_t rows, k, columns;
  const float* b;  // [columns, k]
  float factor;
  const float* add;  // [rows, columns]; null: nothing is added
  int64_t ld_add;
  float* c;  // [rows, columns]
  int64_t ldc;
};

// A tile of the head: `entries` of the vocabulary against `panels` panels of rows. The logits are
// kept transposed, [panels, entries, panel], so that a vector has the same entry of adjacent rows.
struct HeadTile {
  const float* head;  // [entries, width]; rounded for products of bf16 (Products::round)
  int64_t entries, width, panels;
  float* logits;
  float* exponentials;  // [panels, entries, panel], bf16 for products of bf16; may be the logits
};

// SwiGLU over [rows, 2f] = a | b (functions.h). `beta` [f] may be null, which means 1.
struct SwiGluOperands {
  const float* x;  // [rows, 2f]
  const float* beta;
  int64_t rows, f;
  float* y;         // [rows, f]; of the backward pass: may be null
  const float* dy;  // the rest is of the backward pass
  float* dx;        // [rows, 2f]
  float* dbeta;     // [f] is added to; null without beta
};

// RMSNorm of [rows, w] with one gain (functions.h).
struct RmsNormOperands {
  const float* x;
  const float* gain;  // [w]
  int64_t rows, w;
  float eps;
  float* y;
  float* inverse;    // [rows]: 1 / sqrt(mean(x^2) + eps), written forward and read backward
  const float* dy;   // the rest is of the backward pass
  const float* add;  // [rows, w] is added to dx; may be null
  float* dx;
  float* dgain;  // [w] is added to
};

// Causal attention of the query heads that share one head of keys and values, over one sequence,
// with rotary positions (functions.h). Pointers are to the parts of these heads in the first row;
// the query heads stand side by side.
struct AttentionOperands {
  const float *q, *k, *v;  // their rows are `ld` apart
  int64_t ld;
  int64_t queries;  // how many query heads there are
  int64_t sequence, size;
  int64_t width;  // the distance of rows of the result
  int64_t first;  // forward: the first query whose result is wanted; those before it are keys alone
  const float* cos;  // [sequence, size / 2]
  const float* sin;
  bool interleaved;
  const float* q_gain;  // [size]: rotated queries and keys are normed (RMSNorm); null: they are not
  const float* k_gain;
  float eps;
  float* out;         // [sequence, queries size]; read by the backward pass
  float* maxima;      // [queries, sequence]: of the scores of each row, and the inverse of the sum
  float* inverse;     // of e^(score - maximum); written forward and read backward
  float* scratch;     // attention_scratch floats, aligned to 64 bytes
  const float* dout;  // the rest is of the backward pass; rows as of out
  float *dq, *dk, *dv;  // rows as of q, k and v
  float* dq_gain;       // [size], are added to; null without gains
  float* dk_gain;
};

// The same for rows that follow `begin` others of their sequence, whose keys and values were kept.
// Theirs are kept, too. Of `rows`, the results `maxima` and `inverse` are not written.
struct CachedAttentionOperands {
  AttentionOperands rows;  // cos and sin from position `begin` on; scratch of cached_scratch floats
  int64_t begin;
  int64_t capacity;  // positions that have room
  float* keys;       // [size, capacity], packed: [capacity / panel, size, panel]
  float* values;     // [capacity, size], packed: [size / panel, capacity, panel]
};

// One update of AdamW. `step_size` and `root` contain the corrections of the bias:
// p = p decay - step_size m / (root sqrt(v) + eps).
struct AdamWOperands {
  float* p;
  float* g;  // is divided by `divide` on the way, and zero afterwards
  float* m;
  float* v;
  int64_t count;
  float divide, decay, beta1, beta2, step_size, root, eps;
};

// Products of linear maps and of the head, of fp32 or of bf16 with sums of fp32: what is packed by
// the one must not be read by the other. Operands and results are fp32 but for what is packed.
struct Products {
  // [rows, columns] -> packed; row r is multiplied by scale[r] unless `scale` is null, and is zero
  // where that is 0, whatever it contains.
  void (*pack)(const float* b, int64_t ldb, int64_t rows, int64_t columns, const float* scale,
               float* packed);
  // The transpose of w [columns, rows] -> packed.
  void (*pack_transposed)(const float* w, int64_t ldw, int64_t rows, int64_t columns,
                          float* packed);
  // C = A B + add; C += A' B.
  void (*product)(const ProductOperands& o);
  void (*outer)(const OuterOperands& o);

  // Logits of rows x [width, panels * panel], packed (that is, [panels, width, panel]), and the
  // largest of each row, [panels * panel].
  void (*head_logits)(const HeadTile& tile, const float* x, float* maxima);
  // Writes e^(logit - maximum) to tile.exponentials, and the sums of these in fp32, [panels *
  // panel].
  void (*head_exp)(const HeadTile& tile, const float* maxima, float* sums);
  // The tile's part of the head in the order in which head_input_gradient reads it: at most (width
  // + 31) * (entries + 32) floats. Of a head of bf16 up to 16 numbers beyond its end are read.
  void (*head_columns)(const HeadTile& tile, float* columns);
  // dx [panels, width, panel] += factor of the row * exponentials * head.
  void (*head_input_gradient)(const HeadTile& tile, const float* columns, const float* factors,
                              float* dx);
  // gradient [entries, width] += exponentials' x, where x [panels * panel, width] is packed.
  void (*head_weight_gradient)(const HeadTile& tile, const float* x, float* gradient);
  // `count` neighbouring numbers of a row -> bf16, in the places of (count + 1) / 2 floats; the
  // missing half of the last place is zero. Only of products of bf16.
  void (*round)(const float* from, int64_t count, float* to);
};

// The functions of one instruction set, and the width of the panels that they read.
struct SimdKernels {
  const char* name;       // "generic", "avx2", "avx512", "avx512_bf16" or "amx"
  const char* fp32_name;  // of the set whose functions give the same bits, but for `bf16`
  const char* bf16_name;  // of the set whose `bf16` gives the same bits
  int64_t panel;          // columns of a packed panel

  Products fp32, bf16;
  bool multiplies_bf16;  // by an instruction; else in several steps, slower than fp32
  // C = factor (A B') + add.
  void (*dots)(const DotOperands& o);

  // Forward and backward passes of gate, norm and attention; the operands above have their
  // formulas.
  void (*swiglu)(const SwiGluOperands& o);
  void (*swiglu_backward)(const SwiGluOperands& o);
  void (*rms_norm)(const RmsNormOperands& o);
  void (*rms_norm_backward)(const RmsNormOperands& o);
  void (*attention)(const AttentionOperands& o);
  void (*attention_backward)(const AttentionOperands& o);
  // Floats of scratch that either needs.
  int64_t (*attention_scratch)(int64_t sequence, int64_t size);
  void (*cached_attention)(const CachedAttentionOperands& o);
  // Floats of scratch that it needs for `rows` rows of which the last is at position `last`.
  int64_t (*cached_scratch)(int64_t rows, int64_t last, int64_t size);
  void (*adamw)(const AdamWOperands& o);
  // In fp64, in sixteen sums side by side, so that all instruction sets have the same bits.
  double (*sum_of_squares)(const float* x, int64_t count);
  // y[i] = e^x[i], for tests.
  void (*exp)(const float* x, int64_t count, float* y);
};

}  // namespace braid::trainer
