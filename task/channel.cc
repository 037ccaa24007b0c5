#include "task/channel.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "trace/context.h"

namespace braid::task {
namespace {

// Fast trainings make hundreds of steps a second, of which people need to see a few.
constexpr int64_t kProgressEveryMs = 250;
// Control messages are short. A longer line means that the stream is broken, as after a lost
// worker.
constexpr size_t kMaxLine = size_t{1} << 20;

// Until a program says what it does: it reads its inputs.
constexpr char kFirstPhase[] = "loading";

// Set by the signal handler, hence global and lock-free.
std::atomic<bool> g_stop{false};
std::atomic<bool> g_checkpoint{false};
void OnCheckpoint(int) {
  g_checkpoint.store(true);
}
void OnTerminate(int) {
  g_stop.store(true);
}

// The events, which both channels share. They differ in where a line goes and where keys come from.
class EventWriter : public Channel {
 public:
  explicit EventWriter(const Task& task)
      : scope_(task.job),
        traced_(trace::ParseTraceparent(task.traceparent).value_or(trace::Context()).sampled) {}

  void Started() override {
    Emit({{"event", "started"}, {"pid", getpid()}});
    BeginPhase(kFirstPhase);
  }

  void BeginPhase(std::string_view phase) override {
    if (!traced_) return;
    const int64_t now = SystemClock().WallMs();
    std::string before;
    int64_t begun = 0;
    {
      MutexLock lock(phase_mutex_);
      if (phase == phase_) return;
      before = std::exchange(phase_, phase);
      begun = std::exchange(phase_begun_ms_, now);
    }
    if (!before.empty()) Span(before, begun, now, Json::object());
  }

  void Span(std::string_view name, int64_t begin_ms, int64_t end_ms,
            const Json& attributes) override {
    if (!traced_) return;
    Emit({{"event", "span"},
          {"name", name},
          {"begin_ms", begin_ms},
          {"end_ms", end_ms},
          {"attributes", attributes}});
  }

  void Progress(std::string_view phase, std::string_view unit, int64_t done, int64_t total,
                double tokens_per_s, double eta_s) override {
    BeginPhase(phase);
    {
      const int64_t now = SystemClock().MonotonicMs();
      MutexLock lock(progress_mutex_);
      // Programs report each step; the limit keeps the socket and the coordinator from being
      // flooded.
      if (done < total && phase == last_phase_ && now - last_progress_ms_ < kProgressEveryMs)
        return;
      last_progress_ms_ = now;
      last_phase_ = phase;
    }
    Json line = {
        {"event", "progress"}, {"phase", phase}, {"unit", unit}, {"done", done}, {"total", total}};
    if (tokens_per_s >= 0) line["tokens_per_s"] = tokens_per_s;
    if (eta_s >= 0) line["eta_s"] = eta_s;
    Emit(line);
  }

  void Metric(int64_t step, const Json& values) override {
    Emit({{"event", "metric"}, {"step", step}, {"values", values}});
  }
  void Checkpoint(int64_t step, const std::string& folder, const Json& metadata) override {
    Emit({{"event", "checkpoint"}, {"step", step}, {"folder", folder}, {"metadata", metadata}});
  }
  void AddOutput(const std::string& role, ArtifactKind kind, const std::string& folder,
                 const Json& metadata) override {
    outputs_[role] = {{"kind", NameOf(kind)}, {"folder", folder}, {"metadata", metadata}};
  }
  void Succeed(const Json& summary) override {
    BeginPhase("");
    Emit({{"event", "result"}, {"outputs", outputs_}, {"summary", summary}});
  }
  void Fail(FailureCategory category, const Status& status, const std::string& hint,
            bool deterministic) override {
    BeginPhase("");
    Log(LogLevel::kError, scope_,
        Excerpt(status.ToString(), kMessageBytes) + (hint.empty() ? "" : "\n  " + hint));
    Emit({{"event", "error"},
          {"category", NameOf(category)},
          {"message", Excerpt(status.message(), kMessageBytes)},
          {"hint", hint},
          {"deterministic", deterministic},
          {"reason", status.reason()}});
  }
  bool stop_requested() const override { return g_stop.load(); }
  bool TakeCheckpointRequest() override { return g_checkpoint.exchange(false); }

 protected:
  // Sends one line, which ends with a newline. Thread-safe.
  virtual void WriteLine(const std::string& line) = 0;
  void Emit(const Json& event) {
    WriteLine(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  const std::string scope_;

 private:
  Json outputs_ = Json::object();
  Mutex progress_mutex_;
  int64_t last_progress_ms_ BRAID_GUARDED_BY(progress_mutex_) = 0;
  std::string last_phase_ BRAID_GUARDED_BY(progress_mutex_);
  const bool traced_;
  Mutex phase_mutex_;
  // The phase that goes on; empty before the first and after the last one.
  std::string phase_ BRAID_GUARDED_BY(phase_mutex_);
  int64_t phase_begun_ms_ BRAID_GUARDED_BY(phase_mutex_) = 0;
};

// Without a worker: events go to standard output, keys are kept in a folder.
class StandaloneChannel final : public EventWriter {
 public:
  explicit StandaloneChannel(const Task& task)
      : EventWriter(task),
        rendezvous_(FolderRendezvous(
            task.rendezvous.empty() ? JoinPath(task.work, "rendezvous") : task.rendezvous,
            task.job + "." + std::to_string(task.generation))) {}

  int64_t stored_checkpoint() const override { return -1; }
  bool has_worker() const override { return false; }
  Rendezvous& rendezvous() override { return *rendezvous_; }

 private:
  void WriteLine(const std::string& line) override {
    MutexLock lock(mutex_);
    fwrite(line.data(), 1, line.size(), stdout);
    fflush(stdout);
  }
  Mutex mutex_;
  std::unique_ptr<Rendezvous> rendezvous_;
};

// With a worker: JSON lines both ways over a socket. The end of the stream means that the worker
// has gone; the program ends at once, so that no orphan holds the worker's slots.
class SocketChannel final : public EventWriter, public Rendezvous {
 public:
  SocketChannel(const Task& task, int fd) : EventWriter(task), fd_(fd) {
    reader_ = std::thread([this] { ReadLoop(); });
    // The thread lives as long as the program: the channel is not destroyed before exit.
    reader_.detach();
  }

  int64_t stored_checkpoint() const override { return stored_.load(); }
  bool has_worker() const override { return true; }
  Rendezvous& rendezvous() override { return *this; }

  Status Put(const std::string& key, std::string_view value) override {
    return Ask({{"op", "put"}, {"key", key}, {"value", Base64Encode(value)}}, -1).status();
  }
  Result<std::string> Get(const std::string& key, int64_t timeout_ms) override {
    return Ask({{"op", "get"}, {"key", key}, {"timeout_ms", timeout_ms}}, timeout_ms);
  }

 private:
  struct Answer {
    std::string value;
    std::string error;
  };

  Result<std::string> Ask(Json request, int64_t timeout_ms) {
    int64_t id = 0;
    {
      MutexLock lock(mutex_);
      id = ++last_id_;
    }
    request["event"] = "rendezvous";
    request["id"] = id;
    Emit(request);
    // The worker answers after timeout_ms at the latest; 5 s more for the way through the
    // coordinator. A Put has no timeout of its own: it waits while the coordinator is away.
    const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms + 5000;
    MutexLock lock(mutex_);
    while (!answers_.contains(id)) {
      const int64_t left = timeout_ms < 0 ? 60'000 : deadline - SystemClock().MonotonicMs();
      if (left <= 0)
        return DeadlineExceeded("no answer for rendezvous key " +
                                request["key"].get<std::string>());
      answered_.WaitFor(mutex_, left);
    }
    const Answer answer = std::move(answers_.extract(id).mapped());
    if (!answer.error.empty()) return Unavailable(answer.error);
    return Base64Decode(answer.value);
  }

  void WriteLine(const std::string& line) override {
    MutexLock lock(write_mutex_);
    size_t done = 0;
    while (done < line.size()) {
      const ssize_t n = send(fd_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      // The worker has gone. _exit, because exit handlers may wait for threads that wait for the
      // worker.
      if (n <= 0) _exit(1);
      done += static_cast<size_t>(n);
    }
  }

  void ReadLoop() {
    std::string buffer;
    char piece[65536];
    while (true) {
      const ssize_t n = recv(fd_, piece, sizeof piece, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) _exit(1);
      buffer.append(piece, static_cast<size_t>(n));
      size_t begin = 0;
      for (size_t end; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1) {
        Obey(std::string_view(buffer).substr(begin, end - begin));
      }
      buffer.erase(0, begin);
      // A line without an end: the stream is not what it should be, and must not fill the memory.
      if (buffer.size() > kMaxLine) _exit(1);
    }
  }

  void Obey(std::string_view line) {
    const auto parsed = ParseJson(line, "control");
    if (!parsed.ok() || !parsed->is_object())
      return Log(LogLevel::kWarning, scope_, "odd control line dropped");
    const std::string control = parsed->value("control", "");
    if (control == "stop") {
      g_stop.store(true);
    } else if (control == "checkpoint_stored") {
      stored_.store(parsed->value("step", int64_t{-1}));
    } else if (control == "rendezvous") {
      MutexLock lock(mutex_);
      answers_[parsed->value("id", int64_t{0})] = {parsed->value("value", ""),
                                                   parsed->value("error", "")};
      answered_.NotifyAll();
    }
  }

  const int fd_;
  std::thread reader_;
  std::atomic<int64_t> stored_{-1};
  Mutex write_mutex_;
  Mutex mutex_;
  CondVar answered_;
  int64_t last_id_ BRAID_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Answer> answers_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace

void Channel::BeginPhase(std::string_view) {}
void Channel::Span(std::string_view, int64_t, int64_t, const Json&) {}

Result<std::unique_ptr<Channel>> Channel::Open(const Task& task) {
  struct sigaction action{};
  action.sa_handler = OnTerminate;
  // System calls of libraries that do not expect EINTR go on after SIGTERM.
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = OnCheckpoint;
  sigaction(SIGUSR1, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const char* fd_text = std::getenv("BRAID_TASK_FD");
  if (fd_text == nullptr || *fd_text == '\0')
    return std::unique_ptr<Channel>(new StandaloneChannel(task));
  const auto fd = ParseInt(fd_text);
  int type = 0;
  socklen_t length = sizeof type;
  if (!fd.ok() || getsockopt(static_cast<int>(*fd), SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
    return InvalidArgument("BRAID_TASK_FD=" + std::string(fd_text) +
                           " is not an open socket; unset it to run by hand");
  }
  return std::unique_ptr<Channel>(new SocketChannel(task, static_cast<int>(*fd)));
}

}  // namespace braid::task
