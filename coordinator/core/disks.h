// Full disks of workers. A failure for lack of disk space (STORAGE_FULL) is no evidence against the
// job. It is not counted against the job, and its worker gets no new attempt until there is room or
// a waiting time is over.
#pragma once

#include <string>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// An attempt failed on `worker` with STORAGE_FULL. Blocks placement there for 2 s, which doubles up
// to 60 s with each such failure in a row, or until much more space is free than at the failure.
// `why` is the text of the event, which is written for the first failure in a row only.
void NoteFullDisk(const std::string& worker, const std::string& why, Transaction& tx);

// An attempt stored a checkpoint or an output on `worker`, so there is room: placement is free
// again, and the next failure starts with 2 s.
void NoteRoom(const std::string& worker, Transaction& tx);

// Clears the block once its time is over or the free space that the worker reported suffices.
// `now_ms` is monotonic. Only memory changes.
void ObserveDisk(WorkerDisk& disk, int64_t now_ms);

// The reason why no job is placed on this worker, such as "the disk of worker w1 is full (/data/w1,
// 12 MB free); tried again when there is room, or at 2026-03-01T12:00:00.000Z"; empty if its disk
// is not blocked.
std::string FullDiskText(const std::string& worker, const State& state);

}  // namespace braid::coordinator
