#include "merge/plan.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "storage/files/safetensors.h"

namespace braid::merge {
namespace {

Status Incompatible(const std::string& message) {
  return Status(StatusCode::kFailedPrecondition, "INCOMPATIBLE_PARENTS", message);
}

Status RequireEqual(const Parent& first, const Parent& other, const std::string& field, const Json& a, const Json& b,
                    const std::string& advice) {
  if (a == b) return OkStatus();
  return Incompatible("parents do not fit together: " + field + " of " + first.name + " is " + a.dump() + ", of " + other.name +
                      " " + b.dump() + "; " + advice);
}

Status CheckPair(const Parent& first, const Parent& other) {
  const model::ModelSpec& a = first.spec;
  const model::ModelSpec& b = other.spec;
  const std::string retrain = "train both on one tokenizer";
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "tokenizer", a.tokenizer.substr(0, 16), b.tokenizer.substr(0, 16), retrain));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "vocab", a.vocab, b.vocab, retrain));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "pad_id", a.pad_id, b.pad_id, retrain));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "eos_id", a.eos_id, b.eos_id, retrain));
  const std::string shape = "share composites need paths of one shape";
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "block", a.dense.block, b.dense.block, shape));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "d", a.dense.d, b.dense.d, shape));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "heads", a.dense.heads, b.dense.heads, shape));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "blocks", a.dense.blocks, b.dense.blocks, shape));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "ffn", a.dense.ffn, b.dense.ffn, shape));
  const std::string same = "the arch fields of all parents must agree";
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "arch.attn_out_proj", a.arch.attn_out_proj, b.arch.attn_out_proj, same));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "arch.ffn_gate", a.arch.ffn_gate, b.arch.ffn_gate, same));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "arch.rope_layout", a.arch.rope_layout, b.arch.rope_layout, same));
  BRAID_RETURN_IF_ERROR(RequireEqual(first, other, "arch.rope_base", a.arch.rope_base, b.arch.rope_base, same));
  return RequireEqual(first, other, "arch.norm_eps", a.arch.norm_eps, b.arch.norm_eps, same);
}

// "parallel.2.path.1.attn.q.weight" -> path 1, "blocks.2.attn.q.weight". False for other names.
bool SplitParallel(const std::string& name, size_t* path, std::string* source) {
  const std::vector<std::string> parts = Split(name, '.');
  if (parts.size() < 5 || parts[0] != "parallel" || parts[2] != "path") return false;
  *path = static_cast<size_t>(std::stoul(parts[3]));
  *source = "blocks." + parts[1] + "." + Join({parts.begin() + 4, parts.end()}, ".");
  return true;
}

const char* RuleName(Rule rule) {
  switch (rule) {
    case Rule::kCopy: return "copy";
    case Rule::kConcatenate: return "concatenate";
    case Rule::kInitialize: return "initialize";
  }
  return "";
}

Target PlanTarget(const model::ModelSpec& composite, const model::TensorSpec& tensor) {
  Target target{tensor, Rule::kInitialize, {}};
  size_t path = 0;
  std::string source;
  if (tensor.name == "embed.weight" || tensor.name == "head.weight") {
    target.rule = Rule::kConcatenate;
    int64_t column = 0;
    for (size_t p = 0; p < composite.paths.size(); ++p) {
      target.sources.push_back({p, tensor.name, column, composite.paths[p].d});
      column += composite.paths[p].d;
    }
  } else if (SplitParallel(tensor.name, &path, &source)) {
    target.rule = Rule::kCopy;
    target.sources.push_back({path, source, 0, tensor.shape.back()});
  }
  return target;
}

}  // namespace

Result<Parent> ReadParent(const std::string& name, const std::string& folder) {
  const std::string path = JoinPath(folder, "config.json");
  BRAID_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(path));
  JsonReader read(config, path);
  (void)read.RequireInt("format");
  const Json& model = read.RequireObject("model");
  BRAID_RETURN_IF_ERROR(read.Finish());
  Parent parent;
  parent.name = name;
  BRAID_ASSIGN_OR_RETURN(parent.spec, model::FromJson(model, path + ".model"));
  BRAID_ASSIGN_OR_RETURN(const auto file, storage::SafetensorsFile::Open(JoinPath(folder, "model.safetensors")));
  for (const storage::TensorEntry& entry : file.tensors()) parent.tensors.push_back({entry.name, entry.dtype, entry.shape});
  return parent;
}

Result<model::ModelSpec> CompositeOf(const std::vector<Parent>& parents, const std::string& name,
                                     const std::string& connect) {
  if (parents.size() < 2) return InvalidArgument("a merge needs at least two parents");
  if (connect != "share") {
    return Unimplemented("connect: \"" + connect + "\" is not in this version; it has share");
  }
  std::set<std::string> names;
  for (const Parent& parent : parents) {
    if (parent.spec.kind != model::Kind::kDense) {
      return Incompatible("parent " + parent.name + " is a composite; this version merges paths (dense models)");
    }
    if (!names.insert(parent.name).second) return InvalidArgument("two parents are called " + parent.name);
    BRAID_RETURN_IF_ERROR(CheckPair(parents.front(), parent));
  }
  model::ModelSpec composite = parents.front().spec;
  composite.kind = model::Kind::kComposite;
  composite.name = name;
  composite.connection.kind = connect;
  composite.dense = {};
  composite.large = {"large", 0, 0, 2, 0};
  for (const Parent& parent : parents) {
    composite.paths.push_back(parent.spec.dense);
    composite.paths.back().name = parent.name;
    composite.large.d += parent.spec.dense.d;
    composite.large.heads += parent.spec.dense.heads;
    composite.large.ffn += parent.spec.dense.ffn;
  }
  BRAID_RETURN_IF_ERROR(model::Validate(composite));
  return composite;
}

Result<MergePlan> PlanMerge(const std::vector<Parent>& parents, const model::ModelSpec& composite, uint64_t seed) {
  if (parents.size() != composite.paths.size()) {
    return InvalidArgument(Format("the composite has %zu paths, there are %zu parents", composite.paths.size(), parents.size()));
  }
  for (size_t p = 0; p < parents.size(); ++p) {
    BRAID_RETURN_IF_ERROR(CheckPair(parents.front(), parents[p]));
    model::Stack expected = composite.paths[p];
    expected.name = parents[p].spec.dense.name;
    if (!(expected == parents[p].spec.dense) || composite.vocab != parents[p].spec.vocab ||
        composite.tokenizer != parents[p].spec.tokenizer) {
      return Incompatible("parent " + parents[p].name + " is not what the composite expects at place " + std::to_string(p) +
                          ": " + model::ToJson(parents[p].spec).dump());
    }
  }
  MergePlan plan;
  plan.model = composite;
  plan.seed = seed;
  std::vector<std::set<std::string>> unused(parents.size());
  for (size_t p = 0; p < parents.size(); ++p) {
    plan.parents.push_back(parents[p].name);
    for (const Parent::Tensor& tensor : parents[p].tensors) {
      if (tensor.dtype != "F32") {
        return Incompatible("parent " + parents[p].name + ": tensor " + tensor.name + " is " + tensor.dtype + ", expected F32");
      }
      unused[p].insert(tensor.name);
    }
    for (const model::TensorSpec& tensor : model::Tensors(parents[p].spec)) {
      const auto found = std::find_if(parents[p].tensors.begin(), parents[p].tensors.end(),
                                      [&](const Parent::Tensor& t) { return t.name == tensor.name; });
      if (found == parents[p].tensors.end()) {
        return Incompatible("parent " + parents[p].name + ": tensor " + tensor.name + " is missing");
      }
      if (found->shape != tensor.shape) {
        return Incompatible("parent " + parents[p].name + ": tensor " + tensor.name + " has shape " + Json(found->shape).dump() +
                            ", its config.json says " + Json(tensor.shape).dump());
      }
    }
  }
  for (const model::TensorSpec& tensor : model::Tensors(composite)) {
    Target target = PlanTarget(composite, tensor);
    for (const Target::Source& source : target.sources) unused[source.parent].erase(source.tensor);
    plan.targets.push_back(std::move(target));
  }
  for (size_t p = 0; p < parents.size(); ++p) {
    for (const std::string& name : unused[p]) {
      if (name != "norm.weight") {
        return Incompatible("parent " + parents[p].name + ": tensor " + name + " has no place in the composite");
      }
      plan.dropped.emplace_back(parents[p].name, name);
    }
  }
  return plan;
}

Json ToJson(const MergePlan& plan) {
  Json tensors = Json::array();
  for (const Target& target : plan.targets) {
    Json sources = Json::array();
    for (const Target::Source& source : target.sources) {
      sources.push_back({{"parent", plan.parents[source.parent]}, {"tensor", source.tensor},
                         {"columns", {source.column, source.column + source.columns}}});
    }
    tensors.push_back({{"name", target.tensor.name}, {"shape", target.tensor.shape}, {"rule", RuleName(target.rule)},
                       {"sources", sources}});
  }
  Json dropped = Json::array();
  for (const auto& [parent, tensor] : plan.dropped) dropped.push_back({{"parent", parent}, {"tensor", tensor}});
  return {{"format", 1}, {"model", model::ToJson(plan.model)}, {"seed", plan.seed}, {"parents", plan.parents},
          {"tensors", tensors}, {"dropped", dropped}, {"parameters", model::ParameterCount(plan.model)}};
}

std::string ToText(const MergePlan& plan) {
  int64_t taken = 0, fresh = 0;
  std::string rows;
  for (const Target& target : plan.targets) {
    const bool is_new = target.rule == Rule::kInitialize;
    (is_new ? fresh : taken) += target.tensor.elements();
    std::vector<std::string> sources;
    for (const Target::Source& source : target.sources) sources.push_back(plan.parents[source.parent] + ":" + source.tensor);
    rows += Format("  %-40s %-14s %s\n", target.tensor.name.c_str(), Json(target.tensor.shape).dump().c_str(),
                   is_new ? "new" : Join(sources, " | ").c_str());
  }
  for (const auto& [parent, tensor] : plan.dropped) rows += "  dropped: " + parent + ":" + tensor + "\n";
  return Format("%s: %s, %zu paths of width %lld, %s parameters: %s from the parents, %s new\n", plan.model.name.c_str(),
                plan.model.connection.kind.c_str(), plan.model.paths.size(), (long long)plan.model.paths.front().d,
                FormatCount(static_cast<double>(taken + fresh)).c_str(), FormatCount(static_cast<double>(taken)).c_str(),
                FormatCount(static_cast<double>(fresh)).c_str()) +
         rows;
}

}  // namespace braid::merge
