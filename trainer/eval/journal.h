// What an evaluation has measured so far: pieces by name, in memory and in checkpoints. An
// evaluation that is cut off goes on behind its last checkpoint, on any worker, and its numbers are
// those of one that was not.
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

class Journal {
 public:
  // Continues task.resume if there is one; kInvalidArgument if that belongs to an evaluation with
  // another spec. Files below <output>/<folder> are part of the journal: they go into checkpoints
  // and come back from them. A new piece makes a checkpoint if the last one is `seconds` old. All
  // references outlive the journal.
  static Result<Journal> Open(const task::Task& task, std::string folder, int64_t seconds,
                              task::Channel& channel);

  // trainer/eval/once.h. Once a stop is asked for, pieces that are not there are kCancelled.
  Result<Json> Piece(const std::string& name, const MakePiece& make);
  Once AsOnce();
  // Announces a checkpoint of what none has yet: before the end of an evaluation that is stopped.
  Status Save();

  int64_t pieces() const { return static_cast<int64_t>(pieces_.size()); }

 private:
  Journal(const task::Task& task, std::string folder, int64_t seconds, task::Channel& channel);
  Status Resume();
  Status WriteCheckpoint(const std::string& target) const;
  void RemoveOld();

  const task::Task& task_;
  task::Channel& channel_;
  std::string folder_;  // of files, below the output
  int64_t seconds_;
  std::string spec_;  // digest
  std::map<std::string, Json> pieces_;
  int64_t saved_ = 0;  // pieces in the last checkpoint
  int64_t saved_ms_ = 0;
  std::vector<int64_t> kept_;  // checkpoints on disk, by their number of pieces
};

}  // namespace braid::trainer
