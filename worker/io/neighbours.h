// Fetching files from workers of the same site: the coordinator names those that have one, the
// bytes come from them, and what none of them gives is left for the coordinator, unless it is bound
// to the site, as the coordinator does not have it then. No file is lost or
// spoiled by a neighbour: whoever fetches compares the digest, and a neighbour whose bytes were
// wrong is not asked again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "worker/agent/work.h"
#include "worker/io/stop_signal.h"

namespace braid::worker {

// A worker that has a file (Neighbour in neighbours.proto).
struct Neighbour {
  std::string worker;
  std::string address;  // HOST:PORT
  std::string certificate;
  std::string ticket;
};

// What the coordinator knows of a file.
struct NeighbourList {
  // To be tried in this order.
  std::vector<Neighbour> neighbours;
  // Nobody has it, and this one is fetching it now: it is worth asking again in a moment.
  std::optional<Neighbour> fetcher;
  // Nobody else serves files.
  bool alone = false;
};

// Takes consecutive pieces of a file. Its error ends the reading and is returned.
using TakePiece = std::function<Status(std::string_view)>;

// The calls for it; worker/rpc/ implements them with gRPC, tests have fakes. All block and are
// thread-safe.
class NeighbourLink {
 public:
  virtual ~NeighbourLink() = default;
  // Asks the coordinator for others than these.
  virtual Result<NeighbourList> Find(const DownloadBlob& blob,
                                     const std::set<std::string>& except) = 0;
  // Reads a part of a file from a neighbour, within kPartMs. kPermissionDenied, kNotFound and
  // kResourceExhausted (it serves others) as of ReadFile in files.proto; kDeadlineExceeded;
  // kUnavailable.
  virtual Status Read(const Neighbour& neighbour, const std::string& sha256, uint64_t offset,
                      uint64_t length, const TakePiece& take) = 0;
  // Tells the coordinator that the file is here, and how much of it came from neighbours.
  virtual Status ReportFetched(const DownloadBlob& blob, uint64_t neighbour_bytes) = 0;
};

// Thread-safe.
class Neighbours {
 public:
  // Smaller files are not asked for: asking costs as much as fetching them.
  static constexpr uint64_t kLeastBytes = uint64_t{1} << 20;
  // A file is read in parts of this size. A neighbour that does not give one within the time is
  // slower than 0.4 MB/s, and is left alone for kAsideMs, as is one that is not reached: twice as
  // long each time, and at most kDistrustMs.
  static constexpr uint64_t kPartBytes = uint64_t{4} << 20;
  static constexpr int64_t kPartMs = 10'000;
  static constexpr int64_t kAsideMs = 5 * 60'000;
  // The same for one that gave wrong bytes.
  static constexpr int64_t kDistrustMs = 3'600'000;
  // How soon the coordinator is asked again while the file is being fetched, or neighbours are
  // busy: twice as late each time.
  static constexpr int64_t kAskAgainMs = 500, kAskLatestMs = 5'000;
  // For how long all of a file's neighbours may be busy. And for how long another one may fetch it:
  // kPatienceMs, and a second for each 256 KiB.
  static constexpr int64_t kBusyMs = 30'000;
  static constexpr int64_t kPatienceMs = 30'000;
  static constexpr uint64_t kPatienceBytesPerS = uint64_t{256} << 10;
  // For how long those that have what is bound may give nothing of it: those that are not reached,
  // and those that serve others.
  static constexpr int64_t kBoundMs = 60'000, kBoundBusyMs = 120'000;
  // For how long nobody is asked for, once nobody else serves files.
  static constexpr int64_t kAloneMs = 60'000;
  // Workers of which the coordinator is told that a file does not come from them.
  static constexpr size_t kMostExcept = 32;

  // Both outlive it.
  Neighbours(NeighbourLink& link, const Clock& clock, int64_t ask_again_ms = kAskAgainMs)
      : link_(link), clock_(clock), ask_again_ms_(ask_again_ms) {}

  // Gives what neighbours have of the file, from `offset` on, to `take`, which raises `offset` by
  // what it has taken. OK also if the file is not complete then: the rest is for the coordinator.
  // Errors are those of `take`.
  Status Fetch(const DownloadBlob& blob, const uint64_t& offset, const TakePiece& take,
               const StopSignal& stop);

  // The same of a file that is bound to this site, of any size, for which there is nobody else:
  // those that have it are asked again until it is here, whether they are slow or not, but for
  // those that gave wrong bytes. kFailedPrecondition if none gives anything for too long; errors of
  // `take`, and of the coordinator, which names them. OK if `stop` is set.
  Status FetchBound(const DownloadBlob& blob, const uint64_t& offset, const TakePiece& take,
                    const StopSignal& stop);

  // Bytes of the file were wrong: the neighbours that gave some of them are left alone. False if
  // none did.
  bool Distrust(const DownloadBlob& blob);

  // The file is here, verified. Tells the coordinator; if that fails, it is not counted.
  void Arrived(const DownloadBlob& blob);

 private:
  // What one call of Fetch knows.
  struct Attempt;
  // Reads from one neighbour until the file is complete or something fails.
  Status ReadFrom(const Neighbour& neighbour, Attempt& attempt);
  // Decides what follows from such a failure, after it gave `got` bytes.
  void OnFailure(const Neighbour& neighbour, const Status& status, uint64_t got, Attempt& attempt);
  // Reads from those that were named, as far as they give something.
  Status ReadFromAll(const std::vector<Neighbour>& neighbours, Attempt& attempt);
  // Whether the worker that fetches the file can be reached at all, so that it may be waited for.
  bool Reaches(const Neighbour& fetcher, Attempt& attempt);
  bool IsAside(const Neighbour& neighbour) const;
  // Whether it gave wrong bytes of this file, which is bound.
  bool Lied(const Neighbour& neighbour, const std::string& sha256) const;
  // The error when what is bound does not come.
  static Status NothingCame(const Status& why, const Attempt& attempt);
  // Leaves the worker alone for some time, and says why.
  void SetAside(const Neighbour& neighbour, const Status& status);

  // A worker that is left alone: until when (monotonic), how often that was in a row, and the
  // certificate by which it was known. Another process of the worker has another one.
  struct Aside {
    int64_t until_ms = 0;
    int times = 0;
    std::string certificate;
  };
  NeighbourLink& link_;
  const Clock& clock_;
  const int64_t ask_again_ms_;
  mutable Mutex mutex_;
  std::map<std::string, Aside> aside_ BRAID_GUARDED_BY(mutex_);
  // Of bound files, by digest and worker: who gave wrong bytes. And those of which several gave
  // bytes that were wrong together.
  std::map<std::pair<std::string, std::string>, Aside> lies_ BRAID_GUARDED_BY(mutex_);
  std::set<std::string> mixed_ BRAID_GUARDED_BY(mutex_);
  // Of files that are not here yet: what came from whom.
  struct Given {
    std::string certificate;
    uint64_t bytes = 0;
  };
  std::map<std::string, std::map<std::string, Given>> given_ BRAID_GUARDED_BY(mutex_);
  // Until when nobody is asked for (monotonic).
  int64_t alone_until_ms_ BRAID_GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::worker
