#include "trainer/loop/block_probes.h"

#include <algorithm>
#include <numeric>

#include "corpus/dataset.h"
#include "model/tensors.h"
#include "trainer/network/probes.h"

namespace braid::trainer {
namespace {

// Of each corpus. Few, because the pass is taken beside the training, on one rank while the others
// wait.
constexpr int64_t kReadOutSequences = 4;

// The token ids, [sequences, sequence], row-major.
std::vector<int32_t> Text(const std::vector<const corpus::Shards*>& corpora, int64_t sequence) {
  std::vector<int32_t> ids;
  for (const corpus::Shards* set : corpora) {
    const int64_t count = std::min(kReadOutSequences, corpus::ValidationSequences(*set, sequence));
    for (int64_t i = 0; i < count; ++i) {
      ids.resize(ids.size() + static_cast<size_t>(sequence));
      corpus::ReadValidation(*set, sequence, i,
                             ids.data() + ids.size() - static_cast<size_t>(sequence));
    }
  }
  return ids;
}

void AddReadings(const std::vector<BlockReadout>& blocks, Json* values) {
  for (const BlockReadout& block : blocks) {
    const std::string place = "dual/" + block.place + "/";
    ForEachReading(block, [&](const std::string& name, const std::vector<float>& numbers) {
      (*values)[place + name] = std::accumulate(numbers.begin(), numbers.end(), 0.0) /
                                static_cast<double>(numbers.size());
    });
    for (const auto& [name, scale] : ScalesOf(block)) (*values)[place + name] = scale;
  }
}

void AddRouting(const model::ModelSpec& spec, const std::vector<LayerRouting>& layers,
                Json* values) {
  const size_t choices = spec.paths.size() + (spec.connection.is_routed() ? 1 : 0);
  for (size_t l = 0; l < layers.size(); ++l) {
    const std::vector<uint8_t>& taken = layers[l].choices;
    // Layers without a decision: in a composite without a router, some layers have none to read.
    if (taken.empty()) continue;
    for (size_t c = 0; c < choices; ++c) {
      const auto count = static_cast<double>(
          std::count(taken.begin(), taken.end(), static_cast<uint8_t>(c)));
      const std::string name = c < spec.paths.size() ? spec.paths[c].name : "combined";
      (*values)["routing/" + std::to_string(l) + "/" + name] = count /
                                                               static_cast<double>(taken.size());
    }
  }
}

}  // namespace

Json ReadBlockProbes(Network& network, const std::vector<const corpus::Shards*>& corpora,
                     int64_t sequence) {
  Json values = Json::object();
  const std::vector<int32_t> ids = Text(corpora, sequence);
  const auto count = static_cast<int64_t>(ids.size()) / sequence;
  if (count == 0) return values;
  AddReadings(network.Readouts(ids.data(), count, sequence), &values);
  if (model::DecidingLayers(network.spec()) > 0)
    AddRouting(network.spec(), network.Routing(ids.data(), count, sequence), &values);
  return values;
}

}  // namespace braid::trainer
