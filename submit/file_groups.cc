#include "submit/file_groups.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"

namespace braid::submit {
namespace {

constexpr std::array<const char*, 11> kEndings = {".jsonl",   ".ndjson", ".jsonlines", ".json",
                                                  ".txt",     ".text",   ".parquet",   ".arrow",
                                                  ".feather", ".tar",    ".tgz"};

std::string Without(const std::string& name, std::string_view ending) {
  return name.ends_with(ending) ? name.substr(0, name.size() - ending.size()) : name;
}

// Without the ending of a compressed file.
std::string Unpacked(const std::string& name) {
  return Without(Without(name, ".gz"), ".zst");
}

bool IsTextName(const std::string& name) {
  const std::string plain = Unpacked(name);
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](const char* ending) { return plain.ends_with(ending); });
}

// The name of a file without its endings, and without numbers and what joins them.
std::string StemOf(const std::string& path) {
  std::string name = Unpacked(std::string(BaseName(path)));
  for (const char* ending : kEndings) name = Without(name, ending);
  const size_t number = name.find_first_of("0123456789");
  std::string stem;
  for (const char c : number == 0 ? name : name.substr(0, number)) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter) stem += c;
    if (!letter && !stem.empty() && stem.back() != '_') stem += '_';
  }
  while (!stem.empty() && stem.back() == '_') stem.pop_back();
  return stem.empty() ? "text" : stem.substr(0, 40);
}

// What the names of files of one corpus have in common: everything but their numbers.
std::string ShapeOf(const std::string& path) {
  std::string shape;
  for (const char c : path) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) shape += c;
    if (digit && (shape.empty() || shape.back() != '#')) shape += '#';
  }
  return shape;
}

// "a", then "a_2", "a_3", ...
std::string Unused(const std::string& name, const std::vector<TextFacts>& all) {
  std::string candidate = name;
  for (int i = 2; std::any_of(all.begin(), all.end(),
                              [&](const TextFacts& other) { return other.name == candidate; });
       ++i)
    candidate = name + "_" + std::to_string(i);
  return candidate;
}

}  // namespace

Result<std::vector<std::string>> TextFilesIn(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    const std::string path = folder == "." ? name : JoinPath(folder, name);
    if (!name.starts_with('.') && IsTextName(name) && !IsFolder(path)) paths.push_back(path);
  }
  return paths;
}

Result<std::vector<TextFacts>> GroupFiles(const std::vector<std::string>& given) {
  std::vector<TextFacts> all;
  std::map<std::string, size_t> by_key;
  const auto put = [&](const std::string& key, const std::string& name, const std::string& path) {
    const auto [found, fresh] = by_key.emplace(key, all.size());
    if (fresh) all.push_back({Unused(name, all), {}});
    std::vector<std::string>& paths = all[found->second].paths;
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  };
  for (const std::string& word : given) {
    const size_t equals = PathExists(word) ? std::string::npos : word.find('=');
    const std::string name = equals == std::string::npos ? "" : word.substr(0, equals);
    std::string path = equals == std::string::npos ? word : word.substr(equals + 1);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (!PathExists(path)) return NotFound("there is no file " + path);
    if (!IsUtf8(path)) return InvalidArgument(RepairUtf8(path) + ": the file's name is not UTF-8");
    if (!IsFolder(path)) {
      put(name.empty() ? "shape " + ShapeOf(path) : "name " + name,
          name.empty() ? StemOf(path) : name, path);
      continue;
    }
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> inside, TextFilesIn(path));
    if (inside.empty())
      return NotFound("there are no text files in " + path + " (" +
                      Join({kEndings.begin(), kEndings.end()}, ", ") +
                      ", also with .gz or .zst behind): name them one by one");
    const std::string own = name.empty() ? StemOf(AbsolutePath(path)) : name;
    for (const std::string& one : inside)
      put(name.empty() ? "folder " + path : "name " + name, own, one);
  }
  for (TextFacts& facts : all) std::sort(facts.paths.begin(), facts.paths.end());
  return all;
}

}  // namespace braid::submit
