#include "alert/dispatcher.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace braid::alert {
namespace {

// Pauses between attempts double from a second, at which a receiver that restarts is soon back, to
// five minutes, so that one that is away for hours is not flooded. Errors of reading events are
// retried at a fixed pace, since they are local.
constexpr int64_t kFirstPauseMs = 1'000;
constexpr int64_t kLongestPauseMs = 300'000;
constexpr int64_t kReadAgainMs = 5'000;
// The number of events without an alert after which the journal is written: so many are read again
// after a restart at most.
constexpr int64_t kEventsBetweenNotes = 1'000;

}  // namespace

Dispatcher::Dispatcher(std::vector<Channel> channels, Journal* journal, ReadAfter read,
                       const Clock* clock)
    : journal_(journal), read_(std::move(read)), clock_(clock) {
  for (Channel& channel : channels) {
    lines_.push_back(std::make_unique<Line>());
    lines_.back()->channel = std::move(channel);
  }
  for (const auto& line : lines_)
    line->thread = std::thread([this, one = line.get()] { Run(one); });
}

Dispatcher::~Dispatcher() {
  Stop();
  for (const auto& line : lines_) line->thread.join();
}

void Dispatcher::Stop() {
  MutexLock lock(mutex_);
  stop_ = true;
  changed_.NotifyAll();
}

void Dispatcher::Wake() {
  MutexLock lock(mutex_);
  ++news_;
  changed_.NotifyAll();
}

std::vector<ChannelState> Dispatcher::Channels() {
  std::vector<ChannelState> states;
  for (const auto& line : lines_) {
    const Channel& channel = line->channel;
    const Progress progress = journal_->Of(channel.name);
    ChannelState& state = states.emplace_back();
    state.name = channel.name;
    state.kind = NameOf(channel.kind);
    state.to = channel.To();
    for (const Kind kind : channel.on) state.on.push_back(NameOf(kind));
    state.sent = progress.sent;
    state.dropped = progress.dropped;
    state.seq = progress.seq;
    state.last_sent_ms = progress.last_sent_ms;
    MutexLock lock(mutex_);
    state.trouble = line->trouble;
  }
  return states;
}

Result<Outcome> Dispatcher::SendNow(const std::string& channel, const Alert& alert) {
  std::vector<std::string> names;
  for (const auto& line : lines_) {
    if (line->channel.name == channel) return Send(line->channel, alert, stop_);
    names.push_back(line->channel.name);
  }
  return NotFound("there is no channel \"" + channel + "\" for alerts; there are " +
                  Join(names, ", "));
}

void Dispatcher::Run(Line* line) {
  Progress progress = journal_->Of(line->channel.name);
  int64_t noted = progress.seq;
  int64_t seen = 0;
  std::string complaint;
  while (!stop_) {
    const Result<std::vector<Found>> found = read_(progress.seq);
    if (!found.ok()) {
      // The same error is logged once, not every few seconds.
      if (std::exchange(complaint, found.status().message()) != found.status().message() && !stop_)
        Log(LogLevel::kWarning, "coordinator", "alerts: reading events: " + complaint);
      if (!Pause(kReadAgainMs)) return;
      continue;
    }
    complaint.clear();
    for (const Found& one : *found) {
      const bool wanted = one.alert.has_value() && line->channel.Wants(*one.alert);
      if (wanted && !Deliver(line, *one.alert, &progress)) return;
      progress.seq = one.seq;
      // A delivered alert must be noted at once, or a restart would send it again. For other events
      // a rare note suffices: they are only read again.
      if (!wanted && progress.seq < noted + kEventsBetweenNotes) continue;
      Note(*line, progress);
      noted = progress.seq;
    }
    if (found->empty() && !WaitForNews(&seen)) return;
  }
}

bool Dispatcher::Deliver(Line* line, const Alert& alert, Progress* progress) {
  const std::string what = "alert " + alert.id + " (" + alert.title + ") by channel " +
                           line->channel.name;
  std::string answer;
  for (int64_t pause_ms = kFirstPauseMs;; pause_ms = std::min(2 * pause_ms, kLongestPauseMs)) {
    // By the wall clock, since the age counts across restarts.
    if (clock_->WallMs() - alert.time_ms > line->channel.keep_ms) {
      Log(LogLevel::kError, "coordinator",
          what + ": given up after " +
              FormatDuration(static_cast<double>(line->channel.keep_ms) / 1000) +
              (answer.empty() ? "" : ": " + answer));
      break;
    }
    const Outcome outcome = Send(line->channel, alert, stop_);
    if (outcome.verdict == Verdict::kDelivered) {
      SetTrouble(line, "");
      ++progress->sent;
      progress->last_sent_ms = clock_->WallMs();
      return true;
    }
    if (stop_) return false;
    if (outcome.verdict == Verdict::kRefused) {
      Log(LogLevel::kError, "coordinator", what + ": refused, and given up: " + outcome.answer);
      break;
    }
    if (std::exchange(answer, outcome.answer) != outcome.answer)
      Log(LogLevel::kWarning, "coordinator",
          what + ": not delivered, and tried again: " + outcome.answer);
    SetTrouble(line, outcome.answer);
    if (!Pause(std::max(pause_ms, outcome.retry_after_ms))) return false;
  }
  SetTrouble(line, "");
  ++progress->dropped;
  return true;
}

void Dispatcher::Note(const Line& line, const Progress& progress) {
  const Status status = journal_->Note(line.channel.name, progress);
  if (!status.ok())
    Log(LogLevel::kError, "coordinator",
        "alerts: what was sent could not be written down, and may be sent again after a restart: " +
            status.message());
}

bool Dispatcher::Pause(int64_t ms) {
  const int64_t end_ms = clock_->MonotonicMs() + ms;
  MutexLock lock(mutex_);
  for (int64_t left = ms; !stop_ && left > 0; left = end_ms - clock_->MonotonicMs())
    changed_.WaitFor(mutex_, left);
  return !stop_;
}

bool Dispatcher::WaitForNews(int64_t* seen) {
  MutexLock lock(mutex_);
  while (!stop_ && news_ == *seen) changed_.Wait(mutex_);
  *seen = news_;
  return !stop_;
}

void Dispatcher::SetTrouble(Line* line, const std::string& trouble) {
  MutexLock lock(mutex_);
  line->trouble = trouble;
}

}  // namespace braid::alert
