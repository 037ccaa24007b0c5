// The cross-entropy of the head on a CPU. Rows are taken in chunks, and the vocabulary in tiles:
//
//   logits of a tile -> e^(logit - the tile's maximum), maxima and sums of its rows
//   maxima and sums of all tiles -> the loss, and for each (row, tile) a factor such that
//     exponential * factor = scale * softmax
//   dx += factor * (exponentials times head), dhead += exponentials' times (factor * x)
//   the label's share of both, one row each
//
// So each logit costs one exponential, and passes memory twice: within a pass, a tile is taken in
// pieces of rows that stay in a core's cache from one step to the next. Tiles belong to groups of
// fixed size, which threads take; each group has a dx of its own, and these are added in their
// order.
//
// For products of bf16 the head is rounded once for all chunks, and exponentials are kept rounded:
// sums, maxima and all that follows from them come from the numbers before that.
#include "trainer/kernels/head_loss_cpu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

// Entries of the vocabulary in a tile.
constexpr int64_t kEntries = 256;
constexpr int64_t kRowsAtOnce = 256;  // a whole number of panels
constexpr int64_t kGroups = 16;

// Rows of a chunk: the more there are, the fewer passes are made over the head and its gradient,
// and the more memory the logits take (128 MB).
int64_t ChunkRows(const HeadLossOperands& o) {
  return o.vocab <= 1 << 16 ? 512 : 256;
}

// The head as products read it, in rows that are `ld` floats apart.
struct HeadRows {
  const float* first;
  int64_t ld;
};

HeadRows RoundedHead(const HeadLossOperands& o) {
  if (o.precision == Precision::kFp32) return {o.head, o.width};
  constexpr int64_t kSlack = 16;  // floats beyond the end that may be read (Products::head_columns)
  const int64_t ld = PlacesOf(o.precision, o.width);
  float* rounded = ScratchFloats(Scratch::kHeadRounded, o.vocab * ld + kSlack);
  ParallelFor(0, o.vocab, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      Simd().bf16.round(o.head + row * o.width, o.width, rounded + row * ld);
  });
  return {rounded, ld};
}

// `count` floats that have the values of as many numbers of bf16.
void Widen(const float* rounded, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, reinterpret_cast<const char*>(rounded) + 2 * i, sizeof(half));
    const uint32_t bits = static_cast<uint32_t>(half) << 16;
    std::memcpy(to + i, &bits, sizeof(bits));
  }
}

// One chunk of rows.
class Chunk {
 public:
  Chunk(const HeadLossOperands& o, const HeadRows& head, int64_t first, int64_t count)
      : o_(o),
        head_(head),
        products_(ProductsIn(o.precision)),
        first_(first),
        count_(count),
        rows_(Padded(count)),
        tiles_((o.vocab + kEntries - 1) / kEntries),
        groups_(std::min(tiles_, kGroups)),
        input_(ScratchFloats(Scratch::kHeadInput, rows_ * PlacesOf(o.precision, o.width))),
        maxima_(static_cast<size_t>(tiles_ * rows_)),
        sums_(maxima_.size()),
        targets_(static_cast<size_t>(rows_)) {
    // Without gradients no piece is needed twice, so a thread has one buffer for all.
    if (o.dx != nullptr)
      exponentials_ = ScratchFloats(Scratch::kHeadLogits, rows_ * PlacesOf(o.precision, o.vocab));
    PackInput();
    ForEachTile([this](int64_t tile) { Exponentials(tile); });
  }

  double Loss() {
    double loss = 0;
    factors_.assign(maxima_.size(), 0.0f);
    std::vector<double> losses(static_cast<size_t>(count_));
    ParallelFor(0, count_, 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t label = o_.labels[first_ + row];
        if (label >= 0) losses[static_cast<size_t>(row)] = RowLoss(row, label);
      }
    });
    for (int64_t row = 0; row < count_; ++row) {
      const double one = losses[static_cast<size_t>(row)];
      loss += one;
      if (o_.losses != nullptr && o_.labels[first_ + row] >= 0)
        o_.losses[first_ + row] = static_cast<float>(one);
    }
    return loss;
  }

  // REQUIRES: Loss() was called.
  void Gradients() {
    const int64_t size = rows_ * o_.width;
    float* partial = ScratchFloats(Scratch::kHeadGradient, groups_ * size);
    ForEachGroup([&](int64_t group) {
      std::fill_n(partial + group * size, size, 0.0f);
      for (int64_t tile = Begin(group); tile < Begin(group + 1); ++tile)
        Gradients(tile, partial + group * size);
    });
    ParallelFor(0, rows_ / Simd().panel, 1, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) InputGradient(partial, panel);
    });
  }

 private:
  // The first tile of a group.
  int64_t Begin(int64_t group) const { return group * tiles_ / groups_; }

  template <typename Use>
  void ForEachGroup(Use use) const {
    ParallelFor(0, groups_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group) use(group);
    });
  }
  template <typename Use>
  void ForEachTile(Use use) const {
    ForEachGroup([&](int64_t group) {
      for (int64_t tile = Begin(group); tile < Begin(group + 1); ++tile) use(tile);
    });
  }

  // Calls use(piece of the tile, its first row) for pieces of rows.
  template <typename Use>
  void ForEachPiece(int64_t number, Use use) const {
    const int64_t panel = Simd().panel, begin = number * kEntries;
    const int64_t entries = std::min(kEntries, o_.vocab - begin);
    for (int64_t row = 0; row < rows_; row += kRowsAtOnce) {
      HeadTile tile{head_.first + begin * head_.ld,
                    entries,
                    o_.width,
                    std::min(kRowsAtOnce, rows_ - row) / panel,
                    nullptr,
                    nullptr};
      // A tile is an even number of entries, and its rows are whole panels.
      if (exponentials_ != nullptr)
        tile.exponentials = exponentials_ + PlacesOf(o_.precision, begin * rows_ + row * entries);
      tile.logits = exponentials_ != nullptr && o_.precision == Precision::kFp32
                        ? tile.exponentials
                        : ScratchFloats(Scratch::kHeadTile, kEntries * kRowsAtOnce);
      if (exponentials_ == nullptr) tile.exponentials = tile.logits;
      use(tile, row);
    }
  }

  bool Counts(int64_t row) const { return row < count_ && o_.labels[first_ + row] >= 0; }

  // The rows as columns, packed. Rows that do not count are zero, whatever they contain.
  void PackInput() {
    const int64_t panel = Simd().panel, places = PlacesOf(o_.precision, o_.width);
    ParallelFor(0, rows_ / panel, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i * panel, count = std::min(panel, count_ - first);
        float* to = input_ + first * places;
        products_.pack_transposed(o_.hidden + (first_ + first) * o_.width, o_.width, o_.width,
                                  count, to);
        for (int64_t row = first; row < first + count; ++row) {
          if (Counts(row)) continue;
          for (int64_t j = 0; j < places; ++j) to[j * panel + row - first] = 0.0f;
        }
      }
    });
  }

  void Exponentials(int64_t number) {
    float *maxima = maxima_.data() + number * rows_, *sums = sums_.data() + number * rows_;
    ForEachPiece(number, [&](const HeadTile& piece, int64_t first) {
      products_.head_logits(piece, input_ + first * PlacesOf(o_.precision, o_.width),
                            maxima + first);
      KeepTargets(piece, first, number * kEntries);
      products_.head_exp(piece, maxima + first, sums + first);
    });
  }

  // The logits of the labels among the entries from `begin` on.
  void KeepTargets(const HeadTile& piece, int64_t first, int64_t begin) {
    const int64_t panel = Simd().panel;
    for (int64_t i = 0; i < std::min(piece.panels * panel, count_ - first); ++i) {
      const int64_t entry = o_.labels[first_ + first + i] - begin;
      if (entry < 0 || entry >= piece.entries) continue;
      targets_[static_cast<size_t>(first + i)] =
          piece.logits[(i / panel * piece.entries + entry) * panel + i % panel];
    }
  }

  double RowLoss(int64_t row, int64_t label) {
    const auto at = [&](int64_t tile) { return static_cast<size_t>(tile * rows_ + row); };
    float maximum = -std::numeric_limits<float>::infinity();
    for (int64_t tile = 0; tile < tiles_; ++tile) maximum = std::max(maximum, maxima_[at(tile)]);
    double sum = 0;
    for (int64_t tile = 0; tile < tiles_; ++tile) {
      const float share = std::exp(maxima_[at(tile)] - maximum);
      factors_[at(tile)] = share;
      sum += static_cast<double>(share) * sums_[at(tile)];
    }
    for (int64_t tile = 0; tile < tiles_; ++tile)
      factors_[at(tile)] *= static_cast<float>(o_.scale / sum);
    if (label >= o_.vocab) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(maximum - targets_[static_cast<size_t>(row)]) + std::log(sum);
  }

  void Gradients(int64_t number, float* dx) {
    const int64_t begin = number * kEntries, w = o_.width;
    float* dhead = o_.dhead + begin * w;
    float* columns = ScratchFloats(Scratch::kHeadColumns, (w + 31) * (kEntries + 32));
    float* scaled = ScratchFloats(Scratch::kHeadScaled, kRowsAtOnce * Padded(w));
    ForEachPiece(number, [&](const HeadTile& piece, int64_t first) {
      const float* factors = factors_.data() + number * rows_ + first;
      if (first == 0) products_.head_columns(piece, columns);
      products_.head_input_gradient(piece, columns, factors, dx + first * w);
      // The padding of the last panel has factors of zero, and so is not read.
      products_.pack(o_.hidden + (first_ + first) * w, w, piece.panels * Simd().panel, w, factors,
                     scaled);
      products_.head_weight_gradient(piece, scaled, dhead);
    });
    for (int64_t row = 0; row < count_; ++row) {
      const int64_t entry = o_.labels[first_ + row] - begin;
      if (entry < 0 || entry >= std::min(kEntries, o_.vocab - begin)) continue;
      SubtractLabel(o_.hidden + (first_ + row) * w, factors_[number * rows_ + row],
                    dhead + entry * w);
    }
  }

  // The label's share of a row of dhead, for a row x with this factor. Where the model is sure of
  // the label, most of it and of the label's exponential cancel. So it is made of the same rounded
  // numbers; elsewhere the factor may be too small for that.
  void SubtractLabel(const float* x, float factor, float* gradient) const {
    const int64_t w = o_.width;
    float share = o_.scale;
    if (o_.precision == Precision::kBf16 && factor > o_.scale * 1e-3f) {
      float *product = ScratchFloats(Scratch::kHeadScaled, 3 * w + 2), *rounded = product + w;
      for (int64_t i = 0; i < w; ++i) product[i] = factor * x[i];
      products_.round(product, w, rounded);
      Widen(rounded, w, product);
      x = product;
      share /= factor;
    }
    for (int64_t i = 0; i < w; ++i) gradient[i] -= share * x[i];
  }

  // The row of the head as it was multiplied.
  const float* LabelRow(int64_t label) const {
    const float* row = head_.first + label * head_.ld;
    if (o_.precision == Precision::kFp32) return row;
    float* widened = ScratchFloats(Scratch::kHeadScaled, o_.width);
    Widen(row, o_.width, widened);
    return widened;
  }

  // dx of the rows of a panel: the sum over the groups, and the label's share.
  void InputGradient(const float* partial, int64_t number) {
    const int64_t w = o_.width, panel = Simd().panel, size = rows_ * w;
    partial += number * panel * w;
    std::vector<float> sums(partial, partial + panel * w);
    for (int64_t group = 1; group < groups_; ++group) {
      const float* more = partial + group * size;
      for (int64_t i = 0; i < panel * w; ++i) sums[static_cast<size_t>(i)] += more[i];
    }
    for (int64_t row = number * panel; row < std::min(count_, (number + 1) * panel); ++row) {
      float* dx = o_.dx + (first_ + row) * w;
      const float* sum = sums.data() + row % panel;
      for (int64_t i = 0; i < w; ++i) dx[i] = sum[i * panel];
      const int64_t label = o_.labels[first_ + row];
      if (label < 0 || label >= o_.vocab) continue;
      const float* head = LabelRow(label);
      for (int64_t i = 0; i < w; ++i) dx[i] -= o_.scale * head[i];
    }
  }

  const HeadLossOperands& o_;
  const HeadRows head_;
  const Products& products_;
  const int64_t first_, count_;
  const int64_t rows_;  // count_ and what fills the last panel
  const int64_t tiles_, groups_;
  float* const input_;
  // e^(logit - maximum) of the tiles, for the gradients, bf16 for products of bf16; null without
  // them.
  float* exponentials_ = nullptr;
  std::vector<float> maxima_, sums_, factors_;  // [tiles, rows]
  std::vector<float> targets_;                  // [rows]: the logits of the labels
};

}  // namespace

double HeadLossCpu(const HeadLossOperands& operands) {
  double loss = 0;
  const int64_t rows = ChunkRows(operands);
  const HeadRows head = RoundedHead(operands);
  for (int64_t first = 0; first < operands.rows; first += rows) {
    Chunk chunk(operands, head, first, std::min(rows, operands.rows - first));
    loss += chunk.Loss();
    if (operands.dx != nullptr) chunk.Gradients();
  }
  return loss;
}

}  // namespace braid::trainer
