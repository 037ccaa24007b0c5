// Sends spans to a collector, in batches, from a thread of its own. What waits is bounded: a
// collector that is slow or away costs spans, and neither memory nor time of whoever makes them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "trace/delivery.h"
#include "trace/settings.h"
#include "trace/span.h"

namespace braid::trace {

// One try to send a body; see Post (trace/post.h).
using Send = std::function<Answer(const std::string& body, const std::function<bool()>& give_up)>;
// Lines for people: what is wrong with the collector, once for each trouble.
using Warn = std::function<void(const std::string& line)>;

// Totals since the process started.
struct SpanCounters {
  int64_t sent = 0;
  // Of which a collector had no use, or that found no room while it was away.
  int64_t dropped = 0;
};

// A batch that is not taken is sent again, with growing pauses, for up to a minute; the next ones
// wait meanwhile.
class Exporter final : public SpanSink {
 public:
  // `clock` outlives it. `send` is called in the exporter's thread alone, `warn` there and in the
  // destructor.
  Exporter(Settings settings, const Clock* clock, Send send, Warn warn);
  // Sends what waits, for settings.flush_ms at most, and drops the rest.
  ~Exporter() override;
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Takes a span if the sampler wants it. Returns at once.
  void Add(Span span) override;
  SpanCounters counters();
  const Sampler& sampler() const { return settings_.sampler; }

 private:
  // The body of the thread.
  void Run();
  // Waits until there is enough for a batch, or the time for one has come; none: the end.
  std::vector<Span> TakeBatch();
  // Tries until the batch is taken, refused or given up, and counts it.
  void Deliver(const std::vector<Span>& batch);
  // Waits before another try; false: there is to be none, as it would come after the end.
  bool Pause(int64_t ms);
  // Whether the time for the last spans is over.
  bool IsOver();
  void Count(int64_t sent, int64_t dropped);
  // Says once that something is wrong, and once that it is right again.
  void Complain(const std::string& trouble);

  const Settings settings_;
  const Clock* const clock_;
  const Send send_;
  const Warn warn_;
  std::string trouble_;  // of the exporter's thread alone; empty: the last batch was taken
  Mutex mutex_;
  CondVar changed_;
  std::deque<Span> queue_ BRAID_GUARDED_BY(mutex_);
  SpanCounters counters_ BRAID_GUARDED_BY(mutex_);
  // By when all must be over, of the monotonic clock; 0: it goes on.
  int64_t over_ms_ BRAID_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

// An exporter to where the settings say, by HTTP, or null if they name no address: then nothing is
// made, and spans cost nothing. Their warnings go to `warn`.
std::unique_ptr<Exporter> MakeExporter(const Settings& settings, Warn warn);

}  // namespace braid::trace
