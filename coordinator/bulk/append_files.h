// Logs and metric lines: append-only files addressed by offset, so that a piece that comes twice changes nothing. They do not
// pass through the core.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"

namespace braid::coordinator {

// Thread-safe. Names are safe relative paths ("r-1/path_1/3.0"); the caller knows that they are.
class AppendFiles {
 public:
  static Result<std::unique_ptr<AppendFiles>> Open(const std::string& folder);

  // Writes what of `data` (beginning at `offset`) is not there yet; returns the file's new size. kOutOfRange
  // (OFFSET_MISMATCH) if `offset` is beyond the end; the message names the end.
  Result<uint64_t> Append(const std::string& name, uint64_t offset, std::string_view data);
  // 0 for a file that was never written.
  uint64_t Size(const std::string& name) const;
  // Up to `max_bytes` from `offset`; empty at the end.
  Result<std::string> Read(const std::string& name, uint64_t offset, uint64_t max_bytes) const;

  // A number that rises with every write, and waiting for it to differ from `seen`.
  uint64_t changes() const;
  uint64_t WaitForChange(uint64_t seen, int64_t timeout_ms) const;

 private:
  explicit AppendFiles(std::string folder) : folder_(std::move(folder)) {}
  const std::string folder_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  uint64_t changes_ BRAID_GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::coordinator
