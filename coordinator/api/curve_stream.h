// The curves of many jobs, one after another (ReadCurves of the API). The core's loop has no part
// in it: which attempts a job has is read from the catalog's file, at one moment.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "coordinator/api/streams.h"
#include "coordinator/bulk/curves.h"

namespace braid::coordinator {

// A job whose curves are asked for.
struct WantedCurves {
  catalog::JobKey job;
  CurveRequest request;
};

// The curves of one job.
struct FoundCurves {
  JobStanding standing;
  CurvesOfJob curves;
};

// Jobs that do not exist are left out.
class CurveStream final : public Stream<FoundCurves> {
 public:
  static constexpr size_t kMostJobs = 4000;
  static constexpr size_t kMostColumns = 4096;
  CurveStream(Backend* backend, std::vector<WantedCurves> jobs)
      : backend_(backend), jobs_(std::move(jobs)) {}
  // kInvalidArgument if too many jobs or impossible columns are asked for.
  Status Look(const State& state) override;
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake) override {
    return {};
  }
  Result<StreamState> Next(FoundCurves* piece) override;

 private:
  Status ReadStandings();

  Backend* const backend_;
  std::vector<WantedCurves> jobs_;  // once `looked_`, those that exist
  std::vector<JobStanding> standings_;
  bool looked_ = false;
  size_t sent_ = 0;
};

}  // namespace braid::coordinator
