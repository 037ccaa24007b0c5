#include "merge/checkpoint_requirement.h"

#include "base/text.h"
#include "merge/composite.h"
#include "schema/read.h"
#include "spec/going_on.h"

namespace braid::merge {
namespace {

using model::CheckpointRequirement;

// What only a tokenizer decides, as the checkpoint has it.
model::ModelSpec Filled(model::ModelSpec spec, const model::ModelSpec& there) {
  spec.vocab = there.vocab;
  spec.pad_id = there.pad_id;
  spec.eos_id = there.eos_id;
  spec.tokenizer = there.tokenizer;
  return spec;
}

// The paths that go into a base are known in name and shape alone: some are not trained yet.
Status CheckBase(const CheckpointRequirement& expected, const Parent& base) {
  std::vector<Parent> parents;
  for (const model::ModelSpec& path : expected.paths) {
    Parent& parent = parents.emplace_back();
    parent.name = path.name;
    parent.spec = Filled(path, base.spec);
  }
  BRAID_RETURN_IF_ERROR(CheckComposite(parents, base, Filled(expected.spec, base.spec)));
  return CheckTensors(base);
}

Status CheckVocabulary(const CheckpointRequirement& expected, const Parent& parent,
                       const std::string& tokenizer) {
  if (!tokenizer.empty() && parent.spec.tokenizer != tokenizer) {
    return Incompatible("it was trained with tokenizer " + parent.spec.tokenizer.substr(0, 12) +
                        ", the recipe's is " + tokenizer.substr(0, 12) +
                        "; give the tokenizer.file that it was trained with");
  }
  if (expected.vocab == 0 || parent.spec.vocab == expected.vocab) return OkStatus();
  return Incompatible(
      Format("%s has %lld rows of vocabulary, and the tokenizer that the recipe trains would give "
             "%lld; give the "
             "tokenizer.file that it was trained with",
             parent.name.c_str(), (long long)parent.spec.vocab, (long long)expected.vocab));
}

// A training that goes on with this checkpoint; what only the files of the text tell is for the
// trainer.
Status CheckTraining(const Json& training, const Parent& parent) {
  BRAID_ASSIGN_OR_RETURN(const auto task,
                         schema::FromJson<spec::TrainTask>(training, "the recipe"));
  BRAID_RETURN_IF_ERROR(spec::CheckGoesOn(parent.begun, task));
  const bool keeps_rate = task.train.lr_schedule == spec::LrSchedule::kContinue;
  if (!keeps_rate || parent.rate.value_or(0) > 0) return OkStatus();
  return Incompatible(
      "lr_schedule continue keeps the rate at which its training ended, and that is 0; give a "
      "checkpoint from before its decay, or another lr_schedule");
}

Status CheckOne(const CheckpointRequirement& expected, const Parent& parent,
                const std::string& tokenizer) {
  BRAID_RETURN_IF_ERROR(CheckVocabulary(expected, parent, tokenizer));
  if (!expected.training.is_null()) BRAID_RETURN_IF_ERROR(CheckTraining(expected.training, parent));
  switch (expected.as) {
    case CheckpointRequirement::As::kPath:
      return CheckPath(parent, expected.spec.dense, expected.spec.arch);
    case CheckpointRequirement::As::kWhole:
      return CheckModel(parent, Filled(expected.spec, parent.spec));
    case CheckpointRequirement::As::kBase:
      return CheckBase(expected, parent);
  }
  return OkStatus();
}

}  // namespace

Status CheckRequirements(const std::vector<CheckpointRequirement>& all, const std::string& file,
                         const std::string& tokenizer, const ReadRequirement& read) {
  std::string known, known_from;  // tokenizer of the first one
  for (const CheckpointRequirement& expected : all) {
    const auto fail = [&](const Status& status) {
      return Status(StatusCode::kInvalidArgument, ErrorReason::kInvalidRecipe,
                    Format("%s:%d: ", file.c_str(), expected.line) + expected.checkpoint + ": " +
                        status.message());
    };
    const Result<std::optional<Parent>> parent = read(expected);
    if (!parent.ok()) return fail(parent.status());
    if (!parent->has_value()) continue;
    if (const Status status = CheckOne(expected, **parent, tokenizer); !status.ok())
      return fail(status);
    const std::string& own = (*parent)->spec.tokenizer;
    if (known.empty()) known = own, known_from = expected.checkpoint;
    if (own == known) continue;
    return fail(Incompatible("it was trained with tokenizer " + own.substr(0, 12) + ", " +
                             known_from + " with " + known.substr(0, 12) +
                             "; the models of a run share one"));
  }
  return OkStatus();
}

}  // namespace braid::merge
