#include "cli/local/child.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

namespace braid::cli {
namespace {

// A program that ran for ten seconds has passed its start: its next end is a new failure, and the
// pauses begin anew.
constexpr int64_t kHealthyMs = 10'000;
constexpr int64_t kMaxBackoffMs = 5'000;
constexpr int64_t kFolderFreeMs = 10'000;  // a program that was killed may hold its folder for a
                                           // moment
// Exit codes of the programs: they cannot begin, their words are not understood, their folder is in
// use.
constexpr int kCannotStart = 78, kNotUnderstood = 2, kInUse = 5;

// What a program wrote last to its log behind `offset`, without the time and name in front.
std::string LastLine(const std::string& log, uint64_t offset) {
  // The end of the log in which the last message is looked for.
  constexpr uint64_t kTail = 64 << 10;
  const Result<uint64_t> size = FileSize(log);
  UniqueFd fd(open(log.c_str(), O_RDONLY | O_CLOEXEC));
  if (!size.ok() || !fd.valid() || *size <= offset) return "it wrote nothing to " + log;
  const uint64_t begin = std::max(offset, *size > kTail ? *size - kTail : 0);
  std::string text(*size - begin, '\0');
  if (!ReadAt(fd.get(), begin, text.data(), text.size(), log).ok()) return "see " + log;
  const std::string_view trimmed = Trim(text);
  const size_t line_begin = trimmed.rfind('\n');
  const std::string_view line = line_begin == std::string_view::npos
                                    ? trimmed
                                    : trimmed.substr(line_begin + 1);
  // "2026-03-01T12:00:00.123Z E coordinator: message"
  const size_t message = line.find(": ");
  const bool stamped = line.size() > 24 && line[10] == 'T' && line[23] == 'Z' &&
                       message != std::string_view::npos;
  return std::string(stamped ? line.substr(message + 2) : line);
}

}  // namespace

Status Child::Tend() {
  const int64_t now = SystemClock().MonotonicMs();
  if (process_ != nullptr && now - started_ms_ > kHealthyMs) ran_ = true;
  if (process_ != nullptr && process_->Wait(0)) BRAID_RETURN_IF_ERROR(Ended(now));
  if (process_ != nullptr || now < not_before_ms_) return OkStatus();
  options_ = make_options_(failures_);
  const Result<uint64_t> log_size = FileSize(options_.output);
  log_offset_ = log_size.ok() ? *log_size : 0;
  Result<std::unique_ptr<Process>> process = Process::Start(options_);
  if (!process.ok()) {
    if (!ran_) return process.status().Wrap(name_ + " cannot start");
    // Too many processes, or no memory, for now: what runs beside it goes on.
    std::fprintf(stderr, "braid up: %s cannot be started (%s), trying again in %lld ms\n",
                 name_.c_str(), process.status().message().c_str(), (long long)backoff_ms_);
    Later(now);
    return OkStatus();
  }
  process_ = *std::move(process);
  started_ms_ = now;
  if (first_start_ms_ == 0) first_start_ms_ = now;
  return OkStatus();
}

void Child::Stop(int64_t deadline_ms) {
  if (process_ == nullptr) return;
  kill(process_->pid(), SIGTERM);
  if (!process_->Wait(deadline_ms)) process_->Signal(SIGKILL);
  process_->Wait(-1);
}

void Child::Ask() {
  if (process_ != nullptr) kill(process_->pid(), SIGTERM);
}

Status Child::Ended(int64_t now) {
  const ProcessExit exit = process_->exit();
  process_.reset();
  const bool cannot = exit.signal == 0 &&
                      (exit.code == kCannotStart || exit.code == kNotUnderstood ||
                       (exit.code == kInUse && now - first_start_ms_ > kFolderFreeMs));
  const std::string last = LastLine(options_.output, log_offset_);
  if (cannot && !ran_)
    return Internal(name_ + " cannot start: " + last + " (its log: " + options_.output + ")");
  // A program that has run is started again whatever it ends with; one that never could ends `braid
  // up`.
  if (!cannot && exit.code != kInUse) ran_ = true;
  if (now - started_ms_ > kHealthyMs) backoff_ms_ = 200, failures_ = 0;
  std::fprintf(stderr,
               "braid up: %s ended (%s %d), starting it again in %lld ms; its log: %s; its last "
               "line: %s\n",
               name_.c_str(), exit.signal != 0 ? "signal" : "code",
               exit.signal != 0 ? exit.signal : exit.code, (long long)backoff_ms_,
               options_.output.c_str(), last.c_str());
  Later(now);
  return OkStatus();
}

void Child::Later(int64_t now) {
  ++failures_;
  not_before_ms_ = now + backoff_ms_;
  backoff_ms_ = std::min(kMaxBackoffMs, backoff_ms_ * 2);
}

}  // namespace braid::cli
