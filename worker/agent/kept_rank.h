// What a worker keeps on its disk of one rank until the coordinator has acknowledged it: the newest
// checkpoint that its program wrote, and its end. A later process of the worker begins with these
// values and delivers them. worker/attempt/outbox_folder.h has the files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "worker/agent/program_message.h"
#include "worker/agent/values.h"

namespace braid::worker {

// A checkpoint that the worker has taken over from the program.
struct KeptCheckpoint {
  // Counts the checkpoints of the rank; it names the files.
  int64_t number = 0;
  // On the disk, and when an earlier process kept it: `message.folder` is the worker's own copy
  // (hard links), not the program's folder.
  CheckpointMessage message;
  // Bytes of metrics that the program wrote before the checkpoint.
  int64_t metrics_before = 0;
};

// The end of a rank, complete except for the manifests of its outputs.
struct KeptEnd {
  Outcome outcome;
  // Of a success: what is to be stored, by role. The files are in the rank's output folder.
  std::map<std::string, ResultMessage::Output> outputs;
  // Whether its program ran, so that a start, a log and metrics belong to it.
  bool started = false;
};

// A rank of an earlier process of this worker, of which something is not delivered yet.
struct KeptRank {
  // The coordinator and the worker id for which it was kept.
  Owner owner;
  // Only what is needed to deliver: the key, and what manifests say of their origin.
  Assignment assignment;
  std::optional<KeptCheckpoint> checkpoint;
  // Absent: the program died with that process.
  std::optional<KeptEnd> end;
};

}  // namespace braid::worker
