// Files, as braid needs them: whole writes that are there completely or not at all, memory maps,
// folders. Every error names the path. Every descriptor is close-on-exec.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

// Owns a file descriptor and closes it.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The content of a file. A file larger than `max_bytes` is an error: what somebody else wrote must
// not take all memory.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes = uint64_t{1} << 32);
// Calls `use` with one piece after the other; stops at its first error and returns it.
Status ReadFileInPieces(const std::string& path, size_t piece_bytes,
                        const std::function<Status(std::string_view)>& use);
// Replaces the content of `path` as a whole and durably: a temporary file beside it is written and
// synced, renamed to `path`, and the folder is synced. On any error `path` is unchanged.
Status WriteFileAtomic(const std::string& path, std::string_view content);
// Writes all of `data` at the descriptor's position, through short writes and EINTR. `path` is for
// the error.
Status WriteAll(int fd, std::string_view data, const std::string& path);
// Reads exactly `bytes` at `offset`; a shorter file is kDataLoss.
Status ReadAt(int fd, uint64_t offset, void* into, size_t bytes, const std::string& path);
// Flushes a file (a folder's entries) to the disk. After an error the state of earlier writes is
// unknown: a second call that succeeds proves nothing.
Status SyncFile(const std::string& path);
Status SyncFolder(const std::string& path);
// Renames a file or folder, replacing a file `to`. Not durable before SyncFolder.
Status Rename(const std::string& from, const std::string& to);
// Hard link, or a copy where linking is impossible (other file system). An existing `to` is
// replaced.
Status LinkOrCopy(const std::string& from, const std::string& to);
// Replaces the content of `to` by that of `from`, as a whole and durably.
Status CopyFile(const std::string& from, const std::string& to);

// Follow links; false also where the answer is not known.
bool PathExists(const std::string& path);
bool IsFolder(const std::string& path);
Result<uint64_t> FileSize(const std::string& path);
// Bytes that an ordinary user can still write on the file system of `path`.
Result<uint64_t> FreeBytes(const std::string& path);
// Makes the folder and its parents; each one that is made is synced into its parent. An existing
// folder is no error.
Status MakeFolder(const std::string& path);
// The names (not paths) in a folder, sorted by bytes.
Result<std::vector<std::string>> ListFolder(const std::string& path);
// All plain files below `path`, as relative paths with '/', sorted. Links to files and folders are
// read through; one that leads nowhere or back to a folder above it, and what is no plain file, are
// errors that name it (base/links.h).
Result<std::vector<std::string>> ListTree(const std::string& path);
Status RemoveFile(const std::string& path);  // a missing file is fine
Status RemoveTree(const std::string& path);  // a missing folder is fine
// Paths that match a pattern from the current folder on, sorted (base/glob.h); a pattern without
// match is kNotFound.
Result<std::vector<std::string>> Glob(const std::string& pattern);

// folder + '/' + name, with one slash between them; the other alone if either is empty.
std::string JoinPath(std::string_view folder, std::string_view name);
std::string AbsolutePath(const std::string& path);
std::string_view BaseName(std::string_view path);
std::string FolderOf(std::string_view path);
// True iff `path` is relative, non-empty, and stays inside its folder: no "..", no empty part, no
// control character.
bool IsSafeRelativePath(std::string_view path);

// A read-only map of a whole file. Empty files are fine.
class MappedFile {
 public:
  static Result<MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  const char* data() const { return static_cast<const char*>(data_); }
  uint64_t size() const { return size_; }
  std::string_view view() const { return {data(), size_}; }

 private:
  MappedFile(void* data, uint64_t size) : data_(data), size_(size) {}
  void* data_ = nullptr;
  uint64_t size_ = 0;
};

// A new folder under $TMPDIR (or /tmp) that goes, with all in it, when this object goes.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Create(std::string_view prefix = "braid");
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// An exclusive lock on a file, held until the object goes or the process ends. A held lock is
// kAlreadyExists.
class FileLock {
 public:
  static Result<FileLock> Acquire(const std::string& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace braid
