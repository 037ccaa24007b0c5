#include "cli/local/top_data.h"

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "task/job_kind.h"

namespace braid::cli {
namespace {

// More runs or lines than fit on any screen, and few enough to be fetched every second.
constexpr int kRuns = 200;
constexpr int64_t kCallMs = 10'000;
constexpr int64_t kLogLines = 200;

Status FetchCurves(Client& client, const v1::Run& run, TopData* data) {
  for (const v1::Job& job : run.jobs()) {
    if (!task::IsTraining(job.kind()) || job.attempts_size() == 0) continue;
    TopCurve& curve = data->curves[job.name()];
    v1::ReadMetricsRequest request;
    request.set_run_id(run.id());
    request.set_job(job.name());
    request.set_since_step(curve.since_step);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kCallMs));
    const auto reader = client.jobs()->ReadMetrics(&context, request);
    v1::MetricPoints points;
    while (reader->Read(&points)) {
      for (const v1::MetricPoint& point : points.points()) {
        curve.since_step = point.step() + 1;
        const auto loss = point.values().find("loss");
        if (loss != point.values().end()) curve.losses.push_back(loss->second);
      }
    }
    BRAID_RETURN_IF_ERROR(client.StatusOf(reader->Finish()));
  }
  return OkStatus();
}

Status FetchLog(Client& client, const TopWish& wish, std::string* log) {
  v1::ReadLogRequest request;
  request.set_run_id(wish.run);
  request.set_job(wish.job);
  request.set_tail_lines(kLogLines);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kCallMs));
  const auto reader = client.jobs()->ReadLog(&context, request);
  v1::LogChunk chunk;
  std::string text;
  while (reader->Read(&chunk)) text += chunk.data();
  const Status status = client.StatusOf(reader->Finish());
  // A job that has not begun has no log, which is no error here.
  if (!status.ok() && status.code() != StatusCode::kNotFound &&
      status.code() != StatusCode::kFailedPrecondition)
    return status;
  *log = std::move(text);
  return OkStatus();
}

}  // namespace

Status FetchTop(Client& client, const TopWish& wish, TopData* data) {
  if (wish.run != data->wish.run) {
    data->run.Clear();
    data->curves.clear();
  }
  if (!(wish == data->wish)) data->log.clear();
  data->wish = wish;
  v1::ListRunsRequest runs;
  runs.set_page_size(kRuns);
  BRAID_ASSIGN_OR_RETURN(data->runs, client.Call<v1::ListRunsResponse>(
                                         &v1::Runs::Stub::ListRuns, client.runs(), runs, kCallMs));
  BRAID_ASSIGN_OR_RETURN(data->workers, client.Call<v1::ListWorkersResponse>(
                                            &v1::Admin::Stub::ListWorkers, client.admin(),
                                            v1::ListWorkersRequest(), kCallMs));
  if (!wish.run.empty()) {
    BRAID_ASSIGN_OR_RETURN(data->run, client.GetRun(wish.run));
    BRAID_RETURN_IF_ERROR(FetchCurves(client, data->run, data));
  }
  if (!wish.job.empty()) BRAID_RETURN_IF_ERROR(FetchLog(client, wish, &data->log));
  data->fetched_ms = SystemClock().MonotonicMs();
  return OkStatus();
}

TopFeed::TopFeed(Client client, int64_t interval_ms)
    : client_(std::move(client)), interval_ms_(interval_ms), thread_([this] { Run(); }) {}

TopFeed::~TopFeed() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

TopData TopFeed::Now() {
  MutexLock lock(mutex_);
  return data_;
}

void TopFeed::Wish(const TopWish& wish) {
  MutexLock lock(mutex_);
  if (wish == wish_) return;
  wish_ = wish;
  changed_.NotifyAll();
}

void TopFeed::Run() {
  TopData data;
  data.address = client_.address();
  while (true) {
    TopWish wish;
    {
      MutexLock lock(mutex_);
      if (stop_) return;
      wish = wish_;
    }
    data.status = FetchTop(client_, wish, &data);
    MutexLock lock(mutex_);
    data_ = data;
    const int64_t end_ms = SystemClock().MonotonicMs() + interval_ms_;
    for (int64_t left = interval_ms_; !stop_ && wish_ == wish && left > 0;
         left = end_ms - SystemClock().MonotonicMs())
      changed_.WaitFor(mutex_, left);
  }
}

}  // namespace braid::cli
