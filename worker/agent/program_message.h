// The event lines of task programs (docs/tasks.md) as values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.h"
#include "worker/agent/values.h"

namespace braid::worker {

// One line of metrics, as it is stored: {"step": n, "time_ms": when it came (since 1970), "values":
// {...}}.
struct MetricMessage {
  std::string line;
};
// The program has written a checkpoint from which it can be resumed.
struct CheckpointMessage {
  int64_t step = 0;
  // Absolute path of the checkpoint, which is complete and synced.
  std::string folder;
  Json metadata = Json::object();
};
// The program has finished. It sends this before its exit; the result counts only if it then exits
// with status 0.
struct ResultMessage {
  // A folder that becomes an artifact.
  struct Output {
    std::string kind;
    // Relative to the rank's output folder.
    std::string folder;
    Json metadata = Json::object();
  };
  // By role.
  std::map<std::string, Output> outputs;
  // A JSON text.
  std::string summary;
};
// The program cannot go on; the fields are those of task::Failure.
struct ErrorMessage {
  std::string category, message, hint, reason;
  bool deterministic = false;
};
// A request to the key-value table through which the ranks of a gang find each other.
struct RendezvousMessage {
  int64_t id = 0;
  bool is_put = false;
  std::string key;
  // Base64; set for a put.
  std::string value;
  int64_t timeout_ms = 0;
};

// A part of the program's work has ended, for the trace of the job. Wall clock, in milliseconds.
struct SpanMessage {
  std::string name;
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
  // Numbers and texts by name.
  Json attributes = Json::object();
};

// Any of these messages.
using ProgramMessage = std::variant<Progress, MetricMessage, CheckpointMessage, ResultMessage,
                                    ErrorMessage, RendezvousMessage, SpanMessage>;

// Parses one line of a task program that was read at `wall_ms` (wall clock). Programs are not
// trusted to keep the protocol: a member of another type counts as absent (JSON writes a rate that
// is not a number as null), and a line that is no event known here is nullopt.
std::optional<ProgramMessage> ParseProgramLine(std::string_view line, int64_t wall_ms);

// The member `name` of a JSON object, or `otherwise` if it is absent or of another type.
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

}  // namespace braid::worker
