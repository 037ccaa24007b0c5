#include "cli/shared/metric_stream.h"

#include "cli/shared/follow_run.h"

namespace braid::cli {
namespace {

// Reads one stream to its end; the request then asks for what comes after.
Status ReadOn(Client& client, v1::ReadMetricsRequest* request,
              const std::function<Status(const v1::MetricPoint&)>& see,
              const std::function<Status()>& pause, Status* seen) {
  grpc::ClientContext context;
  const auto reader = client.jobs()->ReadMetrics(&context, *request);
  v1::MetricPoints points;
  while (seen->ok() && reader->Read(&points)) {
    for (const v1::MetricPoint& point : points.points()) {
      *seen = see(point);
      if (!seen->ok()) break;
      request->set_since_step(point.step() + 1);
    }
    if (seen->ok() && pause) *seen = pause();
  }
  if (!seen->ok()) context.TryCancel();
  return client.StatusOf(reader->Finish());
}

}  // namespace

Status ReadMetrics(Client& client, const std::string& run_id, const std::string& job, bool follow,
                   const std::function<Status(const v1::MetricPoint&)>& see,
                   const std::function<Status()>& pause) {
  v1::ReadMetricsRequest request;
  request.set_run_id(run_id);
  request.set_job(job);
  request.set_follow(follow);
  Patience patience;
  Status seen;
  while (true) {
    const int64_t before = request.since_step();
    const Status status = ReadOn(client, &request, see, pause, &seen);
    if (!seen.ok()) return seen;
    if (status.ok()) return OkStatus();
    if (request.since_step() != before) patience = Patience();
    if (!follow || !patience.Wait(status)) return status;
  }
}

}  // namespace braid::cli
