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

// The parts into which the joint phase divides the tensors of a composite. The first two are unions
// of the others: kCopied are the tensors that come from the paths (embedding, blocks of paths, head
// and, with `slice`, the final norms), kNew those that the merge adds.
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

// Whether a tensor's optimizer state from the merge is kept or set to zero.
enum class GroupMoments { kCarry, kReset };
const schema::Words& WordsOf(GroupMoments);

// One entry of `groups`. An absent field has the value of an earlier entry for the same tensor, or
// else that of `joint`.
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

// Whether the tensor belongs to one of `parts`, which may contain kCopied and kNew.
bool IsOf(const std::vector<TensorPart>& parts, const std::string& tensor,
          const model::ModelSpec& composite);

// Whether any tensor of the composite belongs to one of `parts`. The vocabulary of the composite
// may be unknown.
bool HasTensors(const std::vector<TensorPart>& parts, const model::ModelSpec& composite);

// The settings of one tensor, combined from all groups that contain it: of several entries that set
// a field, the last one counts.
struct TensorTreatment {
  double lr_factor = 1;
  int64_t warmup_steps = 0;
  std::optional<double> weight_decay;
  std::optional<GroupMoments> moments;

  friend bool operator==(const TensorTreatment&, const TensorTreatment&) = default;
};
// Combines the groups for one tensor. REQUIRES: `tensor` is the name of a tensor of `composite`.
TensorTreatment TreatmentOf(const std::string& tensor, const model::ModelSpec& composite,
                            const std::vector<TensorGroup>& groups);

}  // namespace braid::spec
