// The inputs that most trainer jobs share: the tokenizer, and shards made with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "model/spec.h"
#include "task/task.h"

namespace braid::trainer {

Result<std::shared_ptr<const corpus::Tokenizer>> OpenTokenizer(const task::Task& task);

// A model spec as a recipe writes it may leave vocab, pad_id, eos_id and tokenizer open (0, empty),
// because the tokenizer was not there yet. This fills them in; a value that differs is
// kInvalidArgument, naming both.
Status FillTokenizer(const corpus::Tokenizer& tokenizer, Json* model);

// The shards of every data.<corpus> input, checked to be made with tokenizer `digest`.
Result<std::vector<corpus::Shards>> OpenShards(const task::Task& task, const std::string& digest);

}  // namespace braid::trainer
