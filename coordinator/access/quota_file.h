// The file with the quotas of users and sites (docs/operating.md), which is read again when it
// changes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/core/quotas.h"
#include "scheduler/quota.h"

namespace braid::coordinator {

// Parses the text of the file. kInvalidArgument with all mistakes, each as "name:line:column:
// message"; also for an empty text, as a file that is being written is empty for a moment.
Result<scheduler::Quotas> ParseQuotas(std::string_view text, const std::string& name);

// Used by one thread.
class QuotaFile {
 public:
  explicit QuotaFile(std::string path) : path_(std::move(path)) {}

  // The result of Look: nothing new, a new content was read, or a new content was refused.
  enum class News { kNone, kRead, kRefused };
  // Reads the file if it is another one than at the last look, or has changed, and puts what it
  // says into `table`. One that cannot be read, or has mistakes, changes nothing; `why` says so,
  // once for each change.
  News Look(QuotaTable* table, Status* why);
  // Calls Look, and reports a change by an event and in the log. Does nothing if the path is empty.
  // Blocks until the core has taken the event, so it must not be called in the core's thread.
  void Tend(QuotaTable* table, Core* core);

 private:
  const std::string path_;
  // Device, inode, size, and times of the last changes of content and of the file in ns; all zero:
  // there is no file.
  std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t> seen_{};
  bool looked_ = false;
};

}  // namespace braid::coordinator
