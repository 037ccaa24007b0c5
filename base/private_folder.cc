#include "base/private_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/random.h"

namespace braid {
namespace {

constexpr mode_t kOthers = 077;

bool Fits(std::string_view name, std::string_view pattern) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

// Changes the mode only of folders that are this user's own and not shared as /tmp is (sticky bit).
// A folder of another user is left to the first file operation in it, whose error is clearer than
// one about chmod.
Status CloseToOthers(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "looking at " + path);
  if ((info.st_mode & kOthers) == 0 || info.st_uid != geteuid() || (info.st_mode & S_ISVTX) != 0)
    return OkStatus();
  if (chmod(path.c_str(), info.st_mode & 07777 & ~kOthers) != 0)
    return ErrnoStatus(errno, "closing " + path + " to other users");
  return OkStatus();
}

}  // namespace

void KeepToOneself() {
  umask(kOthers);
}

Status MakePrivateFolder(const std::string& path) {
  BRAID_RETURN_IF_ERROR(MakeFolder(path));
  return CloseToOthers(path);
}

Status MakeStateFolder(const std::string& path, const std::vector<std::string_view>& ours) {
  if (!IsFolder(path)) return MakePrivateFolder(path);
  const auto names = ListFolder(path);
  // A folder of another user: opening the first file in it gives the error.
  if (!names.ok()) return OkStatus();
  const bool all_ours = std::all_of(names->begin(), names->end(), [&](const std::string& name) {
    return std::any_of(ours.begin(), ours.end(),
                       [&](std::string_view pattern) { return Fits(name, pattern); });
  });
  return all_ours ? CloseToOthers(path) : OkStatus();
}

// The mode is given to open(), not set afterwards, so there is no moment at which another user
// could open the file.
Status WriteSecretFile(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp." + RandomUuid();
  const auto write = [&]() -> Status {
    const UniqueFd fd(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return ErrnoStatus(errno, "creating " + path);
    BRAID_RETURN_IF_ERROR(WriteAll(fd.get(), content, path));
    if (fsync(fd.get()) != 0) return ErrnoStatus(errno, "syncing " + path);
    return Rename(temporary, path);
  };
  if (const Status status = write(); !status.ok()) {
    (void)RemoveFile(temporary);
    return status;
  }
  return SyncFolder(FolderOf(path));
}

}  // namespace braid
