#include "coordinator/api/call_durations.h"

namespace braid::coordinator {

const braid::Words& WordsOf(TransferDirection) {
  static const braid::Words words = {"upload", "download"};
  return words;
}

const std::vector<double>& CallBounds() {
  static const std::vector<double> bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,   0.25,   0.5,   1,    5,     60};
  return bounds;
}

const std::vector<double>& TransferBounds() {
  static const std::vector<double> bounds = {0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3'600};
  return bounds;
}

const std::vector<double>& TransferSizeBounds() {
  static const std::vector<double> bounds = {4'096.0,         65'536.0,        1'048'576.0,
                                             16'777'216.0,    67'108'864.0,    268'435'456.0,
                                             1'073'741'824.0, 4'294'967'296.0, 17'179'869'184.0};
  return bounds;
}

void CallDurations::AddCall(const std::string& method, StatusCode code, double seconds) {
  MutexLock lock(mutex_);
  totals_.calls.try_emplace({method, code}, CallBounds()).first->second.Observe(seconds);
}

void CallDurations::AddTransfer(TransferDirection direction, double seconds, uint64_t bytes) {
  MutexLock lock(mutex_);
  totals_.transfers.try_emplace(direction, TransferBounds()).first->second.Observe(seconds);
  totals_.transferred.try_emplace(direction, TransferSizeBounds())
      .first->second.Observe(static_cast<double>(bytes));
}

CallDurations::Totals CallDurations::totals() const {
  MutexLock lock(mutex_);
  Totals totals = totals_;
  // There from the start: a series that begins with its first value has no rate for it.
  for (const auto direction : {TransferDirection::kUpload, TransferDirection::kDownload}) {
    totals.transfers.try_emplace(direction, TransferBounds());
    totals.transferred.try_emplace(direction, TransferSizeBounds());
  }
  return totals;
}

}  // namespace braid::coordinator
