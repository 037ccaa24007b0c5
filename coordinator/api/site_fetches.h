// Which files workers fetch from the coordinator right now, by their sites, and who of a site has
// fetched one: so that a second worker that wants the file waits for the first one and then fetches
// it there. A hint that is kept in memory: without it, a file is sent once more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace braid::coordinator {

// Thread-safe.
class SiteFetches {
 public:
  // A file that a site wants.
  struct File {
    std::string site;
    std::string sha256;
    auto operator<=>(const File&) const = default;
  };
  // How long a worker counts as the one that fetches a file although it is not being sent: before
  // it has asked for it, and after the last byte until it has verified it.
  static constexpr int64_t kPauseMs = 30'000;
  // The most files that are known; beyond it, those that are not being sent are forgotten.
  static constexpr size_t kMostFiles = 10'000;

  // `clock` outlives it.
  explicit SiteFetches(const Clock* clock) : clock_(clock) {}

  // The worker that is fetching the file from here; empty if none is.
  std::string FetcherOf(const File& file) const;
  // The worker was told to fetch the file from here, if no other one does already.
  void Expect(const File& file, const std::string& worker);

  // The file is sent to a worker as long as this lives.
  class Sending {
   public:
    ~Sending();
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;

   private:
    friend class SiteFetches;
    Sending(SiteFetches* all, const File& file, const std::string& worker, bool counted)
        : all_(all), file_(file), worker_(worker), counted_(counted) {}
    SiteFetches* const all_;
    const File file_;
    const std::string worker_;
    const bool counted_;  // in Known::sending
  };
  // Must not outlive this object.
  std::unique_ptr<Sending> Begin(const File& file, const std::string& worker);

  // The worker has the whole file, verified.
  void Arrived(const File& file, const std::string& worker);
  // The workers that have said so and were not forgotten.
  std::set<std::string> HoldersOf(const File& file) const;

 private:
  struct Known {
    // Who fetches it, how often it is being sent there now, and until when it is waited for that it
    // is again (monotonic). Empty: nobody does.
    std::string fetcher;
    int sending = 0;
    int64_t until_ms = 0;
    std::set<std::string> holders;
  };
  static bool Fetches(const Known& known, int64_t now_ms) {
    return !known.fetcher.empty() && (known.sending > 0 || now_ms < known.until_ms);
  }
  // The entry of the file, for `worker` if nobody else fetches it.
  Known& Claim(const File& file, const std::string& worker) BRAID_REQUIRES(mutex_);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::map<File, Known> known_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
