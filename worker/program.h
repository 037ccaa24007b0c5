// A task program: started, heard line by line, told what to do, stopped (docs/tasks.md, events and
// controls).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/process.h"
#include "base/status.h"

namespace braid::worker {

// A member of a line of a task program, which is not trusted to say what its protocol asks: one of
// another type (null for a rate that is no number) counts as absent.
template <typename T>
T ValueOr(const Json& object, const char* name, const T& otherwise) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end() || found->type() == Json::value_t::null) return otherwise;
  if constexpr (std::is_same_v<T, Json>) return found->is_object() ? *found : otherwise;
  if constexpr (std::is_same_v<T, bool>) return found->is_boolean() ? found->get<T>() : otherwise;
  if constexpr (std::is_arithmetic_v<T>) return found->is_number() ? found->get<T>() : otherwise;
  if constexpr (std::is_same_v<T, std::string>)
    return found->is_string() ? found->get<T>() : otherwise;
  return otherwise;
}
inline std::string ValueOr(const Json& object, const char* name, const char* otherwise) {
  return ValueOr(object, name, std::string(otherwise));
}

class Program {
 public:
  // Hears every event, an object, with its kind; called by the thread that is in Serve().
  using Hear = std::function<void(const std::string& kind, const Json& event)>;

  explicit Program(Hear hear);

  // The program dies with the thread that starts it. The file `mark` names the process for
  // KillMarked.
  Status Start(const ProcessOptions& options, const std::string& mark);
  // Returns when the program has ended and everything it said was heard. Called by the thread that
  // started it.
  void Serve();
  // After Serve().
  const ProcessExit& exit() const { return process_->exit(); }
  // It was told to stop before it ended.
  bool stopped() const { return stop_sent_; }

  // From any thread, also before Start():
  // Sends one control line; nothing if the program listens no more.
  void Control(const Json& control);
  // Tells it to end within `deadline_ms`, and kills it then.
  void Stop(int64_t deadline_ms);
  void Kill();
  bool stop_asked() const { return stop_asked_.load(); }

 private:
  void Wake();
  void Obey();
  void ReadLines();
  void HearLine(std::string_view line);

  const Hear hear_;
  std::unique_ptr<Process> process_;
  UniqueFd wake_;
  std::string lines_;  // the beginning of a line whose end has not come yet
  bool stop_sent_ = false;
  std::atomic<bool> stop_asked_{false};
  std::atomic<bool> kill_asked_{false};
  std::atomic<int64_t> stop_deadline_ms_{0};  // monotonic
  Mutex socket_mutex_;                        // the socket may close while another thread sends
};

// Kills the process group that a mark names, if it is that process still: of a worker that was
// killed and has started again.
void KillMarked(const std::string& mark);

}  // namespace braid::worker
