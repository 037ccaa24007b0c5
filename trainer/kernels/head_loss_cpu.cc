// The cross-entropy of the head on a CPU. Rows are taken in chunks, and the vocabulary in tiles:
//
//   logits of a tile -> e^(logit - the tile's maximum) in place, maxima and sums of its rows
//   maxima and sums of all tiles -> the loss, and for each (row, tile) a factor such that
//     exponential * factor = scale * softmax
//   dx += factor * (exponentials times head), dhead += exponentials' times (factor * x)
//   the label's share of both, one row each
//
// So each logit costs one exponential, and passes memory twice. Tiles belong to groups of fixed
// size, which threads take; each group has a dx of its own, and these are added in their order.
#include "trainer/kernels/head_loss_cpu.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "trainer/kernels/parallel.h"
#include "trainer/kernels/products.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

constexpr int64_t kChunkRows = 256;
constexpr int64_t kEntries = 512;
constexpr int64_t kGroups = 16;

// One chunk of rows.
class Chunk {
 public:
  Chunk(const HeadLossOperands& o, int64_t first, int64_t count)
      : o_(o),
        first_(first),
        count_(count),
        rows_(Padded(count)),
        tiles_((o.vocab + kEntries - 1) / kEntries),
        groups_(std::min(tiles_, kGroups)),
        input_(ScratchFloats(Scratch::kHeadInput, rows_ * o.width)),
        maxima_(static_cast<size_t>(tiles_ * rows_)),
        sums_(maxima_.size()),
        targets_(static_cast<size_t>(rows_)) {
    // Without gradients no tile is needed twice, so a thread has one buffer for all.
    if (o.dx != nullptr) logits_ = ScratchFloats(Scratch::kHeadLogits, rows_ * o.vocab);
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
    std::fill_n(partial, groups_ * size, 0.0f);
    ForEachGroup([&](int64_t group) {
      for (int64_t tile = Begin(group); tile < Begin(group + 1); ++tile)
        Gradients(tile, partial + group * size);
    });
    const int64_t panel = Simd().panel;
    ParallelFor(0, count_, 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        float* dx = o_.dx + (first_ + row) * o_.width;
        const float* from = partial + row / panel * o_.width * panel + row % panel;
        for (int64_t i = 0; i < o_.width; ++i) {
          float sum = 0;
          for (int64_t group = 0; group < groups_; ++group) sum += from[group * size + i * panel];
          dx[i] = sum;
        }
        const int64_t label = o_.labels[first_ + row];
        if (label < 0 || label >= o_.vocab) continue;
        for (int64_t i = 0; i < o_.width; ++i) dx[i] -= o_.scale * o_.head[label * o_.width + i];
      }
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

  HeadTile TileOf(int64_t tile, float* logits) const {
    const int64_t begin = tile * kEntries;
    return {o_.head + begin * o_.width, std::min(kEntries, o_.vocab - begin), o_.width,
            rows_ / Simd().panel, logits};
  }

  bool Counts(int64_t row) const { return row < count_ && o_.labels[first_ + row] >= 0; }

  // The rows as columns, packed. Rows that do not count are zero, whatever they contain.
  void PackInput() {
    const int64_t panel = Simd().panel;
    for (int64_t row = 0; row < rows_; ++row) {
      float* to = input_ + row / panel * o_.width * panel + row % panel;
      const float* from = o_.hidden + (first_ + row) * o_.width;
      const bool counts = Counts(row);
      for (int64_t i = 0; i < o_.width; ++i) to[i * panel] = counts ? from[i] : 0.0f;
    }
  }

  void Exponentials(int64_t number) {
    float* logits = logits_ != nullptr ? logits_ + number * kEntries * rows_
                                       : ScratchFloats(Scratch::kHeadGradient, kEntries * rows_);
    const HeadTile tile = TileOf(number, logits);
    const int64_t panel = Simd().panel, begin = number * kEntries;
    Simd().head_logits(tile, input_);
    for (int64_t row = 0; row < count_; ++row) {
      const int64_t entry = o_.labels[first_ + row] - begin;
      if (entry < 0 || entry >= tile.entries) continue;
      targets_[static_cast<size_t>(row)] =
          logits[(row / panel * tile.entries + entry) * panel + row % panel];
    }
    Simd().head_exp(tile, maxima_.data() + number * rows_, sums_.data() + number * rows_);
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
    const HeadTile tile = TileOf(number, logits_ + number * kEntries * rows_);
    const float* factors = factors_.data() + number * rows_;
    float* dhead = o_.dhead + number * kEntries * o_.width;
    Simd().head_input_gradient(tile, factors, dx);
    float* scaled = ScratchFloats(Scratch::kHeadScaled, rows_ * Padded(o_.width));
    // The padding of the last panel has factors of zero, and so is not read.
    Simd().pack(o_.hidden + first_ * o_.width, o_.width, rows_, o_.width, factors, scaled);
    Simd().head_weight_gradient(tile, scaled, dhead);
    for (int64_t row = 0; row < count_; ++row) {
      const int64_t entry = o_.labels[first_ + row] - number * kEntries;
      if (entry < 0 || entry >= tile.entries) continue;
      const float* x = o_.hidden + (first_ + row) * o_.width;
      for (int64_t i = 0; i < o_.width; ++i) dhead[entry * o_.width + i] -= o_.scale * x[i];
    }
  }

  const HeadLossOperands& o_;
  const int64_t first_, count_;
  const int64_t rows_;  // count_ and what fills the last panel
  const int64_t tiles_, groups_;
  float* const input_;
  float* logits_ = nullptr;
  std::vector<float> maxima_, sums_, factors_;  // [tiles, rows]
  std::vector<float> targets_;                  // [rows]: the logits of the labels
};

}  // namespace

double HeadLossCpu(const HeadLossOperands& operands) {
  double loss = 0;
  for (int64_t first = 0; first < operands.rows; first += kChunkRows) {
    Chunk chunk(operands, first, std::min(kChunkRows, operands.rows - first));
    loss += chunk.Loss();
    if (operands.dx != nullptr) chunk.Gradients();
  }
  return loss;
}

}  // namespace braid::trainer
