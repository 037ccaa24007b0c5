#include "trainer/network/prefix_tree.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "base/status.h"
#include "trainer/kernels/functions.h"
#include "trainer/kernels/prefix_attention.h"
#include "trainer/network/network_impl.h"

namespace braid::trainer {
namespace {

// The rows of a tree as runs: one ends where the next row belongs elsewhere.
std::vector<PrefixRun> RunsOf(const std::vector<int32_t>& parents) {
  std::vector<PrefixRun> runs;
  for (int64_t row = 0; row < std::ssize(parents); ++row) {
    const int32_t parent = parents[static_cast<size_t>(row)];
    BRAID_CHECK(parent < row);
    if (!runs.empty() && parent >= 0 && parent == row - 1) {
      ++runs.back().count;
      continue;
    }
    PrefixRun& run = runs.emplace_back(PrefixRun{{}, row, 1});
    for (int32_t up = parent; up >= 0; up = parents[static_cast<size_t>(up)])
      run.before.push_back(up);
    std::reverse(run.before.begin(), run.before.end());
  }
  return runs;
}

int64_t LongestOf(const std::vector<PrefixRun>& runs) {
  int64_t longest = 0;
  for (const PrefixRun& run : runs) longest = std::max(longest, std::ssize(run.before) + run.count);
  return longest;
}

// The first target of each row; kIgnore of rows without one.
std::vector<int32_t> FirstTargets(const PrefixTree& tree) {
  std::vector<int32_t> first(tree.ids.size(), kIgnore);
  for (const PrefixTree::Target& target : tree.targets) {
    int32_t& label = first[static_cast<size_t>(target.row)];
    if (label == kIgnore) label = target.id;
  }
  return first;
}

// hidden (a - b), in fp64.
double LogitDifference(const float* hidden, const float* a, const float* b, int64_t w) {
  double sum = 0;
  for (int64_t i = 0; i < w; ++i)
    sum += static_cast<double>(hidden[i]) * (static_cast<double>(a[i]) - b[i]);
  return sum;
}

}  // namespace

bool ReadsPrefixTrees(const Network& network) {
  const model::ModelSpec& spec = network.spec();
  const bool noisy = spec.arch.router_noise == model::RouterNoise::kAlways && spec.chooses() &&
                     spec.connection.router.kind->draws_noise;
  return network.device() == "cpu" && !noisy;
}

std::vector<float> PrefixLogProbabilities(Network& network, const PrefixTree& tree) {
  Network::Impl& impl = network.impl();
  BRAID_CHECK(ReadsPrefixTrees(network) && !impl.intervention.has_value());
  const at::NoGradGuard no_grad;
  const int64_t count = std::ssize(tree.ids);
  const std::vector<PrefixRun> runs = RunsOf(tree.parents);
  ForwardContext pass = impl.EvaluationPass(1, count);
  pass.runs = &runs;
  pass.longest = LongestOf(runs);
  const at::Tensor hidden = impl.Hidden(impl.ToDevice(tree.ids.data(), count), pass).contiguous();
  const std::vector<int32_t> first = FirstTargets(tree);
  at::Tensor losses;
  HeadLoss(hidden, impl.head, impl.ToDevice(first.data(), count), 1.0, Precision::kFp32, nullptr,
           nullptr, &losses);
  // Where several tokens follow a row, all have the same normaliser: the others differ from the
  // first one by the difference of the logits.
  const int64_t w = hidden.size(1);
  const float *x = hidden.const_data_ptr<float>(), *head = impl.head.const_data_ptr<float>(),
              *loss = losses.const_data_ptr<float>();
  std::vector<float> log_p;
  log_p.reserve(tree.targets.size());
  for (const PrefixTree::Target& target : tree.targets) {
    const int32_t label = first[static_cast<size_t>(target.row)];
    double one = -static_cast<double>(loss[target.row]);
    if (label != target.id)
      one += LogitDifference(x + target.row * w, head + target.id * w, head + label * w, w);
    log_p.push_back(static_cast<float>(one));
  }
  return log_p;
}

}  // namespace braid::trainer
