// Full disks of workers. A job that fails for want of room says nothing of the job: it waits until
// there is room, and its worker gets nothing else meanwhile.
#pragma once

#include <string>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// An attempt failed on this worker for want of room: nothing is placed there for 2 s, 4 s, ... 60
// s, or until there is clearly more room than there was. `why` for the log of events.
void NoteFullDisk(const std::string& worker, const std::string& why, Transaction& tx);

// Something of a job was stored on this worker: the next time is the first again.
void NoteRoom(const std::string& worker, Transaction& tx);

// Whether the wait is over. Writes nothing.
void ObserveDisk(WorkerDisk& disk, int64_t now_ms);

// Why nothing is placed on this worker, "the disk of worker w1 is full (/data/w1, 12 MB free)";
// empty if that is not so.
std::string FullDiskText(const std::string& worker, const State& state);

}  // namespace braid::coordinator
