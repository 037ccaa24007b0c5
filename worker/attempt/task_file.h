// The folder and the task file of a rank (docs/tasks.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/status.h"
#include "worker/agent/values.h"

namespace braid::worker {

// What the task programs of one worker have in common.
struct ProgramContext {
  std::string folder;                   // of the worker: ranks/ and artifacts/ are below it
  std::string programs;                 // where braid-trainer and the others are
  int32_t gpu_threads = 1;              // threads of the processor for a rank that has a GPU
  std::vector<std::string> data_roots;  // below them files of site-bound corpora may be read
};

// Makes the rank's folder anew, with its task file. Its inputs are laid out already.
Status LayOutRank(const ProgramContext& context, const Assignment& assignment);
// How its program is started, for a rank that may see these GPUs.
ProcessOptions TaskProcess(const ProgramContext& context, const Assignment& assignment,
                           const std::vector<std::string>& gpus);

}  // namespace braid::worker
