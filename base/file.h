// Files as braid needs them: writes that take effect completely or not at all, memory maps,
// folders. Every error names the path. Every descriptor is close-on-exec. The functions are
// thread-safe as far as the file system is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

// Owns a file descriptor and closes it when destroyed. Movable; a moved-from object owns nothing.
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
  // Gives the descriptor to the caller, who has to close it; -1 if there was none.
  int Release();
  // Closes the descriptor and takes ownership of `fd`.
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The content of a file. A file larger than `max_bytes` is kResourceExhausted: a file written by
// somebody else must not exhaust the memory.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes = uint64_t{1} << 32);
// Reads a file from beginning to end and calls `use` for each piece of at most `piece_bytes`. Stops
// at the first error of `use` and returns it. The view is valid during the call only.
Status ReadFileInPieces(const std::string& path, size_t piece_bytes,
                        const std::function<Status(std::string_view)>& use);
// Replaces the content of `path` as a whole and durably: a temporary file beside it is written and
// synced, renamed to `path`, and the folder is synced. On any error `path` is unchanged.
Status WriteFileAtomic(const std::string& path, std::string_view content);
// The same for a file that must not be there yet: kAlreadyExists, changing nothing, if it is. Of
// several that create one file at the same time, one succeeds.
Status CreateFileAtomic(const std::string& path, std::string_view content);
// Writes all of `data` at the descriptor's current position, continuing after short writes and
// EINTR. `path` is used only to name the file in errors.
Status WriteAll(int fd, std::string_view data, const std::string& path);
// Reads exactly `bytes` bytes at `offset` into the buffer `into`; a file that ends earlier is
// kDataLoss. The descriptor's position does not change. `path` is used only in errors.
Status ReadAt(int fd, uint64_t offset, void* into, size_t bytes, const std::string& path);
// Flush a file, or the entries of a folder, to the disk (fsync). After an error it is unknown which
// earlier writes are on the disk: a second call that succeeds proves nothing.
Status SyncFile(const std::string& path);
Status SyncFolder(const std::string& path);
// Renames a file or folder; an existing file `to` is replaced. The new name survives a power
// failure only after SyncFolder on the folder of `to`.
Status Rename(const std::string& from, const std::string& to);
// Makes `to` a hard link to `from`, or a durable copy where linking is impossible (another file
// system). An existing `to` is replaced. A link shares its bytes and mode with `from`.
Status LinkOrCopy(const std::string& from, const std::string& to);
// Replaces the content of `to` by that of `from`, as a whole and durably.
Status CopyFile(const std::string& from, const std::string& to);

// Both follow symbolic links, and return false also if the answer cannot be found out (for example
// because a folder above may not be searched).
bool PathExists(const std::string& path);
bool IsFolder(const std::string& path);

// The size of a file in bytes, links followed.
Result<uint64_t> FileSize(const std::string& path);
// The number of bytes that an ordinary user can still write to the file system of `path`.
Result<uint64_t> FreeBytes(const std::string& path);
// Makes the folder and its parents (mode 0777 less the umask). Each folder that is made is synced
// into its parent, so that files written into it durably do not lose their folder. An existing
// folder is not an error.
Status MakeFolder(const std::string& path);
// The names (not paths) in a folder, sorted by bytes.
Result<std::vector<std::string>> ListFolder(const std::string& path);
// All regular files below `path`, as relative paths with '/', sorted. Symbolic links to files and
// folders are followed. A link without a target, a link to a folder above itself, and anything that
// is neither file nor folder are errors that name the path (base/links.h).
Result<std::vector<std::string>> ListTree(const std::string& path);

// Remove a file, or a folder with all its content. A path that does not exist is not an error.
Status RemoveFile(const std::string& path);
Status RemoveTree(const std::string& path);
// The paths that match a pattern, relative to the current folder, sorted. base/glob.h has the
// syntax and the errors.
Result<std::vector<std::string>> Glob(const std::string& pattern);

// folder + '/' + name with exactly one slash between them; if one of them is empty, the other
// alone.
std::string JoinPath(std::string_view folder, std::string_view name);

// The path from the root, with "." and ".." removed lexically (symbolic links are not resolved).
std::string AbsolutePath(const std::string& path);

// The part after the last slash. The result points into `path`.
std::string_view BaseName(std::string_view path);

// The part before the last slash; "." if there is no slash, "/" for a path directly below the root.
std::string FolderOf(std::string_view path);
// True iff `path` names something inside of the folder that it is relative to: not empty, not
// absolute, at most 1024 bytes, no part that is empty, "." or "..", no control character, no
// backslash. For paths that come from other machines.
bool IsSafeRelativePath(std::string_view path);

// A whole file mapped read-only into memory. An empty file gives an empty view. The file must not
// be truncated while it is mapped: reading beyond its new end kills the process with SIGBUS.
class MappedFile {
 public:
  // Maps the file at `path`; errors name it.
  static Result<MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  // The bytes of the file; null if it is empty. Valid as long as this object.
  const char* data() const { return static_cast<const char*>(data_); }
  uint64_t size() const { return size_; }
  std::string_view view() const { return {data(), size_}; }

 private:
  MappedFile(void* data, uint64_t size) : data_(data), size_(size) {}
  void* data_ = nullptr;
  uint64_t size_ = 0;
};

// A new folder under $TMPDIR (or /tmp), removed with all its content when this object is destroyed.
class TemporaryFolder {
 public:
  // Makes the folder, under a random name that begins with `prefix`.
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

// An exclusive advisory lock (flock) on a file, held until the object is destroyed or the process
// ends. The lock file itself remains.
class FileLock {
 public:
  // Does not wait: kAlreadyExists if another process holds the lock. Creates the file if necessary.
  static Result<FileLock> Acquire(const std::string& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace braid
