#include <stdlib.h>

#include <memory>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "task/task.h"

namespace braid::task {
namespace {

// The path with all symbolic links resolved; nullopt if it does not exist or may not be looked at.
std::optional<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), &free);
  if (real == nullptr) return std::nullopt;
  return std::string(real.get());
}

// "/data2" begins with "/data" and is not below it, hence the comparison of the next character.
bool IsBelow(const std::string& path, const std::string& root) {
  return root == "/" || path == root || (path.starts_with(root) && path[root.size()] == '/');
}

bool IsBelowOne(const std::string& real, const Task& task) {
  for (const std::string& root : *task.data_roots) {
    if (IsBelow(real, RealPath(root).value_or(root))) return true;
  }
  return false;
}

Status NotBelow(const std::string& what, const Task& task) {
  if (task.data_roots->empty()) {
    return FailedPrecondition(what +
                              " would be read in place, and this worker reads no files of its "
                              "machine: start it with --data-root "
                              "FOLDER (braid up --data-root FOLDER), FOLDER being above them");
  }
  return FailedPrecondition(what + " is not below a data root of this worker (" +
                            Join(*task.data_roots, ", ") +
                            "): start it with --data-root FOLDER (braid up --data-root FOLDER) "
                            "too, FOLDER being above it");
}

}  // namespace

Status CheckPatternsBelowRoots(const Task& task, const std::vector<std::string>& patterns) {
  if (!task.data_roots.has_value()) return OkStatus();
  for (const std::string& pattern : patterns) {
    // A search begins at the part of the pattern before the first wildcard. It is checked before
    // searching, as the result of a search outside of the roots would already tell which files
    // exist there. Of a path that does not exist, the nearest existing folder above it decides.
    const std::string fixed = pattern.substr(0, pattern.find_first_of("*?[{\\"));
    std::string folder = fixed.size() == pattern.size() ? fixed : FolderOf(fixed);
    std::optional<std::string> real = RealPath(folder);
    while (!real.has_value() && folder != "/" && folder != ".") {
      folder = FolderOf(folder);
      real = RealPath(folder);
    }
    if (!real.has_value() || !IsBelowOne(*real, task)) return NotBelow(pattern, task);
  }
  return OkStatus();
}

Status CheckFilesBelowRoots(const Task& task, const std::vector<std::string>& files) {
  if (!task.data_roots.has_value()) return OkStatus();
  for (const std::string& file : files) {
    const std::optional<std::string> real = RealPath(file);
    if (!real.has_value() || !IsBelowOne(*real, task)) return NotBelow(file, task);
  }
  return OkStatus();
}

}  // namespace braid::task
