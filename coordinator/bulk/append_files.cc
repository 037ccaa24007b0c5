#include "coordinator/bulk/append_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/private_folder.h"

namespace braid::coordinator {

Result<std::unique_ptr<AppendFiles>> AppendFiles::Open(const std::string& folder,
                                                       MakeFolders make_folders) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(folder));
  return std::unique_ptr<AppendFiles>(new AppendFiles(folder, std::move(make_folders)));
}

Result<uint64_t> AppendFiles::Append(const std::string& name, uint64_t offset,
                                     std::string_view data) {
  bool written = false;
  const Result<uint64_t> end = Write(name, offset, data, &written);
  if (written) changed_.Notify(FolderOf(name));
  return end;
}

Result<uint64_t> AppendFiles::Write(const std::string& name, uint64_t offset, std::string_view data,
                                    bool* changed) {
  if (!IsSafeRelativePath(name)) return InvalidArgument("not a file name: " + name);
  const std::string path = JoinPath(folder_, name);
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid() && errno == ENOENT) {
    // New folders are synced, which takes a disk its time: without the lock, so that others go on.
    BRAID_RETURN_IF_ERROR(make_folders_(FolderOf(path)));
    fd.Reset(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  MutexLock lock(mutex_);
  struct stat there_now{};
  if (fstat(fd.get(), &there_now) == 0 && there_now.st_nlink == 0) {
    return Unavailable(
        path + " was removed after a failed fsync while this was on its way: send it again");
  }
  const auto end = static_cast<uint64_t>(lseek(fd.get(), 0, SEEK_END));
  if (offset > end) {
    return Status(StatusCode::kOutOfRange, ErrorReason::kOffsetMismatch,
                  name + " ends at " + std::to_string(end) + ", the piece begins at " +
                      std::to_string(offset) + ": go on at " + std::to_string(end));
  }
  // A piece that comes again, whole or in part: what is there is the same, since each file has one
  // writer.
  const uint64_t there = std::min<uint64_t>(end - offset, data.size());
  data.remove_prefix(there);
  if (data.empty()) return end;
  const Status written = WriteAll(fd.get(), data, path);
  if (!written.ok()) {
    // Half a piece would shift nothing, but half a line could be read as one.
    (void)!ftruncate(fd.get(), static_cast<off_t>(end));
    return written;
  }
  *changed = true;
  return end + data.size();
}

Status AppendFiles::Replace(const std::string& name, std::string_view content) {
  if (!IsSafeRelativePath(name)) return InvalidArgument("not a file name: " + name);
  return WriteFileAtomic(JoinPath(folder_, name), content);
}

Status AppendFiles::Sync(const std::string& name) {
  const std::string path = JoinPath(folder_, name);
  if (!IsSafeRelativePath(name) || !PathExists(path)) return OkStatus();
  Status synced = SyncFile(path);
  if (synced.ok()) synced = SyncFolder(FolderOf(path));
  if (synced.ok()) return OkStatus();
  MutexLock lock(mutex_);
  (void)RemoveFile(path);
  return Status(StatusCode::kDataLoss, ErrorReason::kFsyncFailed,
                synced.message() + "; what was written is removed, its writer sends it again");
}

Result<std::vector<std::string>> AppendFiles::Runs() const {
  return ListFolder(folder_);
}

Status AppendFiles::RemoveRun(const std::string& run) {
  if (run.empty() || run.find('/') != std::string::npos || !IsSafeRelativePath(run))
    return InvalidArgument("not a run: " + run);
  return RemoveTree(JoinPath(folder_, run));
}

uint64_t AppendFiles::Size(const std::string& name) const {
  const auto size = FileSize(JoinPath(folder_, name));
  return size.ok() ? *size : 0;
}

Result<std::string> AppendFiles::Read(const std::string& name, uint64_t offset,
                                      uint64_t max_bytes) const {
  const std::string path = JoinPath(folder_, name);
  // No lock: bytes before the end do not change any more, and what comes behind it is read next
  // time.
  const uint64_t size = Size(name);
  if (offset >= size) return std::string();
  std::string data(std::min(max_bytes, size - offset), '\0');
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  BRAID_RETURN_IF_ERROR(ReadAt(fd.get(), offset, data.data(), data.size(), path));
  return data;
}

}  // namespace braid::coordinator
