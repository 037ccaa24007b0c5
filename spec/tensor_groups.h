// Groups of a composite's tensors that its joint phase trains in a way of their own: `groups` and
// `first` of `joint`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"
#include "schema/schema.h"

namespace braid::spec {

// What a tensor of a composite is to its joint phase. The first two are wholes of the others:
// kCopied is what the paths bring (embedding, blocks of paths, head and, of `slice`, the final
// norms), kNew what the composite adds to that.
enum class TensorPart {
  kCopied,
  kNew,
  kEmbedding,
  kPaths,
  kNorm,
  kHead,
  kLarge,
  kGates,
  kRouters,
  kCross,
  kConnections
};
const schema::Words& WordsOf(TensorPart);

// What becomes of the optimizer's state with which a tensor comes.
enum class GroupMoments { kCarry, kReset };
const schema::Words& WordsOf(GroupMoments);

// One entry of `groups`. What it does not say, an earlier entry says, or `joint` itself.
struct TensorGroup {
  std::vector<TensorPart> of;
  // Multiplies the learning rate of every step.
  std::optional<double> lr_factor;
  // Steps of a linear rise of the group's own, from the first in which it is trained.
  std::optional<int64_t> warmup_steps;
  // In the place of optimizer.weight_decay, for tensors that decay.
  std::optional<double> weight_decay;
  std::optional<GroupMoments> moments;

  static const schema::Schema& Fields();
};

// `first`: for so many steps only these are trained, then all.
struct FirstOnly {
  std::vector<TensorPart> only;
  int64_t steps = 0;

  static const schema::Schema& Fields();
};

// The part of a tensor of a composite, never kCopied or kNew. REQUIRES: `tensor` is the name of a
// tensor of `composite`.
TensorPart PartOf(const std::string& tensor, const model::ModelSpec& composite);

// Whether one of `parts`, as users name them, has the tensor.
bool IsOf(const std::vector<TensorPart>& parts, const std::string& tensor,
          const model::ModelSpec& composite);

// Whether they have any tensor of the composite, whose vocabulary may be open.
bool HasTensors(const std::vector<TensorPart>& parts, const model::ModelSpec& composite);

// What the groups say together of one tensor: of several entries the last that says it.
struct TensorTreatment {
  double lr_factor = 1;
  int64_t warmup_steps = 0;
  std::optional<double> weight_decay;
  std::optional<GroupMoments> moments;

  friend bool operator==(const TensorTreatment&, const TensorTreatment&) = default;
};
TensorTreatment TreatmentOf(const std::string& tensor, const model::ModelSpec& composite,
                            const std::vector<TensorGroup>& groups);

}  // namespace braid::spec
