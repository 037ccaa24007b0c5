// The copy of one growing file of a rank (its log or its metrics) at the coordinator. What is new
// is sent by byte offset, a few times a second; a piece that is sent twice changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "worker/agent/calls.h"

namespace braid::worker {

// Sends one file of one rank. A part of the agent.
class GrowingFileSender {
 public:
  using Then = std::function<void(const Status& status)>;

  // `calls` outlives this. Nothing is sent before Start or SendRest.
  GrowingFileSender(Calls& calls, const RankKey& key, GrowingFile file);

  // Starts to look for new bytes.
  void Start();
  // Instead, for a file that grows no more: sends what it has.
  void SendRest();

  // Calls `then` with OK when the coordinator has the first `size` bytes, or with the error that
  // ended the sending.
  void Flush(int64_t size, Then then);

  // To be called when the file grows no more. Calls `then` with OK when the coordinator has all of
  // it, however long the coordinator is away, or with the error that ended the sending.
  void Close(Then then);
  // The same once the calls of the rank were cancelled, so that nothing is on its way.
  void CloseAfterCancel(Then then);

 private:
  // Sends the next piece. The answer says where the coordinator's copy ends, and the next one
  // begins there, also if that is further back.
  void Send();
  void SendAfterPause();

  // Ends a pause early.
  void SendNow();
  // `last`: the file grew no more when the piece was read.
  void OnSent(const Done& done, bool last);
  // Sends nothing any more, and tells all who wait why.
  void End(const Status& status);
  // Calls those whose bytes the coordinator has.
  void AnswerFlushes();

  Calls& calls_;
  const RankKey key_;
  const CallOwner owner_;
  const GrowingFile file_;
  // Bytes that the coordinator has.
  int64_t offset_ = 0;
  // Id of the pause in Calls; 0 while a piece is on its way.
  int64_t pause_ = 0;
  bool closing_ = false;
  // Set when nothing will be sent any more, with the reason.
  std::optional<Status> ended_;
  Then on_end_;
  // Sizes that Flush waits for.
  std::vector<std::pair<int64_t, Then>> flushes_;
};

}  // namespace braid::worker
