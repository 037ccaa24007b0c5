#include "coordinator/api/event_log.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "coordinator/core/spans.h"

namespace braid::coordinator {
namespace {

constexpr int64_t kLinesAtOnce = 500;

}  // namespace

LogSubject SubjectOf(const catalog::EventRecord& event, const RunRecord* run,
                     const trace::Sampler& sampler) {
  LogSubject subject{event.run, event.job, event.epoch > 0 ? event.epoch : -1};
  if (run == nullptr) return subject;
  trace::Context span = SpanOfRun(*run, sampler);
  if (!event.job.empty()) span = SpanOfJob({event.run, event.job}, *run, sampler);
  if (event.epoch > 0) span = SpanOfAttempt({event.run, event.job, event.epoch}, *run, sampler);
  subject.trace_id = span.trace_id;
  subject.span_id = span.span_id;
  return subject;
}

std::string LogTextOf(const catalog::EventRecord& event) {
  std::string text = event.kind;
  if (!event.worker.empty()) text += ", worker " + event.worker;
  if (!event.detail.empty()) text += ": " + event.detail;
  return text;
}

EventLog::EventLog(catalog::Store* store, Core* core)
    : store_(store), core_(core), seq_(core->durable_seq()) {
  subscription_ = core->events().Subscribe(Core::kAllEvents, [bell = bell_] {
    MutexLock lock(bell->mutex);
    bell->news = true;
    bell->changed.NotifyAll();
  });
  thread_ = std::thread([this] { Run(); });
}

EventLog::~EventLog() {
  {
    MutexLock lock(bell_->mutex);
    bell_->stop = true;
    bell_->changed.NotifyAll();
  }
  thread_.join();
}

void EventLog::Run() {
  bool stop = false;
  while (!stop) {
    {
      MutexLock lock(bell_->mutex);
      while (!bell_->news && !bell_->stop) bell_->changed.Wait(bell_->mutex);
      bell_->news = false;
      stop = bell_->stop;
    }
    LogNew();
  }
}

void EventLog::LogNew() {
  while (true) {
    const auto events = store_->ReadEvents({seq_, "", kLinesAtOnce, false});
    // They are read at the next event: the log must not be a reason to stop.
    if (!events.ok() || events->empty()) return;
    std::map<std::string, std::optional<RunRecord>> runs;
    for (const catalog::EventRecord& event : *events) runs[event.run];
    (void)core_->Query([&](const State& state) {
      for (auto& [id, run] : runs) {
        if (const RunRecord* found = id.empty() ? nullptr : state.FindRun(id)) run = *found;
      }
    });
    for (const catalog::EventRecord& event : *events) {
      const std::optional<RunRecord>& run = runs.at(event.run);
      Log(LogLevel::kInfo, "coordinator", LogTextOf(event),
          SubjectOf(event, run.has_value() ? &*run : nullptr, core_->options().sampler));
      seq_ = event.seq;
    }
  }
}

}  // namespace braid::coordinator
