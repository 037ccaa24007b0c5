// The jobs `tokenizer` and `prepare` (docs/tasks.md).
#pragma once

#include "base/status.h"
#include "corpus/input_files.h"
#include "task/channel.h"
#include "task/task.h"

namespace braid::corpus {

// Trains or adopts a tokenizer; output `tokenizer`. `fetch` fetches what inputs only list.
Status RunTokenizerJob(const task::Task& task, task::Channel& channel, const MakeFetch& fetch);

// Reads a corpus, encodes it and writes token shards; output `shards`. `fetch` as above.
Status RunPrepareJob(const task::Task& task, task::Channel& channel, const MakeFetch& fetch);

}  // namespace braid::corpus
