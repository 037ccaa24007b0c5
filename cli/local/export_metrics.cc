#include "cli/local/export_metrics.h"

#include <chrono>
#include <list>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/mutex.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/metric_file.h"
#include "cli/shared/metric_stream.h"
#include "task/job_kind.h"

namespace braid::cli {
namespace {

constexpr auto kLookAgain = std::chrono::seconds(1);

// For a followed run, each training has a thread, whose stream lasts as long as the training.
class MetricExport {
 public:
  MetricExport(Client* client, MetricFormat format, std::string folder)
      : client_(*client), format_(format), folder_(std::move(folder)) {}
  ~MetricExport() { Join(); }

  Status Run(const std::string& id, bool follow) {
    Patience patience;
    while (true) {
      const Result<v1::Run> run = client_.GetRun(id);
      if (!run.ok() && follow && patience.Wait(run.status())) continue;
      BRAID_RETURN_IF_ERROR(run.status());
      patience = Patience();
      BRAID_RETURN_IF_ERROR(Begin(*run, follow));
      if (!follow || run->state() != v1::RUN_ACTIVE || !error().ok()) break;
      std::this_thread::sleep_for(kLookAgain);
    }
    Join();
    return error();
  }

  const std::vector<std::string>& files() const { return files_; }

 private:
  Status Begin(const v1::Run& run, bool follow) {
    for (const v1::Job& job : run.jobs()) {
      if (!task::IsTraining(job.kind()) || job.attempts_size() == 0) continue;
      if (!begun_.insert(job.name()).second) continue;
      BRAID_ASSIGN_OR_RETURN(std::unique_ptr<MetricFile> file, FileOf(job.name()));
      files_.push_back(file->path());
      threads_.emplace_back([this, run_id = run.id(), name = job.name(), follow,
                             shared = std::shared_ptr<MetricFile>(std::move(file))] {
        const Status status = Fill(run_id, name, follow, shared.get());
        MutexLock lock(mutex_);
        if (error_.ok()) error_ = status;
      });
    }
    return OkStatus();
  }

  Result<std::unique_ptr<MetricFile>> FileOf(std::string job) const {
    for (char& c : job) c = c == ':' || c == '/' ? '_' : c;
    const std::string path = JoinPath(folder_, job);
    return format_ == MetricFormat::kCsv ? MakeCsvFile(path + ".csv") : MakeEventFile(path);
  }

  Status Fill(const std::string& run_id, const std::string& job, bool follow, MetricFile* file) {
    const auto add = [&](const v1::MetricPoint& point) {
      return file->Add(point.step(), {point.values().begin(), point.values().end()});
    };
    BRAID_RETURN_IF_ERROR(
        ReadMetrics(client_, run_id, job, follow, add, [&] { return file->Flush(); }));
    return file->Flush();
  }

  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Status error() {
    MutexLock lock(mutex_);
    return error_;
  }

  Client& client_;
  const MetricFormat format_;
  const std::string folder_;
  std::set<std::string> begun_;
  std::vector<std::string> files_;
  std::list<std::thread> threads_;
  Mutex mutex_;
  Status error_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::vector<std::string>> ExportMetrics(const Globals& globals, const std::string& run,
                                               MetricFormat format, const std::string& folder,
                                               bool follow) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(run));
  MetricExport exported(&client, format, folder);
  BRAID_RETURN_IF_ERROR(exported.Run(found.id(), follow));
  if (exported.files().empty())
    return FailedPrecondition("no training of run " + found.name() +
                              " has begun: there are no metrics yet" +
                              (follow ? "" : "; --follow waits for them"));
  return exported.files();
}

}  // namespace braid::cli
