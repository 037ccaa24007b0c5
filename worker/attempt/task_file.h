// The folder of a rank with its task file (docs/tasks.md), and the command that runs its program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/process.h"
#include "base/status.h"
#include "worker/agent/values.h"
#include "worker/network/address.h"

namespace braid::worker {

// What all task programs of one worker have in common.
struct ProgramContext {
  // The worker's folder; ranks/ and artifacts/ are below it.
  std::string folder;
  // The folder of braid-trainer and the other task programs.
  std::string programs;
  // CPU threads of a rank that has a GPU (ThreadsOfGpuJob).
  int32_t gpu_threads = 1;
  // Folders below which files of site-bound corpora may be read in place.
  std::vector<std::string> data_roots;
  // From where corpora may be fetched (task/fetch_rules.h).
  std::vector<std::string> fetch_from;
  // Where ranks listen for those of other hosts.
  NetworkAddress advertised;
  // Whether spans are sent: programs say theirs only then.
  bool sends_spans = false;
  // Of the lines that programs write to their log.
  LogFormat log_format = LogFormat::kText;
};

// Makes the rank's folder anew and writes the task file. REQUIRES: its inputs have been laid out
// (LayOutArtifact).
Status LayOutRank(const ProgramContext& context, const Owner& owner, const Assignment& assignment);
// Program, arguments and environment of the rank's process. `gpus` are the UUIDs that it may see.
ProcessOptions TaskProcess(const ProgramContext& context, const Assignment& assignment,
                           const std::vector<std::string>& gpus);

}  // namespace braid::worker
