#include "cli/shared/run_logs.h"

#include <algorithm>

#include "base/text.h"

namespace braid::cli {
namespace {

bool HasEnded(const v1::Job& job) {
  return job.state() >= v1::JOB_SUCCEEDED;
}

// 0: none yet.
int64_t NewestAttempt(const v1::Job& job) {
  return job.attempts_size() == 0 ? 0 : job.attempts().rbegin()->epoch();
}

bool IsNamed(const std::vector<std::string>& names, const std::string& job) {
  return names.empty() || std::find(names.begin(), names.end(), job) != names.end();
}

}  // namespace

Status CheckLogOptions(const v1::Run& run, const RunLogOptions& options) {
  std::vector<std::string> known;
  int32_t most_ranks = 1;
  int64_t newest = 0;
  for (const v1::Job& job : run.jobs()) {
    known.push_back(job.name());
    if (!IsNamed(options.jobs, job.name())) continue;
    most_ranks = std::max(most_ranks, job.ranks());
    newest = std::max(newest, NewestAttempt(job));
  }
  for (const std::string& job : options.jobs) {
    if (IsNamed(known, job)) continue;
    const std::string near = NearestWord(job, known);
    return NotFound("run " + run.id() + " has no job \"" + job + "\"" + "; " +
                    (near.empty() ? "" : "did you mean " + near + "? ") + "braid list jobs " +
                    run.id() + " has all");
  }
  if (options.rank >= most_ranks) {
    return NotFound("--rank " + std::to_string(options.rank) + ": the most ranks that " +
                    (options.jobs.empty() ? "a job of the run has" : "one of these jobs has") +
                    " are " + std::to_string(most_ranks) + ", and the first is rank 0");
  }
  if (options.attempt > newest) {
    return NotFound("--attempt " + std::to_string(options.attempt) + ": the newest attempt is " +
                    std::to_string(newest) + "; without --attempt the newest is shown");
  }
  return OkStatus();
}

bool RunLogs::Chosen(const v1::Job& job) const {
  return IsNamed(options_.jobs, job.name()) && (options_.rank == 0 || job.ranks() > options_.rank);
}

Status RunLogs::ReadOn(const v1::Job& job, Place* place, std::vector<LogLine>* lines) {
  v1::ReadLogRequest request;
  request.set_run_id(job.run_id());
  request.set_job(job.name());
  request.set_epoch(place->attempt);
  request.set_rank(options_.rank);
  RatePatience patience;
  while (true) {
    request.set_offset(place->offset);
    request.set_tail_lines(first_ && place->offset == 0 ? options_.tail : 0);
    grpc::ClientContext context;
    const auto reader = client_.jobs()->ReadLog(&context, request);
    v1::LogChunk chunk;
    while (reader->Read(&chunk)) {
      place->cutter.Add(chunk.epoch(), chunk.offset(), chunk.data(), lines);
      place->offset = chunk.offset() + static_cast<int64_t>(chunk.data().size());
    }
    const Status status = client_.StatusOf(reader->Finish());
    if (status.ok() || !patience.Wait(status)) return status;
  }
}

Status RunLogs::ReadJob(const v1::Job& job, Place* place, std::vector<LogLine>* lines) {
  const int64_t newest = NewestAttempt(job);
  if (place->attempt == 0) place->attempt = options_.attempt > 0 ? options_.attempt : newest;
  if (newest == 0 || place->attempt > newest) {
    place->over = HasEnded(job);
    if (options_.attempt == 0) place->attempt = 0;
    return OkStatus();
  }
  while (true) {
    BRAID_RETURN_IF_ERROR(ReadOn(job, place, lines));
    if (options_.attempt > 0 || newest <= place->attempt) break;
    place->cutter.End(lines);
    ++place->attempt;
    place->offset = 0;
  }
  place->over = HasEnded(job) || newest > place->attempt;
  if (place->over) place->cutter.End(lines);
  return OkStatus();
}

Status RunLogs::Read(const v1::Run& run, std::vector<LogLine>* lines) {
  bool over = true;
  for (const v1::Job& job : run.jobs()) {
    if (!Chosen(job)) continue;
    Place& place = places_.try_emplace(job.name(), job.name()).first->second;
    if (!place.over) BRAID_RETURN_IF_ERROR(ReadJob(job, &place, lines));
    over = over && place.over;
  }
  over_ = over;
  first_ = false;
  return OkStatus();
}

}  // namespace braid::cli
