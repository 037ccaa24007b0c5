#include "trainer/loop/outer_steps.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace braid::trainer {
namespace {

// Numbers of bf16 that are exchanged at a time: so many that the time of a piece is that of its
// bytes, not of its way.
constexpr int64_t kBf16Piece = int64_t{1} << 24;

// Buffers of all ranks, one behind the other, on rank 0; empty on others.
Status GatherAll(const std::vector<float>& own, Collective& collective, std::vector<float>* all) {
  const int64_t count = std::ssize(own);
  if (collective.rank() == 0) all->resize(static_cast<size_t>(count * collective.world()));
  return collective.Gather(own.data(), count, all->data());
}

}  // namespace

OuterSteps::OuterSteps(const spec::Sync& settings, int64_t total, Network& network)
    : settings_(settings), total_(total), network_(network), optimizer_(settings.outer, network) {}

int64_t OuterSteps::RoundEnd(int64_t step) const {
  return std::min(total_, (step / settings_.every + 1) * settings_.every);
}

Status OuterSteps::AddUp(Collective& collective) {
  float* const changes = network_.gradients();
  const int64_t size = network_.layout().size;
  if (settings_.exchange == spec::ExchangeFormat::kFp32) return collective.AllReduce(changes, size);
  std::vector<Bf16> piece;
  for (int64_t begin = 0; begin < size; begin += kBf16Piece) {
    const int64_t count = std::min(kBf16Piece, size - begin);
    piece.resize(static_cast<size_t>(count));
    std::transform(changes + begin, changes + begin + count, piece.begin(), &ToBf16);
    BRAID_RETURN_IF_ERROR(collective.AllReduce(piece.data(), count));
    std::transform(piece.begin(), piece.end(), changes + begin, &ToFloat);
  }
  return OkStatus();
}

Status OuterSteps::Step(int64_t step, Collective& collective) {
  optimizer_.TakeChange();
  BRAID_RETURN_IF_ERROR(AddUp(collective));
  optimizer_.Step(collective.world());
  last_ = step;
  return OkStatus();
}

Status OuterSteps::Complete(int64_t step, Collective& collective,
                            OptimizerSnapshot* snapshot) const {
  OuterSnapshot outer;
  outer.ranks = collective.world();
  outer.step = last_;
  outer.momentum = optimizer_.Momentum();
  if (step != last_) {
    BRAID_RETURN_IF_ERROR(GatherAll(snapshot->p, collective, &outer.p));
    snapshot->p = optimizer_.Weights();
  }
  for (const OptimizerSnapshot::State& state : snapshot->state) {
    outer.state.emplace_back();
    BRAID_RETURN_IF_ERROR(GatherAll(state.values, collective, &outer.state.back()));
  }
  snapshot->outer = std::move(outer);
  return OkStatus();
}

void OuterSteps::Restore(const OuterState& state) {
  optimizer_.Restore(state.weights, state.momentum);
  last_ = state.step;
}

}  // namespace braid::trainer
