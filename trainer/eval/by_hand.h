// The commands of braid-trainer that measure a checkpoint folder without a task file.
#pragma once

#include "base/arguments.h"
#include "base/status.h"

namespace braid::trainer {

// generate FOLDER PROMPT: the prompt and what follows it.
Status GenerateByHand(const Arguments& arguments);
// evaluate FOLDER SHARDS...: loss and perplexity on what was set aside of each, and on all.
Status EvaluateByHand(const Arguments& arguments);
// blimp FOLDER DIR: accuracy of each paradigm and their mean.
Status BlimpByHand(const Arguments& arguments);
// glue FOLDER DIR: scores of the tasks with their spread over seeds.
Status GlueByHand(const Arguments& arguments);
// routing FOLDER [SHARDS...] [--spec FILE]: which path is chosen, for prompts and over the shards
// (`routing` of docs/tasks.md).
Status RoutingByHand(const Arguments& arguments);
// dual FOLDER [SHARDS...] [--spec FILE]: read-outs and interventions (`dual` of docs/tasks.md).
Status DualByHand(const Arguments& arguments);
// check --blimp DIR --glue DIR --superglue DIR --tagged FILE,FILE --prompts FILE.json: what is
// wrong with the files of evaluations, without a model.
Status CheckByHand(const Arguments& arguments);
// adapt FOLDER ADAPTERS OUT: a checkpoint folder of the model with saved adapters merged into its
// weights.
Status AdaptByHand(const Arguments& arguments);

}  // namespace braid::trainer
