// The file that says the quotas of users and sites (docs/operating.md), read again when it changes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "base/status.h"
#include "coordinator/core/quotas.h"
#include "scheduler/quota.h"

namespace braid::coordinator {

// The quotas that the text says. kInvalidArgument with all mistakes, each as "name:line:column:
// message".
Result<scheduler::Quotas> ParseQuotas(std::string_view text, const std::string& name);

// Used by one thread.
class QuotaFile {
 public:
  explicit QuotaFile(std::string path) : path_(std::move(path)) {}

  // What came of a look at the file.
  enum class News { kNone, kRead, kRefused };
  // Reads the file if it is another one than at the last look, or has changed, and puts what it
  // says into `table`. One that cannot be read, or has mistakes, changes nothing; `why` says so,
  // once for each change.
  News Look(QuotaTable* table, Status* why);

 private:
  const std::string path_;
  // Device, inode, size, and time of the last change in ns; all zero: there is no file.
  std::tuple<uint64_t, uint64_t, int64_t, int64_t> seen_{};
  bool looked_ = false;
};

}  // namespace braid::coordinator
