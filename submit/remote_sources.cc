#include "submit/remote_sources.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "base/file.h"
#include "base/parallel.h"
#include "base/remote_name.h"
#include "base/text.h"
#include "storage/fetch/fetcher.h"

namespace braid::submit {
namespace {

using storage::RemoteFile;

// Somebody waits for it.
constexpr size_t kAtOnce = 8;
constexpr int kTries = 3;
constexpr int64_t kIdleMs = 20'000;

// One name of a recipe, and what was found under it.
struct Named {
  const recipe::Source* source;
  std::string name;
  Result<std::vector<RemoteFile>> found = std::vector<RemoteFile>();
};

std::vector<Named> NamesOf(const recipe::Dag& dag) {
  std::vector<Named> names;
  for (const recipe::Source& source : dag.sources) {
    if (!NamesRemoteFiles(source)) continue;
    for (const std::string& name : source.files) {
      if (IsRemoteName(name)) names.push_back({&source, name});
    }
  }
  return names;
}

void LookAtAll(std::vector<Named>* names) {
  storage::FetchOptions options;
  options.tries = kTries;
  options.idle_ms = kIdleMs;
  storage::Fetcher fetcher(std::move(options));
  std::atomic<size_t> next{0};
  RunOnThreads(std::min(kAtOnce, names->size()), [&](size_t) {
    for (size_t i; (i = next.fetch_add(1)) < names->size();)
      (*names)[i].found = fetcher.Look((*names)[i].name);
  });
}

Finding NotFoundFinding(const RecipeFile& file, const Named& named) {
  Finding finding;
  finding.recipe = file.path;
  finding.line = named.source->line;
  finding.field = FieldOf(file.recipe, *named.source);
  finding.subject = ShownUrl(named.name);
  finding.message = FieldOf(file.recipe, *named.source) + ": " + named.found.status().message();
  finding.missing = true;
  return finding;
}

// What the files of one source are called already, here and where they are.
struct Taken {
  std::set<std::string> names, urls;
};

// Adds the files, each once and under a name that no other file of the artifact has, as FilesOf
// names those of this machine.
void Add(const std::vector<RemoteFile>& found, Taken* taken, std::vector<RemoteFile>* files) {
  for (RemoteFile file : found) {
    if (!taken->urls.insert(file.url).second) continue;
    file.name = FileNameOfUrl(file.url);
    if (!IsSafeRelativePath(file.name)) file.name = "file";
    if (taken->names.contains(file.name))
      file.name = "same_name_" + std::to_string(taken->names.size()) + "/" + file.name;
    taken->names.insert(file.name);
    files->push_back(std::move(file));
  }
}

}  // namespace

bool NamesRemoteFiles(const recipe::Source& source) {
  return (source.kind == recipe::SourceKind::kSource || IsValidation(source)) &&
         std::any_of(source.files.begin(), source.files.end(), IsRemoteName);
}

std::vector<Finding> LookAtRemoteFiles(RecipeFile* file) {
  std::vector<Finding> findings;
  std::vector<Named> names = NamesOf(file->dag);
  if (names.empty()) return findings;
  LookAtAll(&names);
  std::set<std::string> incomplete;
  std::map<std::string, Taken> taken;
  for (const Named& named : names) {
    const std::string source = named.source->name();
    if (!named.found.ok()) {
      findings.push_back(NotFoundFinding(*file, named));
      incomplete.insert(source);
      continue;
    }
    if (!taken.contains(source)) {
      const auto here = FilesOf(*file, *named.source);
      if (here.ok()) {
        for (const auto& [name, path] : *here) taken[source].names.insert(name);
      }
    }
    Add(*named.found, &taken[source], &file->remote[source]);
  }
  for (const std::string& source : incomplete) file->remote.erase(source);
  return findings;
}

const std::vector<RemoteFile>& RemoteFilesOf(const RecipeFile& file, const recipe::Source& source) {
  static const std::vector<RemoteFile> none;
  const auto found = file.remote.find(source.name());
  return found == file.remote.end() ? none : found->second;
}

std::vector<std::string> RemoteSummaries(const RecipeFile& file) {
  std::vector<std::string> summaries;
  for (const recipe::Source& source : file.dag.sources) {
    const std::vector<RemoteFile>& files = RemoteFilesOf(file, source);
    if (files.empty()) continue;
    uint64_t bytes = 0;
    size_t unknown = 0;
    std::set<std::string> servers;
    for (const RemoteFile& one : files) {
      if (one.size >= 0)
        bytes += static_cast<uint64_t>(one.size);
      else
        ++unknown;
      servers.insert(one.url.substr(0, one.url.find('/', one.url.find("://") + 3)));
    }
    summaries.push_back(
        Format("%s: %zu file%s, %s", FieldOf(file.recipe, source).c_str(), files.size(),
               files.size() == 1 ? "" : "s", FormatBytes(bytes).c_str()) +
        (unknown > 0 ? Format(" and %zu whose size the server does not say", unknown) : "") +
        ", from " + Join(std::vector<std::string>(servers.begin(), servers.end()), ", "));
  }
  return summaries;
}

}  // namespace braid::submit
