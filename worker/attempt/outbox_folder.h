// The worker's outbox: what the coordinator has not acknowledged yet, on the worker's disk. It has
// one folder for each rank, with the name of the rank's folder:
//
//   outbox/<rank>/rank.json          which rank it is, and for which coordinator and worker; the
//                                    first file to be written and removed
//   outbox/<rank>/checkpoint-N/      a checkpoint of its program: hard links to the files
//   outbox/<rank>/checkpoint-N.json  its step, and so on; written when the folder is complete
//   outbox/<rank>/end.json           how the rank ended; outputs, log and metrics are in the rank's
//                                    own folder, which stays as long as this one
//   damaged/                         files of these that could not be read, for people to look at
//
// Each file appears as a whole and durably, after everything that it speaks of. A process that is
// killed between any two steps therefore leaves the state before or after the later one, and files
// that the next process removes. worker/attempt/kept_text.h has the texts of the files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "worker/agent/kept_rank.h"

namespace braid::worker {

// The folder of a rank in the outbox of the worker in `worker_folder`.
std::string OutboxFolder(const std::string& worker_folder, const RankKey& key);

// Opens the rank's folder in the outbox. To be called before its program starts.
Status WriteKeptRank(const std::string& worker_folder, const Owner& owner,
                     const Assignment& assignment);

// Takes a checkpoint over from the program's folder (checkpoint.message.folder), after the metrics
// so far were synced, and returns the path of the copy. The files are linked, or copied from
// another file system; they must not be changed afterwards.
Result<std::string> WriteKeptCheckpoint(const std::string& worker_folder, const RankKey& key,
                                        const KeptCheckpoint& checkpoint);
// Removes the copy of a checkpoint. One that does not exist is not an error.
Status RemoveKeptCheckpoint(const std::string& worker_folder, const RankKey& key, int64_t number);

// Writes the end of a rank after its outputs, log and metrics were synced. kDataLoss (FSYNC_FAILED)
// if the disk has not kept an output; then nothing is written.
Status WriteKeptEnd(const std::string& worker_folder, const Owner& owner,
                    const Assignment& assignment, const KeptEnd& end);

// Removes all that the outbox has of the rank.
Status RemoveOutbox(const std::string& worker_folder, const RankKey& key);

// What an earlier process of this worker has left to be delivered: of each rank its end or, if its
// program died with that process, its newest checkpoint. Kills programs that are left, and removes
// all other ranks and what a killed process left half-made. A file that cannot be read is moved to
// damaged/ and named in the log, and the rest goes on. An error is one of making or listing the
// folders. REQUIRES: as CleanUpRanks (worker/attempt/rank_folder.h).
Result<std::vector<KeptRank>> RecoverRanks(const std::string& worker_folder);

}  // namespace braid::worker
