#include "corpus/input_files.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/parallel.h"
#include "base/remote_name.h"
#include "base/text.h"

namespace braid::corpus {
namespace {

// One connection seldom takes all that a network gives, and small files are mostly waited for.
constexpr size_t kAtOnce = 4;
constexpr char kFetchedFolder[] = "fetched";

// A file with its name among those of the input, by which they are sorted.
using NamedFile = std::pair<std::string, CorpusFile>;

// Fetches all files of one input.
class FetchAll {
 public:
  FetchAll(const task::Task& task, task::Channel& channel, const CorpusSpec& spec,
           const std::vector<storage::RemoteFile>& files, std::string folder, FetchFile fetch)
      : task_(task),
        channel_(channel),
        corpus_("corpus " + spec.name),
        files_(files),
        folder_(std::move(folder)),
        fetch_(std::move(fetch)),
        fetched_(files.size()),
        there_(files.size()) {
    for (const storage::RemoteFile& file : files) {
      if (file.size > 0) total_ += file.size;
    }
  }

  Status Run() {
    BRAID_RETURN_IF_ERROR(CheckRoom());
    RunOnThreads(std::min(kAtOnce, files_.size()), [this](size_t) { Work(); });
    MutexLock lock(mutex_);
    // A server that refuses is no matter of this machine's permissions.
    if (status_.code() == StatusCode::kPermissionDenied)
      return FailedPrecondition(status_.message()).Wrap(corpus_);
    if (!status_.ok()) return status_.Wrap(corpus_);
    Log(LogLevel::kInfo, task_.job,
        Format("%s: fetched %zu file%s, %s", corpus_.c_str(), files_.size(),
               files_.size() == 1 ? "" : "s", FormatBytes(static_cast<uint64_t>(done_)).c_str()));
    return OkStatus();
  }

  // REQUIRES: Run has succeeded.
  void AddTo(std::vector<NamedFile>* all) const {
    for (size_t i = 0; i < files_.size(); ++i) {
      CorpusFile file(PathOf(files_[i]), ShownUrl(files_[i].url));
      file.url = files_[i].url;
      file.fetched = fetched_[i];
      all->emplace_back(files_[i].name, std::move(file));
    }
  }

 private:
  std::string PathOf(const storage::RemoteFile& file) const { return JoinPath(folder_, file.name); }

  // Before hours of fetching that cannot end well.
  Status CheckRoom() const {
    const Result<uint64_t> room = FreeBytes(task_.work);
    if (!room.ok() || static_cast<uint64_t>(total_) <= *room) return OkStatus();
    return ErrnoStatus(ENOSPC, corpus_ + ": fetching " +
                                   FormatBytes(static_cast<uint64_t>(total_)) + " to " +
                                   task_.work + ", where " + FormatBytes(*room) + " are free");
  }

  void Work() {
    for (size_t i; (i = next_.fetch_add(1)) < files_.size();) {
      Status status = FetchOne(i);
      if (!status.ok()) {
        next_ = files_.size();  // the others begin no more
        MutexLock lock(mutex_);
        if (status_.ok()) status_ = std::move(status);
      }
    }
  }

  Status FetchOne(size_t i) {
    const std::string path = PathOf(files_[i]);
    BRAID_RETURN_IF_ERROR(MakeFolder(FolderOf(path)));
    BRAID_ASSIGN_OR_RETURN(fetched_[i],
                           fetch_(files_[i], path, [this, i](int64_t bytes) { Tell(i, bytes); }));
    return OkStatus();
  }

  void Tell(size_t i, int64_t bytes) {
    MutexLock lock(mutex_);
    done_ += bytes - std::exchange(there_[i], bytes);
    channel_.Progress("fetching", "bytes", done_, std::max(total_, done_));
  }

  const task::Task& task_;
  task::Channel& channel_;
  const std::string corpus_;
  const std::vector<storage::RemoteFile>& files_;
  const std::string folder_;
  const FetchFile fetch_;
  int64_t total_ = 0;  // of the files whose sizes are known
  std::atomic<size_t> next_{0};
  std::vector<storage::FetchedFile> fetched_;  // each element belongs to the thread that fetches it
  Mutex mutex_;
  std::vector<int64_t> there_ BRAID_GUARDED_BY(mutex_);
  int64_t done_ BRAID_GUARDED_BY(mutex_) = 0;
  Status status_ BRAID_GUARDED_BY(mutex_);
};

Result<std::vector<CorpusFile>> InPlace(const task::Task& task, const CorpusSpec& spec) {
  BRAID_RETURN_IF_ERROR(task::CheckPatternsBelowRoots(task, spec.files));
  BRAID_ASSIGN_OR_RETURN(std::vector<CorpusFile> files, CorpusFiles(spec, ""));
  BRAID_RETURN_IF_ERROR(task::CheckFilesBelowRoots(task, PathsOf(files)));
  return files;
}

}  // namespace

Result<std::vector<CorpusFile>> InputFiles(const task::Task& task, task::Channel& channel,
                                           const CorpusSpec& spec, const std::string& role,
                                           const MakeFetch& fetch) {
  if (!task.inputs.contains(role)) return InPlace(task, spec);
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(role));
  BRAID_ASSIGN_OR_RETURN(const std::vector<storage::RemoteFile> remote,
                         storage::ReadRemoteFiles(folder));
  if (remote.empty()) return CorpusFiles(spec, folder);
  std::vector<NamedFile> all;
  if (Result<std::vector<CorpusFile>> here = CorpusFiles(spec, folder); here.ok()) {
    for (CorpusFile& file : *here)
      all.emplace_back(file.path.substr(JoinPath(folder, "").size() + 1), std::move(file));
  } else if (here.status().code() != StatusCode::kNotFound) {
    return here.status();
  }
  BRAID_ASSIGN_OR_RETURN(FetchFile fetch_file, fetch());
  FetchAll fetching(task, channel, spec, remote,
                    JoinPath(JoinPath(task.work, kFetchedFolder), role), std::move(fetch_file));
  BRAID_RETURN_IF_ERROR(fetching.Run());
  fetching.AddTo(&all);
  std::stable_sort(all.begin(), all.end(),
                   [](const NamedFile& a, const NamedFile& b) { return a.first < b.first; });
  std::vector<CorpusFile> files;
  for (NamedFile& file : all) files.push_back(std::move(file.second));
  return files;
}

}  // namespace braid::corpus
