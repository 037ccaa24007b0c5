// Opens the checkpoint folder, the corpora and the settings of commands that work without a task
// file.
#pragma once

#include <memory>
#include <vector>

#include "base/arguments.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "trainer/eval/evaluation.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// A network with the tokenizer of its texts.
struct OpenedModel {
  SharedTokenizer tokenizer;
  std::unique_ptr<Network> network;
};

// Makes LibTorch use the number of threads that --threads gives, from 1 to 1024 and 2 if it is
// absent.
Status UseThreads(const Arguments& arguments);

// Opens the checkpoint folder that is the command's first argument, with its tokenizer.json or the
// file of --tokenizer. Calls UseThreads.
Result<OpenedModel> OpenModel(const Arguments& arguments);

// Opens the folders of shards that are named after the checkpoint. kInvalidArgument if one was made
// with another tokenizer.
Result<std::vector<corpus::Shards>> OpenNamedShards(const Arguments& arguments,
                                                    const model::ModelSpec& model);

// The settings of the evaluation from the file of --spec, in the form that a task has
// (docs/tasks.md); an empty object without --spec.
Result<Json> SpecFileOf(const Arguments& arguments);

// Shows progress on the standard error stream, one line for each phase, which is overwritten as it
// advances.
ProgressReport OnStandardError();

}  // namespace braid::trainer
