#include "braid/v1/jobs.grpc.pb.h"
#include "coordinator/api/queries.h"
#include "coordinator/api/streams.h"
#include "coordinator/services/convert.h"
#include "coordinator/services/services.h"
#include "coordinator/services/stream_call.h"
#include "coordinator/services/unary.h"

namespace braid::coordinator {
namespace {

v1::LogChunk ChunkOf(const LogReader::Next& piece) {
  v1::LogChunk chunk;
  chunk.set_epoch(piece.epoch);
  chunk.set_offset(piece.offset);
  chunk.set_data(piece.data);
  return chunk;
}

v1::MetricPoints PointsOf(const std::vector<MetricPoint>& points) {
  v1::MetricPoints message;
  for (const MetricPoint& point : points) {
    v1::MetricPoint* one = message.add_points();
    one->set_step(point.step);
    one->set_epoch(point.epoch);
    one->mutable_values()->insert(point.values.begin(), point.values.end());
  }
  return message;
}

JobFilter FilterOf(const v1::ListJobsRequest& request) {
  JobFilter filter{request.run_id(), {}};
  for (const int state : request.states()) filter.states.push_back(static_cast<JobState>(state));
  return filter;
}

class JobsService final : public v1::Jobs::CallbackService {
 public:
  explicit JobsService(Backend* backend) : backend_(backend) {}

  Reactor* GetJob(Context* context, const v1::GetJobRequest* request, v1::Job* reply) override {
    return ReadCore(context, backend_, [request, reply](const State& state) -> Status {
      BRAID_ASSIGN_OR_RETURN(const JobRecord* job,
                             FindJob(request->run_id(), request->name(), state));
      *reply = JobMessage(*job, state, Detail::kFull);
      return OkStatus();
    });
  }

  Reactor* ListJobs(Context* context, const v1::ListJobsRequest* request,
                    v1::ListJobsResponse* reply) override {
    return ReadCore(context, backend_, [request, reply](const State& state) -> Status {
      BRAID_ASSIGN_OR_RETURN(
          const Page<JobRecord> page,
          PageOfJobs(FilterOf(*request), {request->page_size(), request->page_token()}, state));
      for (const JobRecord* job : page.records)
        *reply->add_jobs() = JobMessage(*job, state, Detail::kBasic);
      reply->set_next_page_token(page.next);
      return OkStatus();
    });
  }

  grpc::ServerWriteReactor<v1::LogChunk>* ReadLog(Context* context,
                                                  const v1::ReadLogRequest* request) override {
    const LogReader::Options options{.epoch = request->epoch(),
                                     .rank = request->rank(),
                                     .offset = request->offset(),
                                     .follow = request->follow(),
                                     .tail_lines = request->tail_lines()};
    return StreamCall<LogReader::Next, v1::LogChunk>::Start(
        context, backend_,
        std::make_unique<LogStream>(backend_, request->run_id(), request->job(), options), ChunkOf);
  }

  grpc::ServerWriteReactor<v1::MetricPoints>* ReadMetrics(
      Context* context, const v1::ReadMetricsRequest* request) override {
    return StreamCall<std::vector<MetricPoint>, v1::MetricPoints>::Start(
        context, backend_,
        std::make_unique<MetricStream>(backend_, request->run_id(), request->job(),
                                       request->since_step(), request->follow()),
        PointsOf);
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJobsService(Backend* backend) {
  return std::make_unique<JobsService>(backend);
}

}  // namespace braid::coordinator
