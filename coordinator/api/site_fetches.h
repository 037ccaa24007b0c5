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
  // How long a worker counts as the one that fetches a file although no byte of it moves: before it
  // has asked for it, on a line that stands still, and after the last byte until it has verified
  // it.
  static constexpr int64_t kPauseMs = 30'000;
  // For what it reads from a bucket itself, a second longer for so many bytes.
  static constexpr int64_t kDirectBytesPerS = int64_t{1} << 20;
  // The most files that are known; beyond it, those that nobody fetches are forgotten.
  static constexpr size_t kMostFiles = 10'000;

  // `clock` outlives it.
  explicit SiteFetches(const Clock* clock) : clock_(clock) {}

  // The worker that is fetching the file from here; empty if none is.
  std::string FetcherOf(const File& file) const;
  // The worker is to fetch the file from here, instead of whoever does. It serves files: others
  // would wait in vain for one that does not.
  void Expect(const File& file, const std::string& worker);

  // A file on its way to a worker that serves files.
  class Sending {
   public:
    // The worker has taken some bytes, and reads `directly` more without asking here.
    void Moved(int64_t directly = 0);

   private:
    friend class SiteFetches;
    Sending(SiteFetches* all, const File& file, const std::string& worker)
        : all_(all), file_(file), worker_(worker) {}
    SiteFetches* const all_;
    const File file_;
    const std::string worker_;
  };
  // The worker counts as the one that fetches it, if no other one does already. The result must not
  // outlive this object.
  std::unique_ptr<Sending> Begin(const File& file, const std::string& worker);

  // The worker has the whole file, verified.
  void Arrived(const File& file, const std::string& worker);
  // The workers that have said so within kHeldMs: later, an artifact of which they have all files
  // is known by their heartbeats, and a file alone may have left their caches.
  static constexpr int64_t kHeldMs = 3'600'000;
  std::set<std::string> HoldersOf(const File& file) const;

 private:
  struct Known {
    // Who fetches it, and until when that counts (monotonic). Empty: nobody does.
    std::string fetcher;
    int64_t until_ms = 0;
    std::map<std::string, int64_t> holders;  // and when they said so
  };
  static bool Fetches(const Known& known, int64_t now_ms) {
    return !known.fetcher.empty() && now_ms < known.until_ms;
  }
  // The entry of the file; a new one may make others be forgotten.
  Known& Entry(const File& file) BRAID_REQUIRES(mutex_);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::map<File, Known> known_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
