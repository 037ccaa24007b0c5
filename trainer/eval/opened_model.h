// A checkpoint folder as commands open it that work without a task file.
#pragma once

#include <memory>
#include <vector>

#include "base/arguments.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "trainer/eval/evaluation.h"
#include "trainer/network/network.h"

namespace braid::trainer {

struct OpenedModel {
  SharedTokenizer tokenizer;
  std::unique_ptr<Network> network;
};

// --threads, 2 if not given, in 1 .. 1024; torch works with so many from here on.
Status UseThreads(const Arguments& arguments);

// The checkpoint folder that a command names first, with the tokenizer.json in it or --tokenizer;
// on --threads.
Result<OpenedModel> OpenModel(const Arguments& arguments);

// The folders of shards that a command names behind the checkpoint. kInvalidArgument for those of
// another tokenizer.
Result<std::vector<corpus::Shards>> OpenNamedShards(const Arguments& arguments,
                                                    const model::ModelSpec& model);

// The settings of an evaluation in the file of --spec, as a task has them (docs/tasks.md); without
// --spec they are empty.
Result<Json> SpecFileOf(const Arguments& arguments);

// One line a phase on the error stream, written over itself.
ProgressReport OnStandardError();

}  // namespace braid::trainer
