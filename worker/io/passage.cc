#include "worker/io/passage.h"

#include "base/excerpt.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/bucket/answers.h"

namespace braid::worker {
namespace {

constexpr char kName[] = "worker";  // in lines of the log

}  // namespace

bool Passage::IsOpen() const {
  MutexLock lock(mutex_);
  return options_.clock->MonotonicMs() >= closed_until_ms_;
}

void Passage::Close(const std::string& why) {
  MutexLock lock(mutex_);
  closed_until_ms_ = options_.clock->MonotonicMs() + options_.closed_ms;
  if (said_) return;
  said_ = true;
  Log(LogLevel::kWarning, kName,
      options_.blocked + ": " + why + "; this is tried again every " +
          FormatDuration(static_cast<double>(options_.closed_ms) / 1000));
}

void Passage::Worked() {
  MutexLock lock(mutex_);
  closed_until_ms_ = 0;
  if (!said_) return;
  said_ = false;
  Log(LogLevel::kInfo, kName, options_.again);
}

std::string WhyRefused(const storage::HttpAnswer& answer) {
  const std::string code = storage::Element(answer.body, "Code");
  return "HTTP " + std::to_string(answer.status) + (code.empty() ? "" : " " + Excerpt(code, 60));
}

}  // namespace braid::worker
