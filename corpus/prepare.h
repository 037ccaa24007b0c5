// The jobs `tokenizer` and `prepare` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::corpus {

// Trains or adopts a tokenizer; output `tokenizer`.
Status RunTokenizerJob(const task::Task& task, task::Channel& channel);

// Reads a corpus, encodes it and writes token shards; output `shards`.
Status RunPrepareJob(const task::Task& task, task::Channel& channel);

}  // namespace braid::corpus
