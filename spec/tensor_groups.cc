#include "spec/tensor_groups.h"

#include <algorithm>

#include "model/tensors.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

constexpr char kNoPart[] = "must name at least one part";

// A group without any setting is most likely a mistake, such as a wrongly indented key.
void CheckGroup(const TensorGroup& group, const Fail& fail) {
  if (group.lr_factor || group.warmup_steps || group.weight_decay || group.moments) return;
  fail({"of"}, "says nothing of them; give lr_factor, warmup_steps, weight_decay or moments");
}

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

const schema::Words& WordsOf(TensorPart) {
  static const schema::Words words = {"copied", "new",   "embedding", "paths", "norm",       "head",
                                      "large",  "gates", "routers",   "cross", "connections"};
  return words;
}

const schema::Words& WordsOf(GroupMoments) {
  static const schema::Words words = {"carry", "reset"};
  return words;
}

const Schema& TensorGroup::Fields() {
  static const Schema fields = [] {
    Builder<TensorGroup> field("groups", "Tensors that are trained in a way of their own.");
    field("of", &TensorGroup::of,
          "Which: `copied`, what the paths bring, or of that `embedding`, `paths` (their blocks), "
          "`head`; `new`, what the composite adds, or of that `large` (blocks), `gates`, "
          "`routers`, `cross` (maps), `connections` (all other maps between paths). The final "
          "`norm` is copied in `slice`, else new.")
        .Required()
        .NotEmpty(kNoPart)
        .OneOrMore();
    field("lr_factor", &TensorGroup::lr_factor, "Times the rate of every step.").Above(0);
    field("warmup_steps", &TensorGroup::warmup_steps,
          "Steps of a linear rise, times the rate of the step; from the first in which the group "
          "is trained.")
        .AtLeast(0);
    field("weight_decay", &TensorGroup::weight_decay,
          "In the place of `optimizer.weight_decay`, of those that `decay_scope` names.")
        .AtLeast(0)
        .DefaultText("as the optimizer's");
    field("moments", &TensorGroup::moments,
          "The optimizer's state of their parents: `carry`, they go on with it; `reset`, they "
          "begin at zero.")
        .DefaultText("as `carry_optimizer` says");
    field.Check(CheckGroup);
    return field.Done();
  }();
  return fields;
}

const Schema& FirstOnly::Fields() {
  static const Schema fields = [] {
    Builder<FirstOnly> field("first", "Trains some tensors alone, then all.");
    field("only", &FirstOnly::only, "Those that are trained, in the words of `groups.of`.")
        .Required()
        .NotEmpty(kNoPart)
        .OneOrMore();
    field("steps", &FirstOnly::steps, "For so many steps.").Required().AtLeast(1);
    return field.Done();
  }();
  return fields;
}

TensorPart PartOf(const std::string& tensor, const model::ModelSpec& composite) {
  if (tensor == "embed.weight") return TensorPart::kEmbedding;
  if (tensor == "head.weight") return TensorPart::kHead;
  if (tensor == "norm.weight") return TensorPart::kNorm;
  if (tensor.starts_with("large.")) return TensorPart::kLarge;
  if (tensor.starts_with("gate.")) return TensorPart::kGates;
  if (!tensor.starts_with("parallel.")) return TensorPart::kConnections;  // shrink, grow
  // A block may have a router, a gate and cross maps of its own, which are the path's.
  if (Contains(tensor, ".path.")) return TensorPart::kPaths;
  if (Contains(tensor, ".router.")) return TensorPart::kRouters;
  if (composite.connection.is_slice() && Contains(tensor, ".cross.")) return TensorPart::kCross;
  return TensorPart::kConnections;
}

bool IsOf(const std::vector<TensorPart>& parts, const std::string& tensor,
          const model::ModelSpec& composite) {
  const TensorPart part = PartOf(tensor, composite);
  // Final norms are copied with slice connections only: those of other composites act on another
  // hidden state, so the merge makes a new one.
  const bool copied = part == TensorPart::kEmbedding || part == TensorPart::kPaths ||
                      part == TensorPart::kHead ||
                      (part == TensorPart::kNorm && composite.connection.is_slice());
  return std::any_of(parts.begin(), parts.end(), [&](TensorPart named) {
    return named == part || named == (copied ? TensorPart::kCopied : TensorPart::kNew);
  });
}

bool HasTensors(const std::vector<TensorPart>& parts, const model::ModelSpec& composite) {
  const std::vector<model::TensorSpec> all = model::Tensors(composite);
  return std::any_of(all.begin(), all.end(), [&](const model::TensorSpec& tensor) {
    return IsOf(parts, tensor.name, composite);
  });
}

TensorTreatment TreatmentOf(const std::string& tensor, const model::ModelSpec& composite,
                            const std::vector<TensorGroup>& groups) {
  // Groups in their order, so that a later one overrides an earlier one field by field.
  TensorTreatment treatment;
  for (const TensorGroup& group : groups) {
    if (!IsOf(group.of, tensor, composite)) continue;
    treatment.lr_factor = group.lr_factor.value_or(treatment.lr_factor);
    treatment.warmup_steps = group.warmup_steps.value_or(treatment.warmup_steps);
    if (group.weight_decay) treatment.weight_decay = group.weight_decay;
    if (group.moments) treatment.moments = group.moments;
  }
  return treatment;
}

}  // namespace braid::spec
