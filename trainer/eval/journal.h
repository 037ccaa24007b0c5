// The pieces that an evaluation has measured so far, by name, in memory and in checkpoints. An
// interrupted evaluation goes on after its last checkpoint, on any worker, and its numbers are
// those of an evaluation that was not interrupted.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"
#include "trainer/eval/once.h"

namespace braid::trainer {

// Not thread-safe.
class Journal {
 public:
  // Continues from task.resume, if there is one; kInvalidArgument if that belongs to an evaluation
  // with another spec. Files below <output>/<folder> are part of the journal: checkpoints contain
  // them, and Open restores them. A new piece makes a checkpoint if the last one is at least
  // `seconds` old. `task` and `channel` outlive the journal.
  static Result<Journal> Open(const task::Task& task, std::string folder, int64_t seconds,
                              task::Channel& channel);

  // Returns the piece with this name, and makes it if it is not there (trainer/eval/once.h). After
  // a request to stop, pieces that are not there are kCancelled.
  Result<Json> Piece(const std::string& name, const MakePiece& make);
  // Piece as a function; the journal outlives it.
  Once AsOnce();

  // Writes and announces a checkpoint of the pieces that are in none yet; for the end of an
  // evaluation that is stopped.
  Status Save();

  // The number of pieces so far.
  int64_t pieces() const { return static_cast<int64_t>(pieces_.size()); }

 private:
  Journal(const task::Task& task, std::string folder, int64_t seconds, task::Channel& channel);
  // Takes over the pieces of the task's checkpoint. kInvalidArgument if it is of another spec.
  Status Resume();
  // Writes all pieces so far to a new folder.
  Status WriteCheckpoint(const std::string& target) const;
  // Removes folders that the channel no longer needs.
  void RemoveOld();

  const task::Task& task_;
  task::Channel& channel_;
  // Below the output folder.
  std::string folder_;
  int64_t seconds_;
  // SHA-256 of the task's spec.
  std::string spec_;
  std::map<std::string, Json> pieces_;
  // Number of pieces in the last checkpoint.
  int64_t saved_ = 0;
  int64_t saved_ms_ = 0;
  // Checkpoints on disk, by their number of pieces.
  std::vector<int64_t> kept_;
};

}  // namespace braid::trainer
