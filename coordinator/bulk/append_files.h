// Logs and metric lines: append-only files addressed by offset, so that a piece that comes twice
// changes nothing. They do not pass through the core.
//
// A piece is acknowledged when the kernel has it: it outlives this process, and not a failure of
// the machine. What must last is synced at the moments that make it final, a checkpoint and an end.
// Between them a lost tail shows as a hole, and the worker sends from the beginning.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/waiting/wakeups.h"

namespace braid::coordinator {

// A folder of such files. Thread-safe. REQUIRES: names are safe relative paths ("r-1/path_1/3.0",
// see IsSafeRelativePath in base/file.h).
class AppendFiles {
 public:
  // Makes a folder and those above it, durably; called without any lock.
  using MakeFolders = std::function<Status(const std::string& folder)>;
  // `folder` exists; the files are made below it. Tests replace `make_folders` to inject errors.
  static Result<std::unique_ptr<AppendFiles>> Open(const std::string& folder,
                                                   MakeFolders make_folders = MakeFolder);

  // Appends the part of `data` that is beyond the end of the file, where `data` begins at `offset`
  // of the file; returns the file's new size in bytes. kOutOfRange (OFFSET_MISMATCH) if `offset` is
  // beyond the end; the message names the end.
  Result<uint64_t> Append(const std::string& name, uint64_t offset, std::string_view data);
  // Writes a file that is no log and no metrics whole, in place of what was there. The folder of
  // its name exists.
  Status Replace(const std::string& name, std::string_view content);
  // Makes the file durable; one that was never written is fine. After a failed fsync it is removed,
  // so that its writer, which then finds a hole, sends it again: kDataLoss (FSYNC_FAILED).
  Status Sync(const std::string& name);
  // The size of the file in bytes; 0 if it was never written.
  uint64_t Size(const std::string& name) const;
  // Reads up to `max_bytes` bytes from `offset`; empty at the end of the file.
  Result<std::string> Read(const std::string& name, uint64_t offset, uint64_t max_bytes) const;

  // Runs lists the ids of the runs that have files here; RemoveRun removes all files of one. A run
  // without files is not an error.
  Result<std::vector<std::string>> Runs() const;
  Status RemoveRun(const std::string& run);

  // Notified after every write, by the folder of the file's name ("r-1/path_1").
  Wakeups& changed() { return changed_; }

 private:
  AppendFiles(std::string folder, MakeFolders make_folders)
      : folder_(std::move(folder)), make_folders_(std::move(make_folders)) {}
  // Append without its wake-ups. `changed` is set if bytes were added.
  Result<uint64_t> Write(const std::string& name, uint64_t offset, std::string_view data,
                         bool* changed);

  const std::string folder_;
  const MakeFolders make_folders_;
  Mutex mutex_;  // of writing and removing, not of reading
  Wakeups changed_;
};

}  // namespace braid::coordinator
