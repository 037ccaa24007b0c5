// The metrics of one rank on their way to the coordinator: lines in memory, then in the rank's file
// on this worker's disk, then in the coordinator's copy of the file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/calls.h"
#include "worker/agent/growing_file.h"

namespace braid::worker {

// The metrics of one rank. A part of the agent.
class MetricsOutbox {
 public:
  using Then = std::function<void(const Status& status)>;

  // `on_settled` is called whenever an attempt to keep lines has ended.
  MetricsOutbox(Turn& turn, Calls& calls, const RankKey& key, std::function<void()> on_settled);

  // Begins to send what is in the file.
  void Start() { sender_.Start(); }
  // Instead, for a rank of an earlier process of this worker, which kept `bytes` at least before
  // the checkpoint that is delivered: sends what is in the file.
  void Recover(int64_t bytes) {
    heard_ = kept_ = bytes;
    sender_.SendRest();
  }

  // Takes one line, without a newline. Lines that a full disk refuses stay in memory until it has
  // room.
  void Add(const std::string& line);
  // Bytes of all lines so far.
  int64_t heard() const { return heard_; }

  // Calls `then` when the first `bytes` are in the file, or with the reason why they cannot be.
  void WhenKept(int64_t bytes, Then then);
  // Calls `then` when the coordinator has the first `bytes`, or with the reason why it has not.
  void WhenSent(int64_t bytes, Then then);

  // Tries lines again that could not be kept.
  void Keep();
  // Whether no lines are being appended to the file.
  bool settled() const { return being_kept_.empty(); }

  // To be called when there will be no more lines. Calls `then` when the coordinator has all that
  // is in the file, or with the error that ended the sending. REQUIRES: settled().
  void Close(Then then) { sender_.Close(std::move(then)); }

 private:
  // The lines on their way are in the file, or stay in memory because they could not be appended.
  void OnKept(const Status& status);
  // Calls those of `when_kept_` whose bytes are in the file, or cannot get there.
  void AnswerKept();

  Turn& turn_;
  Calls& calls_;
  const RankKey key_;
  const CallOwner owner_;
  const std::function<void()> on_settled_;
  GrowingFileSender sender_;
  // Lines that are not in the file yet, lines that are being appended to it, and the bytes in it
  // (`kept_`). `heard_` counts the bytes of all.
  std::string unkept_;
  std::string being_kept_;
  int64_t heard_ = 0;
  int64_t kept_ = 0;
  // Why the newest lines could not be appended; they are tried again with the next line.
  std::optional<Status> keep_failed_;
  std::vector<std::pair<int64_t, Then>> when_kept_;
};

}  // namespace braid::worker
