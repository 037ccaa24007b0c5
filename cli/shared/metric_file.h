// The metrics of one training as a file that other tools read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/status.h"

namespace braid::cli {

// Values by the name of the metric.
using MetricValues = std::map<std::string, double>;

// A file that grows. Used by one thread.
class MetricFile {
 public:
  virtual ~MetricFile() = default;
  // Adds the values of one step. REQUIRES: steps rise.
  virtual Status Add(int64_t step, const MetricValues& values) = 0;
  // Writes all added values, so that a reader sees a complete file.
  virtual Status Flush() = 0;
  // The path of the file.
  const std::string& path() const { return path_; }

 protected:
  explicit MetricFile(std::string path) : path_(std::move(path)) {}

 private:
  const std::string path_;
};

// A table (RFC 4180): the column step and one for each metric, in the order of their names, empty
// where it was not measured. Numbers read back as the same bits. A file that is there is replaced.
// When a metric appears for the first time, the file is written anew with its column.
Result<std::unique_ptr<MetricFile>> MakeCsvFile(const std::string& path);

// An event file of TensorBoard in the folder `folder`, which is made: a scalar for each metric, at
// the steps of the training. kAlreadyExists if there is an event file in it, whose curves would be
// drawn over these. The time of a step is not known; events have the time at which they are
// written.
Result<std::unique_ptr<MetricFile>> MakeEventFile(const std::string& folder);

// CRC-32C (Castagnoli) of the bytes.
uint32_t Crc32c(std::string_view bytes);

}  // namespace braid::cli
