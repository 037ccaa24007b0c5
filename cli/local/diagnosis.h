// The findings of braid doctor, and the rules by which single facts are judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"

namespace braid::cli {

// The severity: an error keeps something from working now, a warning may do so later.
enum class Verdict { kOk, kWarning, kError };
// "ok", "warning", "error".
const braid::Words& WordsOf(Verdict);

// The result of one check.
struct Diagnosis {
  Verdict verdict = Verdict::kOk;
  std::string subject;  // "state folder"
  std::string found;    // one line for people
  std::string advice;   // what to do; empty if nothing has to be done
};

// "12 ms", "3.4 s".
std::string ShortTime(int64_t ms);

// Who could read a file or folder besides its user, by the bits of its mode: "its group and all
// others"; empty if nobody.
std::string OthersIn(uint32_t mode);

// Free space on the file system that holds `what` ("the state folder .braid").
Diagnosis JudgeDisk(const std::string& what, uint64_t free_bytes);
// The clock of the coordinator less that of this machine, and how wrong that may be because of the
// time that the question took.
Diagnosis JudgeClock(int64_t ahead_ms, int64_t doubt_ms);
// The end of a server's certificate, at the wall clock `now_ms`.
Diagnosis JudgeCertificate(const std::string& what, int64_t ends_ms, int64_t now_ms);
// The version of a program that this one works with.
Diagnosis JudgeVersion(const std::string& what, std::string_view version, std::string_view ours);
// Variables of the environment, "NAME=value": those that braid's programs read, and those whose
// names differ from these by a typing error.
Diagnosis JudgeEnvironment(const std::vector<std::string>& variables);

}  // namespace braid::cli
