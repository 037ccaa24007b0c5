// The spans of one rank. Their ids follow from the attempt's (trace/context.h), which comes with
// the assignment, so that a later process of the worker, and the program's own log, have them too.
//
//   attempt ...           of the coordinator (coordinator/core/spans.h)
//     rank                from the rank's beginning until its end is acknowledged
//       fetch             of one artifact that is an input
//       program           the task program; below it what that says of itself: its phases
//       deliver           what the program left to be sent: log, metrics, checkpoint
//       upload            of the outputs
//       commit            the report of the end
//       checkpoint        of one checkpoint, beside the program: upload and commit
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "trace/span.h"
#include "worker/agent/kept_rank.h"
#include "worker/agent/program_message.h"
#include "worker/agent/rank_spans.h"
#include "worker/agent/turn.h"

namespace braid::worker {

// Adds the span of a checkpoint that has been stored, or not, from `begun_ms` (monotonic) to now.
void AddCheckpointSpan(const Assignment& assignment, int64_t step, int64_t begun_ms,
                       const Status& status, Turn* turn);

// A part of the agent. Each span is an effect as soon as its work has ended (SpanEnded).
class RankTrace {
 public:
  // Both outlive it.
  RankTrace(Turn& turn, const Assignment& assignment) : turn_(turn), assignment_(assignment) {}

  // The rank begins; `recovered`: an earlier process of the worker had begun it.
  void Begin(bool recovered);
  // The next part of its work begins. The one before it has ended, well if that was not said
  // before.
  void Next(std::string part, trace::Attributes attributes = {});
  // The present part has ended.
  void EndPart(const Status& status);
  void EndProgram(const Outcome& outcome);
  // Its program has said that a part of its own work has ended.
  void Add(const SpanMessage& message);
  // The rank has ended; null: it was dropped. Further calls do nothing.
  void End(const Outcome* outcome);

 private:
  struct Part {
    std::string name;
    trace::Attributes attributes;
    int64_t begun_ms = 0;
  };
  // Ends `part_`.
  void Close(bool failed, const std::string& error);

  Turn& turn_;
  const Assignment& assignment_;
  bool recovered_ = false;
  std::optional<int64_t> begun_ms_;  // empty: it has not begun, or has ended
  std::optional<Part> part_;
  // How many parts there were, which tells those of one name apart.
  int64_t parts_ = 0, said_ = 0;
};

}  // namespace braid::worker
