#include "trainer/gate/gate.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

struct GateSpec {
  std::vector<std::string> parents;
  int64_t sequences = 8;
  int64_t sequence = 256;
};

Result<GateSpec> ReadSpec(const Json& json) {
  JsonReader read(json, "spec");
  GateSpec spec;
  spec.parents = read.Strings("parents");
  spec.sequences = read.Int("sequences", spec.sequences);
  spec.sequence = read.Int("sequence", spec.sequence);
  if (spec.parents.size() < 2) read.Fail("parents", "must name at least two");
  if (spec.sequences < 1) read.Fail("sequences", "must be at least 1");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return spec;
}

// Layer 0 is the embedding. The error names the first layer that differs.
Status CompareStates(const std::string& parent, const std::vector<std::vector<float>>& own,
                     const std::vector<std::vector<float>>& slice) {
  for (size_t layer = 0; layer < own.size(); ++layer) {
    if (layer < slice.size() && own[layer].size() == slice[layer].size() &&
        std::memcmp(own[layer].data(), slice[layer].data(), own[layer].size() * sizeof(float)) == 0) {
      continue;
    }
    double worst = 0;
    for (size_t i = 0; layer < slice.size() && i < std::min(own[layer].size(), slice[layer].size()); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(own[layer][i]) - slice[layer][i]));
    }
    return InvalidArgument(Format("the composite does not hold parent %s: hidden states after %s differ by up to %g",
                                  parent.c_str(), layer == 0 ? "the embedding" : ("block " + std::to_string(layer - 1)).c_str(),
                                  worst));
  }
  return own.size() == slice.size() ? OkStatus() : InvalidArgument("parent " + parent + " has another number of blocks");
}

Result<Json> LossesOf(Network& network, const std::vector<const corpus::Shards*>& shards, const GateSpec& spec) {
  const auto alone = LocalCollective();
  BRAID_ASSIGN_OR_RETURN(const auto losses, ValidationLosses(network, shards, {spec.sequence, spec.sequences}, *alone));
  Json json = Json::object();
  for (const auto& [corpus, loss] : losses) json[corpus] = loss.mean;
  return json;
}

}  // namespace

Status RunGateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  BRAID_ASSIGN_OR_RETURN(const GateSpec spec, ReadSpec(task.spec));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const auto composite, LoadNetwork(folder, task.device));
  if (composite->spec().paths.size() != spec.parents.size()) {
    return InvalidArgument(Format("the composite has %zu paths, spec.parents names %zu", composite->spec().paths.size(),
                                  spec.parents.size()));
  }
  BRAID_ASSIGN_OR_RETURN(const std::vector<corpus::Shards> shards, OpenShards(task, composite->spec().tokenizer));
  if (shards.empty()) return InvalidArgument("job " + task.job + ": inputs data.<corpus> are missing");
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& shard : shards) sets.push_back(&shard);

  Json parents = Json::array();
  int64_t compared = 0;
  for (size_t p = 0; p < spec.parents.size(); ++p) {
    channel.Progress("comparing", "parents", static_cast<int64_t>(p), static_cast<int64_t>(spec.parents.size()));
    BRAID_ASSIGN_OR_RETURN(const std::string parent_folder, task.Input("parent." + spec.parents[p]));
    BRAID_ASSIGN_OR_RETURN(const auto parent, LoadNetwork(parent_folder, task.device));
    std::vector<int32_t> ids(static_cast<size_t>(spec.sequence));
    for (const corpus::Shards* set : sets) {
      const int64_t count = std::min(spec.sequences, corpus::ValidationSequences(*set, spec.sequence));
      for (int64_t i = 0; i < count; ++i) {
        corpus::ReadValidation(*set, spec.sequence, i, ids.data());
        BRAID_RETURN_IF_ERROR(CompareStates(spec.parents[p], parent->PathStates(0, ids), composite->PathStates(p, ids)));
        compared += spec.sequence;
      }
    }
    BRAID_ASSIGN_OR_RETURN(const Json losses, LossesOf(*parent, sets, spec));
    parents.push_back({{"name", spec.parents[p]}, {"loss", losses}});
  }
  BRAID_ASSIGN_OR_RETURN(const Json losses, LossesOf(*composite, sets, spec));
  const Json gate = {{"passed", true}, {"hidden_states", "bit-equal"}, {"tokens_compared", compared},
                     {"parents", parents}, {"composite", {{"name", composite->spec().name}, {"loss", losses}}}};
  const std::string output = JoinPath(task.output, "gate");
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(output, "gate.json"), gate));
  channel.AddOutput("gate", "gate", "gate", {{"passed", true}});
  channel.Succeed(gate);
  return OkStatus();
}

}  // namespace braid::trainer
