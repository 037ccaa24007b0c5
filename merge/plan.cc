#include "merge/plan.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "merge/composite.h"

namespace braid::merge {
namespace {

// "parallel.2.path.1.attn.q.weight" -> path 1, layer "2", "attn.q.weight". False for other names.
bool SplitParallel(const std::string& name, size_t* path, std::string* layer, std::string* rest) {
  const std::vector<std::string> parts = Split(name, '.');
  if (parts.size() < 5 || parts[0] != "parallel" || parts[2] != "path") return false;
  *layer = parts[1];
  *path = static_cast<size_t>(std::stoul(parts[3]));
  *rest = Join({parts.begin() + 4, parts.end()}, ".");
  return true;
}

// Finds for each tensor of the composite where its values come from. With a base, which is a
// composite that was trained before, the paths without a new parent keep what they have there.
class Planner {
 public:
  Planner(const std::vector<Parent>& parents, const std::optional<Parent>& base,
          const model::ModelSpec& composite)
      : composite_(composite) {
    for (const Parent& parent : parents) sources_.push_back(&parent);
    if (base) {
      base_mapping_.emplace(base->spec, composite);
      base_ = sources_.size();
      sources_.push_back(&*base);
    }
    for (size_t p = 0; p < composite.paths.size(); ++p) {
      // Without a base the order counts, and parents may have other names than their paths.
      const auto named = std::find_if(parents.begin(), parents.end(), [&](const Parent& x) {
        return x.name == composite.paths[p].name;
      });
      source_of_path_.push_back(!base ? p
                                : named == parents.end()
                                    ? base_
                                    : static_cast<size_t>(named - parents.begin()));
    }
  }

  Target Plan(const model::TensorSpec& tensor) {
    Target target{tensor, Rule::kInitialize, {}, 0, {}};
    size_t path = 0;
    std::string layer, rest;
    const bool final_norm = tensor.name == "norm.weight" && composite_.connection.is_slice();
    // These have columns of every path. What follows "parallel." belongs to one path, and is its
    // parent's. The rest is the composite's own (large blocks, maps, routers): from the base as far
    // as it has it, otherwise initialized.
    if (tensor.name == "embed.weight" || tensor.name == "head.weight" || final_norm) {
      SideBySide(&target);
    } else if (SplitParallel(tensor.name, &path, &layer, &rest)) {
      const bool kept = source_of_path_[path] == base_;
      const std::string from = kept
                                   ? "parallel." + layer + ".path." +
                                         std::to_string(*base_mapping_->BasePath(path)) + "." + rest
                                   : "blocks." + layer + "." + rest;
      const Extent extent = ExtentOf(tensor.shape);
      target.sources.push_back(
          {source_of_path_[path], from, {0, 0, 0, 0, extent.rows, extent.columns}, {}});
    } else if (base_mapping_) {
      const BaseMapping::Part part = base_mapping_->Find(tensor);
      for (const Overlap& overlap : part.overlaps)
        target.sources.push_back({base_, part.tensor, overlap, {}});
      // What a path that joins would say through trained maps would be noise to the others. Its
      // columns learn from zero all the same.
      if (!target.sources.empty() && tensor.name.ends_with(".cross.read.weight")) {
        target.tensor.init = model::Init::kConstant;
        target.tensor.scale = 0;
      }
    }
    target.rule = RuleOf(target);
    for (const Source& source : target.sources) {
      // For the list of what no part of the composite has taken (Unused).
      used_[{source.from, source.tensor}] += source.overlap.rows * source.overlap.columns;
    }
    return target;
  }

  // What is said of the optimizer's state of a target. REQUIRES: the sources' moments were read.
  void Carry(Target* target) const {
    if (target->sources.empty() && AllAdamW()) target->states = AdamWStates();
    for (Source& source : target->sources) {
      const Parent::Moments& moments = *sources_[source.from]->moments;
      target->age = std::max(target->age, moments.Age(source.tensor));
      source.states = moments.StatesOf(source.tensor);
      for (const std::string& state : source.states) {
        std::vector<std::string>& all = target->states;
        if (std::find(all.begin(), all.end(), state) == all.end()) all.push_back(state);
      }
    }
  }

  std::vector<Dropped> Unused() const {
    std::vector<Dropped> dropped;
    for (size_t from = 0; from < sources_.size(); ++from) {
      for (const model::TensorSpec& tensor : model::Tensors(sources_[from]->spec)) {
        const auto used = used_.find({from, tensor.name});
        const int64_t rest = tensor.elements() - (used == used_.end() ? 0 : used->second);
        if (rest != 0)
          dropped.push_back({.from = from,
                             .tensor = tensor.name,
                             .total_elements = tensor.elements(),
                             .unused_elements = rest});
      }
    }
    return dropped;
  }

 private:
  bool AllAdamW() const {
    return std::all_of(sources_.begin(), sources_.end(),
                       [](const Parent* source) { return source->moments->states.empty(); });
  }

  // The columns of every path, its own parent's or those that it has in the base. Neighbours from
  // one tensor are one part.
  void SideBySide(Target* target) const {
    const int64_t rows = ExtentOf(target->tensor.shape).rows;
    for (size_t p = 0; p < composite_.paths.size(); ++p) {
      const bool kept = source_of_path_[p] == base_;
      const int64_t column = composite_.slice_begin(p), width = composite_.paths[p].d;
      const int64_t from = kept ? sources_[base_]->spec.slice_begin(*base_mapping_->BasePath(p))
                                : 0;
      if (!target->sources.empty() && target->sources.back().from == source_of_path_[p]) {
        Overlap& last = target->sources.back().overlap;
        if (last.column + last.columns == column && last.from_column + last.columns == from) {
          last.columns += width;
          continue;
        }
      }
      target->sources.push_back(
          {source_of_path_[p], target->tensor.name, {0, column, 0, from, rows, width}, {}});
    }
  }

  Rule RuleOf(const Target& target) const {
    if (target.sources.empty()) return Rule::kInitialize;
    int64_t covered = 0;
    for (const Source& source : target.sources)
      covered += source.overlap.rows * source.overlap.columns;
    if (covered < target.tensor.elements()) return Rule::kPartial;
    if (target.sources.size() > 1) return Rule::kAssemble;
    const Source& source = target.sources.front();
    for (const Parent::Tensor& tensor : sources_[source.from]->tensors) {
      if (tensor.name == source.tensor && tensor.shape == target.tensor.shape) return Rule::kCopy;
    }
    return Rule::kAssemble;
  }

  const model::ModelSpec& composite_;
  // The parents, then the base.
  std::vector<const Parent*> sources_;
  std::optional<BaseMapping> base_mapping_;
  // The index of the base in `sources_`; without a base none.
  size_t base_ = SIZE_MAX;
  // For each path of the composite the index of the source of its blocks: a parent, or `base_`.
  std::vector<size_t> source_of_path_;
  // By source and tensor, how many of its elements have found a place in the composite.
  std::map<std::pair<size_t, std::string>, int64_t> used_;
};

void TakeLowestRate(const Parent& source, std::optional<double>* rate) {
  if (source.rate && (!*rate || *source.rate < **rate)) *rate = source.rate;
}

}  // namespace

Extent ExtentOf(const std::vector<int64_t>& shape) {
  return shape.size() > 1 ? Extent{shape[0], shape[1]} : Extent{1, shape[0]};
}

Result<MergePlan> PlanMerge(const std::vector<Parent>& parents, const std::optional<Parent>& base,
                            const model::ModelSpec& composite, const MergeOptions& options) {
  BRAID_RETURN_IF_ERROR(CheckComposite(parents, base, composite));
  MergePlan plan;
  plan.model = composite;
  plan.seed = options.seed;
  plan.carry_optimizer = options.carry_optimizer;
  plan.base = base.has_value();
  for (const Parent& parent : parents) {
    BRAID_RETURN_IF_ERROR(CheckTensors(parent));
    plan.sources.push_back(parent.name);
    TakeLowestRate(parent, &plan.rate);
  }
  if (base) {
    BRAID_RETURN_IF_ERROR(CheckTensors(*base));
    plan.sources.push_back(base->name);
    TakeLowestRate(*base, &plan.rate);
  }
  Planner planner(parents, base, composite);
  for (const model::TensorSpec& tensor : model::Tensors(composite)) {
    plan.targets.push_back(planner.Plan(tensor));
    if (options.carry_optimizer) planner.Carry(&plan.targets.back());
  }
  plan.dropped = planner.Unused();
  return plan;
}

}  // namespace braid::merge
