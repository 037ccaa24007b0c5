#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "braid/v1/jobs.grpc.pb.h"
#include "coordinator/api/curve_stream.h"
#include "coordinator/api/lists.h"
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
    one->set_time_ms(point.time_ms);
    one->mutable_values()->insert(point.values.begin(), point.values.end());
  }
  return message;
}

void Fill(const NamedCurve& curve, v1::ValueCurve* message) {
  const auto is_wide = [](const CurveColumn& column) { return column.count > 1; };
  const auto is_counted = [](const CurveColumn& column) { return std::isfinite(column.tokens); };
  const bool wide = std::any_of(curve.columns.begin(), curve.columns.end(), is_wide);
  const bool counted = std::all_of(curve.columns.begin(), curve.columns.end(), is_counted);
  const auto is_timed = [](const CurveColumn& column) { return column.time_ms > 0; };
  const bool timed = std::all_of(curve.columns.begin(), curve.columns.end(), is_timed);
  message->set_name(curve.name);
  for (const CurveColumn& column : curve.columns) {
    message->add_steps(static_cast<double>(column.step));
    message->add_mean(static_cast<float>(column.sum / static_cast<double>(column.count)));
    if (counted) message->add_tokens(column.tokens);
    if (timed) message->add_times(static_cast<double>(column.time_ms));
    if (wide) message->add_low(static_cast<float>(column.low));
    if (wide) message->add_high(static_cast<float>(column.high));
  }
  message->set_points(curve.points);
  message->set_last(curve.last);
}

v1::JobCurves CurvesMessage(const FoundCurves& found) {
  v1::JobCurves message;
  message.set_run_id(found.standing.key.run);
  message.set_job(found.standing.key.job);
  for (const NamedCurve& curve : found.curves.curves) Fill(curve, message.add_curves());
  for (const std::string& name : found.curves.names) message.add_names(name);
  message.set_last_step(found.curves.last_step);
  message.set_version(found.curves.version);
  message.set_unchanged(found.curves.unchanged);
  message.set_ended(found.standing.ended);
  return message;
}

std::vector<WantedCurves> WantedOf(const v1::ReadCurvesRequest& request) {
  std::vector<WantedCurves> jobs;
  for (const v1::WantedCurves& one : request.jobs()) {
    WantedCurves& wanted = jobs.emplace_back();
    wanted.job = {one.run_id(), one.job()};
    wanted.request.names = {request.names().begin(), request.names().end()};
    if (request.columns() != 0) wanted.request.columns = static_cast<size_t>(request.columns());
    wanted.request.range = {one.begin_step(), one.end_step()};
    wanted.request.version = one.version();
  }
  return jobs;
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
    return InFilesThenCore(context, backend_, [this, request, reply]() -> Result<CoreWork> {
      BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend_->reader->Open());
      const JobFilter filter = FilterOf(*request);
      BRAID_ASSIGN_OR_RETURN(
          const Page<catalog::ListedJob> page,
          PageOfJobs(filter, {request->page_size(), request->page_token()}, snapshot.get()));
      reply->set_next_page_token(page.next);
      std::map<JobKey, v1::Job*> live;
      for (const catalog::ListedJob& job : page.rows) {
        v1::Job* message = reply->add_jobs();
        if (!job.run_ended) {
          live[job.key] = message;
          continue;
        }
        BRAID_ASSIGN_OR_RETURN(auto rows, snapshot->ReadJob(job.key));
        if (!rows.has_value())
          return Internal("job " + job.key.ToString() + " left the list while it was read");
        const State state = StateOfRows(*std::move(rows));
        *message = JobMessage(*state.FindJob(job.key), state, Detail::kBasic);
      }
      return ShowLive(filter, std::move(live), reply);
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

  grpc::ServerWriteReactor<v1::JobCurves>* ReadCurves(
      Context* context, const v1::ReadCurvesRequest* request) override {
    return StreamCall<FoundCurves, v1::JobCurves>::Start(
        context, backend_, std::make_unique<CurveStream>(backend_, WantedOf(*request)),
        CurvesMessage);
  }

 private:
  // Fills in the jobs of runs that had not ended, as they are now. One that is in another state by
  // now, or was deleted, is left out.
  static CoreWork ShowLive(const JobFilter& filter, std::map<JobKey, v1::Job*> live,
                           v1::ListJobsResponse* reply) {
    return {nullptr, [filter, live = std::move(live), reply](const State& state) {
              RungsOfRuns rungs;
              for (const auto& [key, message] : live) {
                const JobRecord* job = state.FindJob(key);
                if (job != nullptr && IsIn(filter, *job))
                  *message = JobMessage(*job, state, Detail::kBasic, rungs);
              }
              auto* jobs = reply->mutable_jobs();
              jobs->erase(std::remove_if(jobs->begin(), jobs->end(),
                                         [](const v1::Job& job) { return job.name().empty(); }),
                          jobs->end());
              return OkStatus();
            }};
  }

  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJobsService(Backend* backend) {
  return std::make_unique<JobsService>(backend);
}

}  // namespace braid::coordinator
