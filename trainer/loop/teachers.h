// The parents of a composite that teach it (`teachers` of docs/recipe.md): their networks, and what
// they teach in each step.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "task/task.h"
#include "trainer/loop/data_loader.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"
#include "trainer/network/teaching.h"

namespace braid::trainer {

// Every rank has all of them. They are read when the first step needs them, and given up behind the
// last one that does.
class Teachers {
 public:
  // kInvalidArgument, naming the input, if a teacher cannot read the text of the training: another
  // tokenizer, or fewer positions. The weights are not read here. `total` is the number of the
  // training's steps. The references outlive this.
  static Result<std::unique_ptr<Teachers>> Open(const task::Task& task,
                                                const TrainSettings& settings, int64_t total);

  // The weight in step `step`, counted from 0.
  double WeightAt(int64_t step) const { return settings_.teachers->WeightAt(step, total_); }
  // What they teach on a micro-batch of step `step`; nothing where their weight is 0. Valid until
  // the next call with a step in which it is 0.
  Result<std::optional<Teaching>> Of(const MicroBatch& batch, int64_t step);

 private:
  Teachers(const task::Task& task, const TrainSettings& settings, int64_t total)
      : task_(task), settings_(settings), total_(total) {}
  Status Load();

  const task::Task& task_;
  const TrainSettings& settings_;
  const int64_t total_;
  // By the role of its checkpoint; empty while nobody teaches.
  std::map<std::string, std::unique_ptr<Network>> networks_;
  // Of each source of the data, in their order.
  std::vector<std::vector<Network*>> of_source_;
};

}  // namespace braid::trainer
