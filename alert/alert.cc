#include "alert/alert.h"

#include "base/excerpt.h"
#include "base/text.h"

namespace braid::alert {
namespace {

// Of the error of a run; the whole one is in the dashboard.
constexpr size_t kFieldBytes = 4000;

}  // namespace

const Words& WordsOf(Kind) {
  static const Words words = {"failed",    "diverged",     "stalled",     "done",
                              "cancelled", "paused",       "worker_lost", "worker_quarantined",
                              "disk_low",  "pool_trouble", "test"};
  return words;
}

bool IsBad(Kind kind) {
  return kind != Kind::kDone && kind != Kind::kCancelled && kind != Kind::kPaused &&
         kind != Kind::kTest;
}

Json ToJson(const Alert& alert) {
  return {{"version", 1},
          {"id", alert.id},
          {"alert", NameOf(alert.kind)},
          {"title", Excerpt(alert.title, kFieldBytes)},
          {"text", Excerpt(alert.text, kFieldBytes)},
          {"command", Excerpt(alert.command, kFieldBytes)},
          {"url", Excerpt(alert.url, kFieldBytes)},
          {"time", FormatUtc(alert.time_ms)},
          {"seq", alert.seq},
          {"event", alert.event},
          {"run_id", alert.run_id},
          {"run_name", Excerpt(alert.run_name, kFieldBytes)},
          {"user", Excerpt(alert.user, kFieldBytes)},
          {"job", Excerpt(alert.job, kFieldBytes)},
          {"worker", Excerpt(alert.worker, kFieldBytes)}};
}

}  // namespace braid::alert
