#include <algorithm>

#include "base/text.h"
#include "braid/v1/jobs.grpc.pb.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/bulk/log_reader.h"
#include "coordinator/bulk/metric_lines.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

using grpc::ServerContext;
using rpc::ToGrpc;

constexpr int64_t kPollMs = 500;

class JobsService final : public v1::Jobs::Service {
 public:
  explicit JobsService(Backend* backend) : backend_(backend), core_(backend->core) {}

  grpc::Status GetJob(ServerContext*, const v1::GetJobRequest* request, v1::Job* reply) override {
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto key = Resolve(request->run_id(), request->name(), state);
          status = key.status();
          if (key.ok()) *reply = JobMessage(*state.FindJob(*key), state, Detail::kFull);
        });
        !read.ok())
      return ToGrpc(read);
    return ToGrpc(status);
  }

  grpc::Status ListJobs(ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* reply) override {
    const int limit = request->page_size() <= 0 ? 200 : std::min(request->page_size(), 1000);
    size_t skip = 0;
    if (!request->page_token().empty()) {
      const size_t parsed = request->page_token().find_first_not_of("0123456789");
      if (parsed != std::string::npos || request->page_token().size() > 9) {
        return ToGrpc(
            InvalidArgument("page token " + request->page_token() + " is not one of ours"));
      }
      skip = std::stoul(request->page_token());
    }
    Status status;
    if (const Status read = core_->Query(
            [&](const State& state) { status = List(*request, state, skip, limit, reply); });
        !read.ok())
      return ToGrpc(read);
    return ToGrpc(status);
  }

  grpc::Status ReadLog(ServerContext* context, const v1::ReadLogRequest* request,
                       grpc::ServerWriter<v1::LogChunk>* writer) override {
    JobStanding job;
    if (const Status status = Look(request->run_id(), request->job(), &job); !status.ok())
      return ToGrpc(status);
    LogReader reader(backend_->logs, {.epoch = request->epoch(),
                                      .rank = request->rank(),
                                      .offset = request->offset(),
                                      .follow = request->follow(),
                                      .tail_lines = request->tail_lines()});
    if (const Status status = reader.Begin(job); !status.ok()) return ToGrpc(status);
    while (!context->IsCancelled() && !backend_->stopping) {
      const uint64_t changes = backend_->logs->changes();
      if (const Status status = Look(request->run_id(), request->job(), &job); !status.ok())
        return ToGrpc(status);
      const auto next = reader.Read(job);
      if (!next.ok()) return ToGrpc(next.status());
      if (next->state == LogReader::State::kEnd) return grpc::Status::OK;
      if (next->state == LogReader::State::kNothingYet) {
        backend_->logs->WaitForChange(changes, kPollMs);
        continue;
      }
      v1::LogChunk chunk;
      chunk.set_epoch(next->epoch);
      chunk.set_offset(next->offset);
      chunk.set_data(next->data);
      if (!writer->Write(chunk)) return grpc::Status::CANCELLED;
    }
    return backend_->stopping ? ToGrpc(Unavailable("the coordinator is stopping"))
                              : grpc::Status::CANCELLED;
  }

  grpc::Status ReadMetrics(ServerContext* context, const v1::ReadMetricsRequest* request,
                           grpc::ServerWriter<v1::MetricPoints>* writer) override {
    JobStanding job;
    if (const Status status = Look(request->run_id(), request->job(), &job); !status.ok())
      return ToGrpc(status);
    MetricReader reader(backend_->metrics, BulkFolder(job.key));
    while (!context->IsCancelled() && !backend_->stopping) {
      const uint64_t changes = backend_->metrics->changes();
      if (const Status status = Look(request->run_id(), request->job(), &job); !status.ok())
        return ToGrpc(status);
      const auto points = reader.Next(job.epoch);
      if (!points.ok()) return ToGrpc(points.status());
      if (!WritePoints(*points, request->since_step(), writer)) return grpc::Status::CANCELLED;
      if (!request->follow() || job.ended) return grpc::Status::OK;
      backend_->metrics->WaitForChange(changes, kPollMs);
    }
    return backend_->stopping ? ToGrpc(Unavailable("the coordinator is stopping"))
                              : grpc::Status::CANCELLED;
  }

 private:
  static Result<JobKey> Resolve(const std::string& run_text, const std::string& name,
                                const State& state) {
    BRAID_ASSIGN_OR_RETURN(const RunRecord* run, state.ResolveRun(run_text));
    const JobKey key{run->id, name};
    if (state.FindJob(key) != nullptr) return key;
    std::vector<std::string> names;
    for (const JobRecord* job : state.JobsOf(run->id)) names.push_back(job->key.job);
    const std::string nearest = NearestWord(name, names);
    return Status(StatusCode::kNotFound, "NOT_FOUND",
                  "run " + run->id + " has no job " + name +
                      (nearest.empty() ? ": it has " + Join(names, ", ")
                                       : "; did you mean " + nearest + "?"));
  }

  Status Look(const std::string& run, const std::string& name, JobStanding* standing) {
    Status status;
    if (const Status read = core_->Query([&](const State& state) {
          const auto key = Resolve(run, name, state);
          status = key.status();
          if (!key.ok()) return;
          const JobRecord* job = state.FindJob(*key);
          *standing = {*key, job->epoch, Ended(job->state)};
        });
        !read.ok())
      return read;
    return status;
  }

  static Status List(const v1::ListJobsRequest& request, const State& state, size_t skip, int limit,
                     v1::ListJobsResponse* reply) {
    std::vector<const JobRecord*> jobs;
    if (request.run_id().empty()) {
      for (const auto& [id, run] : state.image().runs) {
        for (const JobRecord* job : state.JobsOf(id)) jobs.push_back(job);
      }
    } else {
      BRAID_ASSIGN_OR_RETURN(const RunRecord* run, state.ResolveRun(request.run_id()));
      jobs = state.JobsOf(run->id);
    }
    const auto wanted = [&](const JobRecord* job) {
      return request.states_size() == 0 ||
             std::any_of(request.states().begin(), request.states().end(),
                         [&](int one) { return one == static_cast<int>(job->state); });
    };
    for (size_t i = skip; i < jobs.size(); ++i) {
      if (!wanted(jobs[i])) continue;
      if (reply->jobs_size() == limit) {
        reply->set_next_page_token(std::to_string(i));
        break;
      }
      *reply->add_jobs() = JobMessage(*jobs[i], state, Detail::kBasic);
    }
    return OkStatus();
  }

  static bool WritePoints(const std::vector<MetricPoint>& points, int64_t since_step,
                          grpc::ServerWriter<v1::MetricPoints>* writer) {
    v1::MetricPoints message;
    for (const MetricPoint& point : points) {
      if (point.step < since_step) continue;
      v1::MetricPoint* one = message.add_points();
      one->set_step(point.step);
      one->set_epoch(point.epoch);
      one->mutable_values()->insert(point.values.begin(), point.values.end());
      if (message.points_size() < 1000) continue;
      if (!writer->Write(message)) return false;
      message.clear_points();
    }
    return message.points_size() == 0 || writer->Write(message);
  }

  Backend* const backend_;
  Core* const core_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJobsService(Backend* backend) {
  return std::make_unique<JobsService>(backend);
}

}  // namespace braid::coordinator
