#include "base/links.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace braid {

Status CheckPath(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) return OkStatus();
    return InvalidArgument(path + " is not a plain file");
  }
  // read_symlink below changes errno.
  const int why = errno;
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(path, error).string();
  if (error) return ErrnoStatus(why, "looking at " + path);
  if (why == ELOOP)
    return InvalidArgument(path + " is a link to " + target +
                           " and leads back to itself; remove it");
  if (why != ENOENT && why != ENOTDIR)
    return ErrnoStatus(why, "following the link " + path + " to " + target);
  return NotFound(
      path + " is a link to " + target +
      ", which is not there; fetch what it stands for (download it again, dvc pull, git annex get) "
      "or remove the link");
}

}  // namespace braid
