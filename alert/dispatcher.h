// Sends alerts. Each channel has a thread of its own, so that a slow or unreachable receiver delays
// neither other channels nor the coordinator. An alert is sent again, with growing pauses, until it
// is delivered or too old. Its channel sends nothing else meanwhile, so that alerts arrive in
// order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "alert/alert.h"
#include "alert/journal.h"
#include "alert/sender.h"
#include "alert/settings.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace braid::alert {

// An event, with its alert if it is of a kind that makes one.
struct Found {
  int64_t seq = 0;
  std::optional<Alert> alert;
};
// The next events after `seq`, in order; none if there is no newer one. Called in several threads.
using ReadAfter = std::function<Result<std::vector<Found>>(int64_t seq)>;

// The state of a channel, for people.
struct ChannelState {
  std::string name, kind, to;
  std::vector<std::string> on;
  int64_t sent = 0, dropped = 0, seq = 0, last_sent_ms = 0;
  // Why the alert that is tried now was not delivered yet; empty: nothing waits.
  std::string trouble;
};

// Delivers alerts by all channels. Thread-safe.
class Dispatcher {
 public:
  // `journal` and `clock` outlive it. `read` is called until it is destroyed.
  Dispatcher(std::vector<Channel> channels, Journal* journal, ReadAfter read, const Clock* clock);
  // Stops, and waits for the threads: up to about a second.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // From now on nothing is sent, and what is being sent ends within about a second; it is sent
  // after the next start. Returns at once; may be repeated.
  void Stop();
  // Makes all channels look for new events. Returns at once; may be called in any thread.
  void Wake();
  // The channels in the order of the settings.
  std::vector<ChannelState> Channels();
  // Sends this alert by that channel now, in the caller's thread. kNotFound, with all names, if
  // there is no such channel.
  Result<Outcome> SendNow(const std::string& channel, const Alert& alert);

 private:
  // A channel with what it is doing.
  struct Line {
    Channel channel;
    std::string trouble;
    std::thread thread;
  };
  // The body of a channel's thread.
  void Run(Line* line);
  // Tries until the alert is delivered or given up, and counts it; false if the dispatcher stops.
  bool Deliver(Line* line, const Alert& alert, Progress* progress);
  void Note(const Line& line, const Progress& progress);
  // Waits for so long, or until it stops; false if it does.
  bool Pause(int64_t ms);
  // Waits until Wake was called after `*seen`; false if it stops.
  bool WaitForNews(int64_t* seen);
  void SetTrouble(Line* line, const std::string& trouble);

  Journal* const journal_;
  const ReadAfter read_;
  const Clock* const clock_;
  // For transfers, which look at it while they wait.
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  CondVar changed_;
  int64_t news_ BRAID_GUARDED_BY(mutex_) = 0;
  // The list does not change; `trouble` of a line is guarded by mutex_.
  std::vector<std::unique_ptr<Line>> lines_;
};

}  // namespace braid::alert
