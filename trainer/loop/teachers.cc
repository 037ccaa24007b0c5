#include "trainer/loop/teachers.h"

#include <utility>

#include "base/text.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {
namespace {

Status CheckReads(const std::string& role, const model::ModelSpec& teacher,
                  const TrainSettings& settings) {
  if (teacher.tokenizer != settings.model.tokenizer || teacher.vocab != settings.model.vocab) {
    return InvalidArgument("input \"" + role + "\" was trained with another tokenizer (" +
                           teacher.tokenizer.substr(0, 12) + ") than the model's (" +
                           settings.model.tokenizer.substr(0, 12) +
                           "), so that what it predicts are other tokens; leave "
                           "spec.train.teachers out");
  }
  const int64_t most = teacher.arch.rope_max_pos;
  if (most == 0 || most >= settings.data.sequence) return OkStatus();
  return InvalidArgument(
      Format("input \"%s\" reads %lld positions (arch.rope_max_pos), and spec.data.sequence is "
             "%lld; leave spec.train.teachers out, or train on shorter sequences",
             role.c_str(), (long long)most, (long long)settings.data.sequence));
}

}  // namespace

Result<std::unique_ptr<Teachers>> Teachers::Open(const task::Task& task,
                                                 const TrainSettings& settings, int64_t total) {
  for (const spec::Lesson& lesson : settings.lessons) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(lesson.teacher));
    BRAID_ASSIGN_OR_RETURN(const model::ModelSpec teacher, ReadModelSpec(folder));
    BRAID_RETURN_IF_ERROR(CheckReads(lesson.teacher, teacher, settings));
  }
  return std::unique_ptr<Teachers>(new Teachers(task, settings, total));
}

Status Teachers::Load() {
  of_source_.resize(settings_.data.sources.size());
  for (const spec::Lesson& lesson : settings_.lessons) {
    std::unique_ptr<Network>& network = networks_[lesson.teacher];
    if (network == nullptr) {
      BRAID_ASSIGN_OR_RETURN(const std::string folder, task_.Input(lesson.teacher));
      BRAID_ASSIGN_OR_RETURN(network, LoadNetwork(folder, NameOf(task_.device)));
    }
    for (size_t s = 0; s < of_source_.size(); ++s) {
      if (settings_.data.sources[s].role == lesson.data) of_source_[s].push_back(network.get());
    }
  }
  return OkStatus();
}

Result<std::optional<Teaching>> Teachers::Of(const MicroBatch& batch, int64_t step) {
  const double weight = WeightAt(step);
  if (weight <= 0) {
    of_source_.clear();
    networks_.clear();
    return std::optional<Teaching>();
  }
  if (networks_.empty()) BRAID_RETURN_IF_ERROR(Load());
  Teaching teaching{weight, settings_.teachers->temperature, {}};
  for (size_t s = 0; s < of_source_.size(); ++s) {
    TaughtSequences part{{}, of_source_[s]};
    for (size_t row = 0; row < batch.sources.size(); ++row) {
      if (batch.sources[row] == s) part.sequences.push_back(static_cast<int64_t>(row));
    }
    teaching.parts.push_back(std::move(part));
  }
  return std::optional<Teaching>(std::move(teaching));
}

}  // namespace braid::trainer
