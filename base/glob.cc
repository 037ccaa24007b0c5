#include "base/glob.h"

#include <dirent.h>
#include <fnmatch.h>
#include <locale.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"

namespace braid {
namespace {

using Inode = std::pair<dev_t, ino_t>;

// True iff this part of a pattern has to be compared with the names in a folder. Parts without
// special characters are joined to the path instead, so that a folder that may be entered but not
// listed can still be passed through.
bool IsSpecial(std::string_view part) {
  return part.find_first_of("*?[") != std::string_view::npos;
}

// A name written in a pattern, without its backslashes.
std::string Unescaped(std::string_view part) {
  std::string name;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\' && i + 1 < part.size()) ++i;
    name += part[i];
  }
  return name;
}

bool Exists(const std::string& path) {
  struct stat info;
  // lstat, not stat: a link without a target counts as found, so that a later check can name it
  // instead of "no file matches".
  return ::lstat(path.c_str(), &info) == 0;
}

// Sets the locale of this thread to UTF-8 while a search runs: fnmatch compares characters in the
// locale of the process, which is "C" for task programs, where '?' would match one byte of a name.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t before_{};
};

// The names in a folder, sorted, without "." and "..". Empty if there is no such folder, as
// `folder` may be a file that a pattern tries to enter.
Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.empty() ? "." : folder.c_str()),
                                                 ::closedir);
  if (open == nullptr) {
    if (errno == ENOENT || errno == ENOTDIR) return names;
    return ErrnoStatus(errno, "looking into " + folder);
  }
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The search for one pattern, split at the slashes, whose braces were expanded before.
class Search {
 public:
  explicit Search(std::vector<std::string> parts) : parts_(std::move(parts)) {}

  Result<std::vector<std::string>> Run(const std::string& folder) {
    BRAID_RETURN_IF_ERROR(Match(folder, 0));
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    if (std::find(parts_.begin(), parts_.end(), "**") != parts_.end()) KeepOneOfEach();
    return std::move(found_);
  }

 private:
  Status Match(const std::string& folder, size_t at) {
    if (at == parts_.size()) {
      found_.push_back(folder);
      return OkStatus();
    }
    const std::string& part = parts_[at];
    if (part == "**") return MatchBelow(folder, at);
    if (!IsSpecial(part)) {
      const std::string path = JoinPath(folder, Unescaped(part));
      return Exists(path) ? Match(path, at + 1) : OkStatus();
    }
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
    for (const std::string& name : names) {
      if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0)
        BRAID_RETURN_IF_ERROR(Match(JoinPath(folder, name), at + 1));
    }
    return OkStatus();
  }

  // Continues the search in all folders below `folder`, each visited once by device and inode.
  // Folders of the tree itself come before those reached through links, level by level, so that the
  // result does not depend on the order in which the file system lists names, and a link to a
  // folder above does not lead to an endless search.
  Status MatchBelow(const std::string& folder, size_t at) {
    std::set<Inode> seen;
    std::vector<std::string> folders, links = {folder};
    while (!links.empty()) {
      std::vector<std::string> waiting = std::move(links);
      links.clear();
      std::sort(waiting.begin(), waiting.end());
      for (const std::string& one : waiting)
        BRAID_RETURN_IF_ERROR(Collect(one, &seen, &folders, &links));
    }
    for (const std::string& one : folders) {
      BRAID_RETURN_IF_ERROR(at + 1 == parts_.size() ? AddFilesOf(one) : Match(one, at + 1));
    }
    return OkStatus();
  }

  Status Collect(const std::string& folder, std::set<Inode>* seen,
                 std::vector<std::string>* folders, std::vector<std::string>* links) {
    struct stat info;
    if (::stat(folder.empty() ? "." : folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
      return OkStatus();
    if (!seen->insert({info.st_dev, info.st_ino}).second) return OkStatus();
    folders->push_back(folder);
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
    for (const std::string& name : names) {
      const std::string path = JoinPath(folder, name);
      if (name.starts_with('.') || ::lstat(path.c_str(), &info) != 0) continue;
      if (S_ISLNK(info.st_mode)) {
        if (IsFolder(path)) links->push_back(path);
      } else if (S_ISDIR(info.st_mode)) {
        BRAID_RETURN_IF_ERROR(Collect(path, seen, folders, links));
      }
    }
    return OkStatus();
  }

  Status AddFilesOf(const std::string& folder) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
    for (const std::string& name : names) {
      if (!name.starts_with('.')) found_.push_back(JoinPath(folder, name));
    }
    return OkStatus();
  }

  // Cleans the result of a pattern with '**'. Folders were visited only as levels on the way to
  // files, so they are removed. A link to a file that was found under its own name as well is
  // removed too, as otherwise a corpus would contain that file twice.
  void KeepOneOfEach() {
    std::set<Inode> seen;
    const auto inode = [](const std::string& path) {
      struct stat info{};
      (void)::stat(path.c_str(), &info);
      return Inode{info.st_dev, info.st_ino};
    };
    const auto is_link = [](const std::string& path) {
      struct stat info;
      return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
    };
    std::erase_if(found_, [](const std::string& path) { return IsFolder(path); });
    for (const std::string& path : found_) {
      if (!is_link(path)) seen.insert(inode(path));
    }
    std::erase_if(found_, [&](const std::string& path) {
      return is_link(path) && PathExists(path) && !seen.insert(inode(path)).second;
    });
  }

  const std::vector<std::string> parts_;
  std::vector<std::string> found_;
};

Result<std::vector<std::string>> PartsOf(std::string_view pattern) {
  std::vector<std::string> parts;
  for (std::string& part : Split(pattern, '/')) {
    if (part.empty()) continue;
    const bool mixed = part != "**" && part.find("**") != std::string::npos &&
                       part.find_first_of("[\\") == std::string::npos;
    if (mixed) {
      return InvalidArgument("\"" + Excerpt(pattern, 200) +
                             "\": ** stands alone between slashes, as in data/**/*.jsonl; beside "
                             "other characters it would be one level only");
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<std::vector<std::string>> Find(const std::string& folder, const std::string& pattern) {
  BRAID_ASSIGN_OR_RETURN(std::vector<std::string> parts, PartsOf(pattern));
  return Search(std::move(parts)).Run(pattern.starts_with('/') ? "/" : folder);
}

// Expands braces: "a{b,c{d,e}}f" gives {"abf", "acdf", "acef"}. Braces without a comma are ordinary
// characters.
std::vector<std::string> Alternatives(const std::string& pattern) {
  for (size_t open = pattern.find('{'); open != std::string::npos;
       open = pattern.find('{', open + 1)) {
    if (open > 0 && pattern[open - 1] == '\\') continue;
    std::vector<size_t> cuts = {open};
    size_t close = open + 1;
    for (int depth = 1; close < pattern.size(); ++close) {
      depth += pattern[close] == '{' ? 1 : pattern[close] == '}' ? -1 : 0;
      if (depth == 0) break;
      if (depth == 1 && pattern[close] == ',') cuts.push_back(close);
    }
    if (close == pattern.size() || cuts.size() == 1) continue;
    cuts.push_back(close);
    std::vector<std::string> all;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      const std::string middle = pattern.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1);
      for (std::string& one :
           Alternatives(pattern.substr(0, open) + middle + pattern.substr(close + 1)))
        all.push_back(std::move(one));
    }
    return all;
  }
  return {pattern};
}

// Whether the parts of a path from `at` on match those of a pattern from `from` on.
bool MatchParts(const std::vector<std::string>& pattern, size_t from,
                const std::vector<std::string>& path, size_t at) {
  if (from == pattern.size()) return at == path.size();
  if (pattern[from] != "**") {
    return at < path.size() &&
           ::fnmatch(pattern[from].c_str(), path[at].c_str(), FNM_PERIOD) == 0 &&
           MatchParts(pattern, from + 1, path, at + 1);
  }
  const bool last = from + 1 == pattern.size();
  for (size_t next = at; next <= path.size(); ++next) {
    if (last ? next == path.size() && next > at : MatchParts(pattern, from + 1, path, next))
      return true;
    if (next < path.size() && path[next].starts_with('.')) return false;
  }
  return false;
}

}  // namespace

bool MatchesPattern(const std::string& pattern, const std::string& path) {
  const Utf8Locale characters;
  if (pattern == path) return true;
  const std::vector<std::string> parts = Split(path, '/');
  for (const std::string& one : Alternatives(pattern)) {
    if (MatchParts(Split(one, '/'), 0, parts, 0)) return true;
  }
  return false;
}

Result<std::vector<std::string>> Glob(const std::string& folder, const std::string& pattern) {
  const Utf8Locale characters;
  const auto missing = [&](const std::string& what) {
    return NotFound("no file matches " +
                    Excerpt(what.starts_with('/') ? what : JoinPath(folder, what), 400));
  };
  const std::string literal = pattern.starts_with('/') ? pattern : JoinPath(folder, pattern);
  if (pattern.empty()) return missing(pattern);
  BRAID_ASSIGN_OR_RETURN(std::vector<std::string> found, Find(folder, pattern));
  if (!found.empty()) return found;
  // A pattern without a match may be the literal name of a file, such as "data[1].txt".
  if (Exists(literal)) return std::vector<std::string>{literal};
  // Braces are expanded last, so that files with braces in their names remain reachable. Each
  // alternative has to match: a forgotten one would silently shorten a corpus.
  const std::vector<std::string> alternatives = Alternatives(pattern);
  if (alternatives.size() < 2) return missing(pattern);
  for (const std::string& one : alternatives) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> some, Find(folder, one));
    if (some.empty()) return missing(one);
    found.insert(found.end(), some.begin(), some.end());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void SortAndDropRepeated(std::vector<std::string>* paths) {
  std::sort(paths->begin(), paths->end());
  std::set<std::string> seen;
  std::erase_if(*paths,
                [&](const std::string& path) { return !seen.insert(AbsolutePath(path)).second; });
}

Result<std::vector<std::string>> Glob(const std::string& pattern) {
  return Glob("", pattern);
}

}  // namespace braid
