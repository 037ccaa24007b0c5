#include "trace/exporter.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/excerpt.h"
#include "trace/otlp.h"
#include "trace/post.h"

namespace braid::trace {
namespace {

// How long one batch is tried: by then others wait that are worth more.
constexpr int64_t kPatienceMs = 60'000;

double Uniform() {
  thread_local std::minstd_rand dice{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(dice);
}

std::string Spans(int64_t count) {
  return std::to_string(count) + (count == 1 ? " span" : " spans");
}

std::string WhatItSaid(const Answer& answer) {
  if (answer.status == 0) return answer.text;
  return "HTTP " + std::to_string(answer.status) +
         (answer.text.empty() ? "" : ": " + Excerpt(answer.text, 300));
}

}  // namespace

Exporter::Exporter(Settings settings, const Clock* clock, Send send, Warn warn)
    : settings_(std::move(settings)),
      clock_(clock),
      send_(std::move(send)),
      warn_(std::move(warn)),
      thread_([this] { Run(); }) {}

Exporter::~Exporter() {
  {
    MutexLock lock(mutex_);
    over_ms_ = clock_->MonotonicMs() + settings_.flush_ms;
    changed_.NotifyAll();
  }
  thread_.join();
  MutexLock lock(mutex_);
  counters_.dropped += static_cast<int64_t>(queue_.size());
  if (counters_.dropped > 0)
    warn_(Spans(counters_.dropped) + " did not reach the collector of traces at " +
          ShownUrl(settings_.url));
}

void Exporter::Add(Span span) {
  if (!span.context.valid() ||
      !IsSampled(settings_.sampler, span.context.trace_id, span.context.sampled))
    return;
  MutexLock lock(mutex_);
  if (queue_.size() >= settings_.queue) {
    ++counters_.dropped;
    return;
  }
  queue_.push_back(std::move(span));
  if (queue_.size() == 1 || queue_.size() == settings_.batch) changed_.NotifyAll();
}

SpanCounters Exporter::counters() {
  MutexLock lock(mutex_);
  return counters_;
}

void Exporter::Run() {
  for (std::vector<Span> batch = TakeBatch(); !batch.empty(); batch = TakeBatch()) Deliver(batch);
}

std::vector<Span> Exporter::TakeBatch() {
  MutexLock lock(mutex_);
  while (queue_.empty() && over_ms_ == 0) changed_.Wait(mutex_);
  const int64_t until_ms = clock_->MonotonicMs() + settings_.delay_ms;
  while (queue_.size() < settings_.batch && over_ms_ == 0) {
    const int64_t left_ms = until_ms - clock_->MonotonicMs();
    if (left_ms <= 0) break;
    changed_.WaitFor(mutex_, left_ms);
  }
  if (over_ms_ != 0 && clock_->MonotonicMs() >= over_ms_) return {};
  std::vector<Span> batch;
  while (!queue_.empty() && batch.size() < settings_.batch) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void Exporter::Deliver(const std::vector<Span>& batch) {
  const std::string body = EncodeSpans(settings_.resource, batch);
  const auto count = static_cast<int64_t>(batch.size());
  const int64_t until_ms = clock_->MonotonicMs() + kPatienceMs;
  for (int tries = 1;; ++tries) {
    const Answer answer = send_(body, [this] { return IsOver(); });
    const Verdict verdict = VerdictOf(answer);
    if (verdict == Verdict::kDelivered) {
      const Rejected rejected = RejectedBy(answer);
      const int64_t lost = std::min(rejected.spans, count);
      Count(count - lost, lost);
      return Complain(lost == 0 ? "" : "it rejected spans: " + rejected.why);
    }
    Complain(WhatItSaid(answer));
    const int64_t pause_ms = PauseMs(tries, answer, Uniform());
    const bool again = verdict == Verdict::kFailed && clock_->MonotonicMs() + pause_ms < until_ms &&
                       Pause(pause_ms);
    if (again) continue;
    Count(0, count);
    // Who asks for a longer pause than a batch is worth gets it before the next batch.
    if (verdict == Verdict::kFailed && answer.retry_after_ms > 0) Pause(pause_ms);
    return;
  }
}

bool Exporter::Pause(int64_t ms) {
  const int64_t until_ms = clock_->MonotonicMs() + ms;
  MutexLock lock(mutex_);
  for (int64_t left_ms = ms; left_ms > 0; left_ms = until_ms - clock_->MonotonicMs()) {
    if (over_ms_ != 0 && until_ms >= over_ms_) return false;
    changed_.WaitFor(mutex_, left_ms);
  }
  return true;
}

bool Exporter::IsOver() {
  MutexLock lock(mutex_);
  return over_ms_ != 0 && clock_->MonotonicMs() >= over_ms_;
}

void Exporter::Count(int64_t sent, int64_t dropped) {
  MutexLock lock(mutex_);
  counters_.sent += sent;
  counters_.dropped += dropped;
}

void Exporter::Complain(const std::string& trouble) {
  if (trouble == trouble_) return;
  if (trouble.empty()) {
    warn_("the collector of traces at " + ShownUrl(settings_.url) + " takes spans again; " +
          Spans(counters().dropped) + " did not reach it");
  } else if (trouble_.empty()) {
    warn_("the collector of traces at " + ShownUrl(settings_.url) + ": " + trouble);
  }
  trouble_ = trouble;
}

std::unique_ptr<Exporter> MakeExporter(const Settings& settings, Warn warn) {
  for (const std::string& warning : settings.warnings) warn(warning);
  if (settings.url.empty()) return nullptr;
  return std::make_unique<Exporter>(
      settings, &SystemClock(),
      [settings](const std::string& body, const std::function<bool()>& give_up) {
        return Post(settings, body, give_up);
      },
      std::move(warn));
}

}  // namespace braid::trace
