#include "coordinator/bulk/log_reader.h"

#include <algorithm>
#include <utility>

#include "coordinator/bulk/bulk_names.h"

namespace braid::coordinator {
namespace {

// The last lines are looked for in the last 4 MiB only, so that a log without newlines is not read
// whole.
constexpr uint64_t kPieceBytes = 256 << 10;
constexpr uint64_t kMaxTailBytes = 4 << 20;

// Where the last `lines` lines of a log begin.
Result<uint64_t> OffsetOfTail(const AppendFiles& logs, const std::string& name, int64_t lines) {
  const uint64_t size = logs.Size(name);
  const uint64_t begin = size > kMaxTailBytes ? size - kMaxTailBytes : 0;
  BRAID_ASSIGN_OR_RETURN(const std::string text, logs.Read(name, begin, size - begin));
  size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  for (; lines > 0 && at > 0; --lines) {
    const size_t newline = text.rfind('\n', at - 1);
    if (newline == std::string::npos) return begin;
    if (lines == 1) return begin + newline + 1;
    at = newline;
  }
  return begin + at;
}

}  // namespace

Status LogReader::Begin(const JobStanding& job) {
  if (options_.epoch > job.epoch) {
    return NotFound("job " + job.key.ToString() + " has no attempt " +
                    std::to_string(options_.epoch) + " yet");
  }
  epoch_ = options_.epoch > 0 ? options_.epoch : std::max<int64_t>(job.epoch, 1);
  offset_ = static_cast<uint64_t>(std::max<int64_t>(0, options_.offset));
  if (options_.tail_lines > 0) {
    BRAID_ASSIGN_OR_RETURN(
        offset_, OffsetOfTail(*logs_, LogName({{job.key.run, job.key.job, epoch_}, options_.rank}),
                              options_.tail_lines));
  }
  return OkStatus();
}

Result<LogReader::Next> LogReader::Read(const JobStanding& job) {
  while (true) {
    BRAID_ASSIGN_OR_RETURN(std::string data,
                           logs_->Read(LogName({{job.key.run, job.key.job, epoch_}, options_.rank}),
                                       offset_, kPieceBytes));
    if (!data.empty()) {
      Next piece{State::kPiece, epoch_, static_cast<int64_t>(offset_), std::move(data)};
      offset_ += piece.data.size();
      return piece;
    }
    if (!options_.follow) return Next();
    // One attempt was asked for, or this is the newest: what follows is that nothing comes yet, or
    // no more.
    if (options_.epoch > 0 || job.epoch <= epoch_) break;
    ++epoch_;
    offset_ = 0;
  }
  const bool over = job.ended || (options_.epoch > 0 && job.epoch > epoch_);
  return Next{over ? State::kEnd : State::kNothingYet, epoch_, static_cast<int64_t>(offset_), ""};
}

}  // namespace braid::coordinator
