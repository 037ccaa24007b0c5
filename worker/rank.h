// One rank on this worker: fetches its inputs, runs its task program, carries what it says to the
// coordinator, and reports its end. Every rank has a thread of its own, which starts the program
// and outlives it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/files/blob_store.h"
#include "worker/agent/event.h"
#include "worker/coordinator_link.h"

namespace braid::worker {

// What all ranks of a worker share.
struct RankContext {
  CoordinatorLink* link = nullptr;
  storage::BlobStore* cache = nullptr;
  std::string folder;                   // of the worker: ranks/, artifacts/ are below it
  std::string programs;                 // where braid-trainer and the others are
  int32_t gpu_threads = 1;              // threads of the processor for a rank that has a GPU
  std::vector<std::string> data_roots;  // below them files of site-bound corpora may be read
  EventSink* events = nullptr;          // hears what becomes of a rank
};

class Rank {
 public:
  // `gpus`: UUIDs this rank may see. Starts at once.
  Rank(RankContext context, Assignment assignment, std::vector<std::string> gpus);
  // Kills what runs and waits for everything.
  ~Rank();

  // Checkpoint and end within `deadline_ms`, then the end is reported.
  void Stop(int64_t deadline_ms);
  // Kill now and report nothing.
  void Drop();
  // Its thread has nothing left to do: the end was reported, or it was dropped.
  bool finished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Kills what an earlier life of this worker left running and removes its folders. Before the first
// rank.
Status CleanUpRanks(const std::string& worker_folder);

}  // namespace braid::worker
