// One file of a rank that grows (its log, its lines of metrics) and its copy with the coordinator:
// what is new is sent by offset, a few times a second. A piece that is sent twice changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "worker/agent/calls.h"

namespace braid::worker {

class GrowingFileSender {
 public:
  using Then = std::function<void(const Status& status)>;

  GrowingFileSender(Calls& calls, const RankKey& key, GrowingFile file);

  // Begins to look for what is new.
  void Start();
  // `then` hears OK when the coordinator has the first `size` bytes, or the error that ended the
  // sending.
  void Flush(int64_t size, Then then);
  // The file grows no more: `then` hears OK when the coordinator has all of it, however long that
  // one is away, or the error that ended the sending.
  void Close(Then then);

 private:
  void Send();
  void SendAfterPause();
  // Sends now what waits for the end of a pause.
  void SendNow();
  void OnSent(const Done& done, bool last);
  void End(const Status& status);
  void AnswerFlushes();

  Calls& calls_;
  const RankKey key_;
  const CallOwner owner_;
  const GrowingFile file_;
  int64_t offset_ = 0;  // that the coordinator has
  int64_t pause_ = 0;   // id of the pause, or 0 while a piece is on its way
  bool closing_ = false;
  std::optional<Status> ended_;
  Then on_end_;
  std::vector<std::pair<int64_t, Then>> flushes_;
};

}  // namespace braid::worker
