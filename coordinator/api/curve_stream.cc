#include "coordinator/api/curve_stream.h"

#include <utility>

namespace braid::coordinator {

Status CurveStream::Look(const State& /*state*/) {
  if (jobs_.size() > kMostJobs)
    return InvalidArgument("the curves of at most " + std::to_string(kMostJobs) +
                           " jobs are read in one call, not of " + std::to_string(jobs_.size()));
  for (const WantedCurves& wanted : jobs_) {
    if (wanted.request.columns < 1 || wanted.request.columns > kMostColumns)
      return InvalidArgument("columns is a number from 1 to " + std::to_string(kMostColumns));
  }
  return OkStatus();
}

// All at once, so that the snapshot, behind which the catalog's log grows, is soon let go.
Status CurveStream::ReadStandings() {
  BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend_->reader->Open());
  std::vector<WantedCurves> found;
  for (WantedCurves& wanted : jobs_) {
    BRAID_ASSIGN_OR_RETURN(const auto rows, snapshot->ReadJob(wanted.job));
    if (!rows.has_value()) continue;
    const JobRecord& job = rows->jobs.front();
    standings_.push_back({job.key, job.epoch, Ended(job.state)});
    found.push_back(std::move(wanted));
  }
  jobs_ = std::move(found);
  return OkStatus();
}

Result<StreamState> CurveStream::Next(FoundCurves* piece) {
  if (!std::exchange(looked_, true)) BRAID_RETURN_IF_ERROR(ReadStandings());
  if (sent_ == jobs_.size()) return StreamState::kEnd;
  const size_t at = sent_++;
  BRAID_ASSIGN_OR_RETURN(CurvesOfJob curves,
                         backend_->curves->Read(standings_[at], jobs_[at].request));
  *piece = {standings_[at], std::move(curves)};
  return StreamState::kPiece;
}

}  // namespace braid::coordinator
