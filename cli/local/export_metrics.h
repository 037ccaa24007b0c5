// The metrics of a run as files for other tools.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/client/client.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// The formats of the files.
enum class MetricFormat { kCsv, kTensorboard };

// Writes FOLDER/JOB.csv, or an event file in FOLDER/JOB, for each training of the run that has
// begun; with `follow` until the run has ended, with trainings that begin later. Returns the files.
// kFailedPrecondition if no training has begun, and it does not follow.
Result<std::vector<std::string>> ExportMetrics(const Globals& globals, const std::string& run,
                                               MetricFormat format, const std::string& folder,
                                               bool follow);

}  // namespace braid::cli
