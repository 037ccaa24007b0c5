// The inputs that most trainer jobs share: the tokenizer, and corpora as token shards that were
// made with it.
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

// Loads tokenizer.json from the task's input `tokenizer`.
Result<std::shared_ptr<const corpus::Tokenizer>> OpenTokenizer(const task::Task& task);

// Fills in vocab, pad_id, eos_id and tokenizer of a model spec from the tokenizer. A recipe leaves
// them open (0, or an empty text), because the tokenizer is made only later. kInvalidArgument if a
// value that is set differs from the tokenizer's; the message names both.
Status FillTokenizer(const corpus::Tokenizer& tokenizer, Json* model);

// Opens the shards of every input data.<corpus>. kInvalidArgument if one was made with a tokenizer
// other than `digest`.
Result<std::vector<corpus::Shards>> OpenShards(const task::Task& task, const std::string& digest);

}  // namespace braid::trainer
