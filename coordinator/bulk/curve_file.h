// The curves of a job as a file beside its metrics, "<run>/<job>/curves". It has nothing that the
// metrics have not, and may be deleted at any time: a file that is missing, of another version or
// broken is none, and the metrics are parsed again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/bulk/append_files.h"
#include "coordinator/bulk/curves.h"
#include "task/keys.h"

namespace braid::coordinator {

class CurveFile {
 public:
  // What was written. Metrics that have grown since are read on from there; nothing if the metrics
  // are shorter than they were.
  static std::optional<JobCurves> Read(const AppendFiles& files, const task::JobKey& job);
  // Replaces the file.
  static Status Write(const JobCurves& curves, const task::JobKey& job, AppendFiles* files);

  // The content, for files of this machine alone: numbers are as in its memory.
  static std::string Encode(const JobCurves& curves);
  static std::optional<JobCurves> Decode(std::string_view content);
};

}  // namespace braid::coordinator
