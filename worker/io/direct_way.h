// Blobs from where the coordinator keeps them, a bucket, by URLs that it signs: so their bytes need
// not pass through it. It is a shorter way and no other source: whatever fails here, the
// coordinator has the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "storage/bucket/http.h"
#include "worker/io/passage.h"

namespace braid::worker {

// Thread-safe.
class DirectWay {
 public:
  struct Options {
    // Of authorities that are trusted in place of the system's; empty: those. AWS_CA_BUNDLE.
    std::string ca_file;
    int64_t closed_ms = 10 * 60'000;
    int64_t idle_ms = 20'000;  // after which a silent server is given up
    const Clock* clock = &SystemClock();
  };
  explicit DirectWay(Options options);

  // Whether the coordinator is to be asked for URLs.
  bool IsOpen() const { return passage_.IsOpen(); }

  struct Read {
    uint64_t bytes = 0;  // that were used
    Status used;         // of `use`, whose error ended it
    bool go_on = false;  // what is left can be had there, too
  };
  // Calls `use` with the bytes of a blob of `size` bytes, in pieces, from `offset` on. Returns what
  // came of it, which may be fewer than all. If other blobs would fare no better, the way is
  // closed, and the log says why: once, until a blob comes by it again. The URL is in no message.
  // REQUIRES: offset < size
  Read Get(const std::string& url, uint64_t offset, uint64_t size,
           const std::function<Status(std::string_view)>& use);

 private:
  storage::HttpClient http_;
  Passage passage_;
};

}  // namespace braid::worker
