// How long calls and transfers took since the process started, for /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/words.h"
#include "coordinator/core/durations.h"

namespace braid::coordinator {

// Which way a file went, seen from the coordinator's side.
enum class TransferDirection { kUpload, kDownload };
const braid::Words& WordsOf(TransferDirection);

// Bounds of calls in seconds, from 1 ms to a minute; of transfers in seconds, from 10 ms to an
// hour; and of their sizes in bytes, from 4 KiB to 16 GiB.
const std::vector<double>& CallBounds();
const std::vector<double>& TransferBounds();
const std::vector<double>& TransferSizeBounds();

// Thread-safe.
class CallDurations {
 public:
  struct Totals {
    // Of calls with one request and one reply, in seconds, by the method ("Runs/GetRun") and the
    // code that they were answered with.
    std::map<std::pair<std::string, StatusCode>, Histogram> calls;
    // Of the uploads and downloads of files that ended well, in seconds and in bytes. What an
    // interrupted one had moved is not counted again when it goes on.
    std::map<TransferDirection, Histogram> transfers, transferred;
  };

  void AddCall(const std::string& method, StatusCode code, double seconds);
  void AddTransfer(TransferDirection direction, double seconds, uint64_t bytes);
  Totals totals() const;

 private:
  mutable Mutex mutex_;
  Totals totals_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::coordinator
