#include "trainer/eval/glue/files.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string TaskName(std::string_view word) {
  std::string name = LowerCase(word);
  std::erase_if(name, [](char c) { return c == '-' || c == '_'; });
  return name;
}

std::string SplitName(std::string_view word) {
  const std::string name = LowerCase(word);
  for (const std::string_view start : {"validation", "valid", "val"}) {
    if (name.starts_with(start)) return "dev" + name.substr(start.size());
  }
  return name;
}

// "cola.train" for a path below the folder; empty for other kinds of files.
std::string KeyOf(const std::string& path) {
  std::vector<std::string> parts = Split(BaseName(path), '.');
  const auto ends_with = [&](std::initializer_list<std::string_view> endings) {
    return parts.size() > 1 &&
           std::find(endings.begin(), endings.end(), LowerCase(parts.back())) != endings.end();
  };
  // Files in unsupported compressions are found as well, so that reading them fails with advice.
  if (ends_with({"gz", "zst", "zstd", "bz2", "xz"})) parts.pop_back();
  if (!ends_with({"tsv", "jsonl", "ndjson", "jsonlines"})) return "";
  parts.pop_back();
  const std::string folder(BaseName(FolderOf(path)));
  const bool flat = parts.size() > 1;
  if (!flat && path.find('/') == std::string::npos) return "";
  std::string task = TaskName(flat ? parts[0] : folder);
  std::string split = SplitName(flat ? parts[1] : parts[0]);
  if (task == "mnlimm") {
    task = "mnli";
    split += "_mismatched";
  } else if (task == "mnli" && split == "dev") {
    split = "dev_matched";
  }
  return task + "." + split;
}

}  // namespace

Result<TaskFiles> TaskFiles::Find(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListTree(folder));
  BRAID_ASSIGN_OR_RETURN(const corpus::FileNames names, corpus::FileNames::Read(folder));
  TaskFiles found;
  found.folder_ = names.folder();
  for (const std::string& file : files) {
    const std::string key = KeyOf(file);
    if (!key.empty()) found.files_[key].push_back(names.At(file));
  }
  return found;
}

bool TaskFiles::Has(const std::string& task) const {
  const auto first = files_.lower_bound(task + ".");
  return first != files_.end() && first->first.starts_with(task + ".");
}

Result<corpus::CorpusFile> TaskFiles::At(const std::string& task, const std::string& split) const {
  const std::string key = task + "." + split;
  if (const auto at = files_.find(key); at != files_.end()) {
    if (at->second.size() == 1) return at->second.front();
    std::vector<std::string> names;
    for (const corpus::CorpusFile& file : at->second) names.push_back(file.name);
    return InvalidArgument("task " + task + ": " + Join(names, " and ") + " are both " + key +
                           "; keep one");
  }
  return InvalidArgument("task " + task + ": no file of split " + split + " in " + folder_ +
                         "; expected " + task + "/" + split + ".tsv or .jsonl, or " + task + "." +
                         split + ".jsonl or .tsv");
}

}  // namespace braid::trainer
