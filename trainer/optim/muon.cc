// Muon (Jordan et al., 2024): the momentum of each hidden matrix is replaced by the nearest
// semi-orthogonal matrix, computed by Newton-Schulz iterations, so that the update has the same
// size in all directions. The update is scaled by 0.2 sqrt(max(rows, columns)) (Liu et al., "Muon
// is scalable for LLM training", 2025; `match_rms_adamw` of torch.optim.Muon). Its root mean square
// is then about that of AdamW's updates, so that learning rates and weight decay found for AdamW
// remain usable.
//
// Hidden matrices are the linear maps inside of blocks, including those of large blocks and of
// paths. All other tensors (embedding, head, norms, gates, routers, biases, connections) are
// updated by AdamW. Every rank computes the whole update from the same sum of gradients, so the
// replicas stay equal.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <map>

#include "spec/optimizer_state.h"
#include "trainer/optim/flat_optimizer.h"

namespace braid::trainer {
namespace {

enum MuonState { kMomentumState, kFirstMomentState, kSecondMomentState };
enum MuonGroup { kOrthogonal, kAdamW, kAdamWDecayed };

// From Jordan's publication. The polynomial is steep at 0 and leaves singular values between 0.7
// and 1.2.
constexpr double kCoefficients[] = {3.4445, -4.7750, 2.0315};
constexpr int kNewtonSchulzSteps = 5;

// The least divisor of a matrix, so that a zero gradient does not give NaN.
constexpr double kMinNorm = 1e-7;
constexpr double kRootMeanSquare = 0.2;
// Matrices of the same shape are multiplied in one batch of at most this many elements: that takes
// few calls for small matrices, and little memory for large ones.
constexpr int64_t kBatchElements = int64_t{1} << 24;

std::vector<bool> HiddenMatrices(const Layout& layout) {
  std::vector<bool> hidden;
  for (const Layout::Slot& slot : layout.slots) hidden.push_back(spec::IsHiddenMatrix(slot.tensor));
  return hidden;
}

std::vector<StateLayout> MuonStates(const Layout& layout) {
  std::vector<bool> hidden = HiddenMatrices(layout);
  StateLayout momentum = MakeStateLayout("momentum", layout, hidden);
  hidden.flip();
  return {std::move(momentum), MakeStateLayout("m", layout, hidden),
          MakeStateLayout("v", layout, hidden)};
}

std::vector<int> MuonGroups(const Layout& layout, const OptimizerConfig& config) {
  const std::vector<bool> hidden = HiddenMatrices(layout);
  std::vector<int> groups;
  for (size_t i = 0; i < hidden.size(); ++i) {
    const bool decays = Decays(layout.slots[i].tensor, config.decay_scope);
    groups.push_back(hidden[i] ? kOrthogonal : decays ? kAdamWDecayed : kAdamW);
  }
  return groups;
}

// For each matrix of `x` [count, rows, columns], approximately the nearest semi-orthogonal one.
at::Tensor Orthogonalize(at::Tensor x) {
  const bool tall = x.size(1) > x.size(2);
  // The Gram matrix below has the size of the first dimension, so the smaller dimension goes first.
  if (tall) x = x.transpose(1, 2).contiguous();
  // The iteration needs singular values of at most 1; the Frobenius norm is a bound of the largest.
  x = x / at::linalg_vector_norm(x, 2, {1, 2}, /*keepdim=*/true).clamp_min(kMinNorm);
  const auto [a, b, c] = kCoefficients;
  for (int step = 0; step < kNewtonSchulzSteps; ++step) {
    const at::Tensor gram = at::bmm(x, x.transpose(1, 2));
    const at::Tensor polynomial = at::baddbmm(gram, gram, gram, b, c);
    x = at::baddbmm(x, polynomial, x, a, 1);
  }
  return tall ? x.transpose(1, 2) : x;
}

class Muon final : public FlatOptimizer {
 public:
  Muon(Network& network, const OptimizerConfig& config)
      : FlatOptimizer(network, config, MuonStates(network.layout()),
                      MuonGroups(network.layout(), config)) {}

 private:
  // What matrices have in common that are updated together.
  struct Alike {
    int64_t rows = 0, columns = 0;
    double lr = 0;

    friend auto operator<=>(const Alike&, const Alike&) = default;
  };
  // Views of the parameters of such matrices, and of their updates.
  struct Matrices {
    std::vector<at::Tensor> parameters, updates;
  };

  bool UpdatesElements() const override { return false; }

  void Update(const std::vector<const Range*>& ranges, double divide) override {
    std::map<Alike, Matrices> alike;
    for (const Range* range : ranges) {
      if (range->group == kOrthogonal) UpdateMomentum(*range, divide, &alike);
    }
    for (auto& [what, matrices] : alike) {
      const auto rows = static_cast<double>(std::max(what.rows, what.columns));
      AddOrthogonal(matrices, -what.lr * kRootMeanSquare * std::sqrt(rows));
    }
    for (const int group : {kAdamWDecayed, kAdamW}) {
      UpdateByAdamW(ranges, {group, kFirstMomentState, kSecondMomentState, group == kAdamWDecayed},
                    divide);
    }
  }

  // Replaces the gradients of a range by Nesterov's momentum and decays its parameters. All hidden
  // matrices are decayed, under every decay_scope.
  void UpdateMomentum(const Range& range, double divide, std::map<Alike, Matrices>* alike) {
    at::Tensor gradients = Gradients(range).div_(divide);
    const at::Tensor momentum = State(kMomentumState, range);
    momentum.lerp_(gradients, 1 - config().momentum);
    gradients.lerp_(momentum, config().momentum);
    Parameters(range).mul_(1 - range.lr * range.weight_decay);
    for (size_t i = range.first_slot; i < range.first_slot + range.slots; ++i) {
      const Layout::Slot& slot = layout().slots[i];
      const auto view = [&](const at::Tensor& flat) {
        return flat.narrow(0, slot.offset - range.begin, slot.tensor.elements())
            .view(slot.tensor.shape);
      };
      Matrices& matrices = (*alike)[{slot.tensor.shape[0], slot.tensor.shape[1], range.lr}];
      matrices.parameters.push_back(view(Parameters(range)));
      matrices.updates.push_back(view(gradients));
    }
  }

  static void AddOrthogonal(Matrices& matrices, double factor) {
    const auto count = static_cast<int64_t>(matrices.updates.size());
    const int64_t batch = std::max<int64_t>(1, kBatchElements / matrices.updates.front().numel());
    for (int64_t begin = 0; begin < count; begin += batch) {
      const int64_t end = std::min(count, begin + batch);
      const at::Tensor orthogonal = Orthogonalize(
          at::stack(at::TensorList(matrices.updates)
                        .slice(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
      for (int64_t i = begin; i < end; ++i) {
        matrices.parameters[static_cast<size_t>(i)].add_(orthogonal.select(0, i - begin), factor);
      }
    }
  }
};

}  // namespace

OptimizerKind MuonKind() {
  return {spec::OptimizerKind::kMuon, &MuonStates,
          [](Network& network, const OptimizerConfig& config) -> std::unique_ptr<Optimizer> {
            return std::make_unique<Muon>(network, config);
          }};
}

}  // namespace braid::trainer
