#include "trainer/gate/gate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "schema/read.h"
#include "spec/merge.h"
#include "storage/files/artifact_files.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

// `own` and `slice` are the states after the embedding (layer 0) and after each block, [tokens *
// width] each. The error names the first layer that differs, because all later ones follow from it.
Status CompareStates(const std::string& parent, const std::vector<std::vector<float>>& own,
                     const std::vector<std::vector<float>>& slice) {
  for (size_t layer = 0; layer < own.size(); ++layer) {
    if (layer < slice.size() && own[layer].size() == slice[layer].size() &&
        std::memcmp(own[layer].data(), slice[layer].data(), own[layer].size() * sizeof(float)) ==
            0) {
      continue;
    }
    double worst = 0;
    for (size_t i = 0; layer < slice.size() && i < std::min(own[layer].size(), slice[layer].size());
         ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(own[layer][i]) - slice[layer][i]));
    }
    return InvalidArgument(Format(
        "the composite does not hold parent %s: hidden states after %s differ by up to %g",
        parent.c_str(),
        layer == 0 ? "the embedding" : ("block " + std::to_string(layer - 1)).c_str(), worst));
  }
  return own.size() == slice.size()
             ? OkStatus()
             : InvalidArgument("parent " + parent + " has another number of blocks");
}

Result<Json> LossesOf(Network& network, const std::vector<const corpus::Shards*>& shards,
                      const spec::GateTask& spec) {
  const auto alone = LocalCollective();
  BRAID_ASSIGN_OR_RETURN(
      const auto losses,
      ValidationLosses(network, shards, {spec.sequence, spec.sequences}, *alone));
  Json json = Json::object();
  for (const auto& [corpus, loss] : losses) json[corpus] = loss.mean;
  return json;
}

// The path of the composite that corresponds to each parent: without a base in the order of the
// parents, with a base by name, because a base brings paths that no parent replaces.
Result<std::vector<size_t>> PathsOf(const model::ModelSpec& composite, const spec::GateTask& spec) {
  std::vector<size_t> paths;
  if (!spec.base) {
    if (composite.paths.size() != spec.parents.size()) {
      return InvalidArgument(Format("the composite has %zu paths, spec.parents names %zu",
                                    composite.paths.size(), spec.parents.size()));
    }
    for (size_t p = 0; p < spec.parents.size(); ++p) paths.push_back(p);
    return paths;
  }
  for (const std::string& parent : spec.parents) {
    const auto found = std::find_if(composite.paths.begin(), composite.paths.end(),
                                    [&](const model::Stack& path) { return path.name == parent; });
    if (found == composite.paths.end())
      return InvalidArgument("spec.parents: the composite has no path " + parent);
    paths.push_back(static_cast<size_t>(found - composite.paths.begin()));
  }
  return paths;
}

// Whether the composite's logits before training are the weighted sum of its parents' logits, so
// that they can be compared. With a base they are not: its large blocks are trained and no longer
// the identity.
bool StartsAsItsParents(const model::ModelSpec& composite, const spec::GateTask& spec) {
  return composite.connection.is_slice() && composite.large.identity && !spec.base;
}

double WeightOf(const model::ModelSpec& composite, size_t path) {
  if (!composite.connection.weights.empty()) return composite.connection.weights[path];
  return composite.connection.scale == model::LogitScale::kSum
             ? 1.0
             : 1.0 / static_cast<double>(composite.paths.size());
}

// Compares the composite's logits with the weighted sum of its parents' logits.
class LogitComparison {
 public:
  void Add(Network& composite, const std::vector<std::unique_ptr<Network>>& parents,
           const std::vector<int32_t>& ids) {
    const std::vector<float> merged = composite.Logits(ids, /*last_only=*/false);
    std::vector<double> expected(merged.size(), 0.0);
    for (size_t p = 0; p < parents.size(); ++p) {
      const std::vector<float> own = parents[p]->Logits(ids, /*last_only=*/false);
      const double weight = WeightOf(composite.spec(), p);
      for (size_t i = 0; i < own.size() && i < expected.size(); ++i) expected[i] += weight * own[i];
    }
    for (size_t i = 0; i < merged.size(); ++i) {
      const double difference = std::abs(merged[i] - expected[i]);
      largest_ = std::max(largest_, std::abs(expected[i]));
      // A NaN must count as a failure, and comparisons with NaN are false.
      worst_ = std::max(
          worst_, std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity());
      bit_equal_ = bit_equal_ && merged[i] == static_cast<float>(expected[i]);
    }
  }

  double tolerance() const { return kLogitTolerance * std::max(1.0, largest_); }
  Status Check() const {
    // The products are summed in another order, so equality up to rounding is all that can be asked
    // for.
    if (worst_ <= tolerance()) return OkStatus();
    return InvalidArgument(
        Format("the composite does not start as its parents: its logits differ from theirs, "
               "weighed and added up, "
               "by up to %g, where %g may be rounding",
               worst_, tolerance()));
  }
  Json ToJson() const {
    return {{"equal", bit_equal_ ? "bit-equal" : "to rounding"},
            {"max_difference", worst_},
            {"tolerance", tolerance()},
            {"largest", largest_}};
  }

 private:
  double worst_ = 0;
  double largest_ = 0;
  bool bit_equal_ = true;
};

struct Models {
  std::unique_ptr<Network> composite;
  std::vector<std::unique_ptr<Network>> parents;
  std::vector<size_t> paths;  // of the composite, one a parent
};

Result<Models> LoadModels(const task::Task& task, const spec::GateTask& spec) {
  Models models;
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kModel));
  BRAID_ASSIGN_OR_RETURN(models.composite, LoadNetwork(folder, NameOf(task.device)));
  BRAID_ASSIGN_OR_RETURN(models.paths, PathsOf(models.composite->spec(), spec));
  for (const std::string& name : spec.parents) {
    BRAID_ASSIGN_OR_RETURN(const std::string parent_folder, task.Input(task::role::Parent(name)));
    BRAID_ASSIGN_OR_RETURN(std::unique_ptr<Network> parent,
                           LoadNetwork(parent_folder, NameOf(task.device)));
    models.parents.push_back(std::move(parent));
  }
  return models;
}

struct Compared {
  int64_t tokens = 0;
  LogitComparison logits;
};

Status CompareSequence(const Models& models, const spec::GateTask& spec,
                       const std::vector<int32_t>& ids, Compared* compared) {
  for (size_t p = 0; p < models.parents.size(); ++p) {
    BRAID_RETURN_IF_ERROR(CompareStates(spec.parents[p], models.parents[p]->PathStates(0, ids),
                                        models.composite->PathStates(models.paths[p], ids)));
    compared->tokens += static_cast<int64_t>(ids.size());
  }
  if (StartsAsItsParents(models.composite->spec(), spec))
    compared->logits.Add(*models.composite, models.parents, ids);
  return OkStatus();
}

Result<Json> LossesOfAll(const Models& models, const std::vector<const corpus::Shards*>& sets,
                         const spec::GateTask& spec, Json gate) {
  gate["parents"] = Json::array();
  for (size_t p = 0; p < models.parents.size(); ++p) {
    BRAID_ASSIGN_OR_RETURN(const Json losses, LossesOf(*models.parents[p], sets, spec));
    gate["parents"].push_back({{"name", spec.parents[p]}, {"loss", losses}});
  }
  BRAID_ASSIGN_OR_RETURN(const Json losses, LossesOf(*models.composite, sets, spec));
  gate["composite"] = {{"name", models.composite->spec().name}, {"loss", losses}};
  return gate;
}

}  // namespace

Status RunGateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  BRAID_ASSIGN_OR_RETURN(const spec::GateTask spec,
                         schema::FromJson<spec::GateTask>(task.spec, "spec"));
  BRAID_ASSIGN_OR_RETURN(const Models models, LoadModels(task, spec));
  BRAID_ASSIGN_OR_RETURN(const std::vector<corpus::Shards> shards,
                         OpenShards(task, models.composite->spec().tokenizer));
  if (shards.empty())
    return InvalidArgument("job " + task.job + ": inputs data.<corpus> are missing");
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& shard : shards) sets.push_back(&shard);

  Compared compared;
  std::vector<int32_t> ids(static_cast<size_t>(spec.sequence));
  for (const corpus::Shards* set : sets) {
    const int64_t count = std::min(spec.sequences,
                                   corpus::ValidationSequences(*set, spec.sequence));
    for (int64_t i = 0; i < count; ++i) {
      channel.Progress("comparing", "sequences", i, count);
      corpus::ReadValidation(*set, spec.sequence, i, ids.data());
      BRAID_RETURN_IF_ERROR(CompareSequence(models, spec, ids, &compared));
    }
  }
  Json gate = {{"passed", true}, {"tokens_compared", compared.tokens}};
  if (!spec.parents.empty())
    // Without parents, paths were only dropped from the base, and there is nothing to compare.
    gate["hidden_states"] = "bit-equal";
  if (StartsAsItsParents(models.composite->spec(), spec)) {
    BRAID_RETURN_IF_ERROR(compared.logits.Check());
    gate["logits"] = compared.logits.ToJson();
  }
  BRAID_ASSIGN_OR_RETURN(gate, LossesOfAll(models, sets, spec, std::move(gate)));
  constexpr char kFolder[] = "gate";
  const std::string output = JoinPath(task.output, kFolder);
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(output, artifact_files::kGate), gate));
  channel.AddOutput(task::role::kGate, task::ArtifactKind::kGate, kFolder, {{"passed", true}});
  channel.Succeed(gate);
  return OkStatus();
}

}  // namespace braid::trainer
