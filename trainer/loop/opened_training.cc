#include "trainer/loop/opened_training.h"

#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "schema/read.h"
#include "spec/precision.h"
#include "trainer/loop/going_on.h"
#include "trainer/loop/inputs.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

// The task's spec with the tokenizer's numbers.
Result<Json> FilledSpec(const task::Task& task, const corpus::Tokenizer& tokenizer) {
  Json spec = task.spec;
  if (!spec.is_object() || !spec.contains("model"))
    return InvalidArgument("spec.model: is missing");
  BRAID_RETURN_IF_ERROR(FillTokenizer(tokenizer, &spec["model"]));
  return spec;
}

Result<std::unique_ptr<corpus::Dataset>> OpenDataset(const task::Task& task,
                                                     const corpus::DataSpec& data,
                                                     const std::string& tokenizer) {
  std::vector<std::string> folders;
  for (const spec::DataSource& source : data.sources) {
    BRAID_ASSIGN_OR_RETURN(std::string folder, task.Input(source.role));
    folders.push_back(std::move(folder));
  }
  BRAID_ASSIGN_OR_RETURN(std::unique_ptr<corpus::Dataset> dataset,
                         corpus::Dataset::Open(data, folders, JoinPath(task.work, "epochs")));
  if (dataset->tokenizer() != tokenizer) {
    return InvalidArgument("the shards were made with tokenizer " +
                           dataset->tokenizer().substr(0, 12) + ", the job's is " +
                           tokenizer.substr(0, 12) + "; prepare the corpora with it");
  }
  for (const corpus::Shards& source : dataset->sources())
    BRAID_RETURN_IF_ERROR(CheckSetAside(source, data.sequence));
  return dataset;
}

Result<spec::TrainingNote> NoteOf(const Json& spec, const corpus::Dataset& dataset,
                                  const StepPlan& plan) {
  BRAID_ASSIGN_OR_RETURN(spec::TrainTask task, schema::FromJson<spec::TrainTask>(spec, "spec"));
  spec::TrainingNote note{std::move(task.data), task.seed, std::move(task.train), plan.total, {}};
  const std::vector<corpus::Shards>& shards = dataset.sources();
  for (size_t i = 0; i < shards.size(); ++i)
    note.shards[note.data.sources[i].role] = DigestOf(shards[i]);
  return note;
}

}  // namespace

std::vector<const corpus::Shards*> OpenedTraining::corpora() const {
  std::vector<const corpus::Shards*> shards;
  for (const corpus::Shards& source : dataset->sources()) shards.push_back(&source);
  return shards;
}

Result<OpenedTraining> OpenTraining(const task::Task& task) {
  OpenedTraining opened;
  BRAID_ASSIGN_OR_RETURN(opened.tokenizer, OpenTokenizer(task));
  BRAID_ASSIGN_OR_RETURN(const Json spec, FilledSpec(task, *opened.tokenizer));
  BRAID_ASSIGN_OR_RETURN(opened.settings, ReadTrainSettings(spec));
  // A training that is done in parts is one.
  Json whole = spec;
  whole.erase("until");
  opened.digest = Sha256Hex(whole.dump());
  TrainSettings& settings = opened.settings;
  const std::string why = spec::WhyNotOn(task.device, settings.precision);
  if (!why.empty()) return InvalidArgument("spec.train: " + why);
  if (settings.outer_steps) {
    const std::string no_exchange = spec::WhyNotOn(task.device, *settings.outer_steps);
    if (!no_exchange.empty()) return InvalidArgument("spec.train.sync.exchange: " + no_exchange);
  }
  if (settings.batch % task.world != 0) {
    return InvalidArgument(
        Format("train.batch: %lld sequences cannot be shared by %lld ranks; make it a multiple",
               (long long)settings.batch, (long long)task.world));
  }
  BRAID_ASSIGN_OR_RETURN(opened.dataset,
                         OpenDataset(task, settings.data, opened.tokenizer->digest()));
  // For the number of its sequences only, which every epoch has.
  BRAID_ASSIGN_OR_RETURN(const auto epoch, opened.dataset->OpenEpoch(0));
  BRAID_ASSIGN_OR_RETURN(opened.plan, PlanSteps(settings, epoch->sequences()));
  FillSchedule(opened.plan, &settings.schedule);
  BRAID_ASSIGN_OR_RETURN(opened.note, NoteOf(spec, *opened.dataset, opened.plan));
  return opened;
}

}  // namespace braid::trainer
