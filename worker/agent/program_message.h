// What task programs say to their worker (docs/tasks.md, events), as values.
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

// One line of metrics, as it is stored: {"step": n, "values": {...}}.
struct MetricMessage {
  std::string line;
};
struct CheckpointMessage {
  int64_t step = 0;
  std::string folder;  // absolute, complete and synced
  Json metadata = Json::object();
};
struct ResultMessage {
  struct Output {
    std::string kind;
    std::string folder;  // relative to the rank's output folder
    Json metadata = Json::object();
  };
  std::map<std::string, Output> outputs;  // by role
  std::string summary;                    // JSON
};
struct ErrorMessage {
  std::string category, message, hint, reason;
  bool deterministic = false;
};
struct RendezvousMessage {
  int64_t id = 0;
  bool is_put = false;
  std::string key;
  std::string value;  // base64, of a put
  int64_t timeout_ms = 0;
};

using ProgramMessage = std::variant<Progress, MetricMessage, CheckpointMessage, ResultMessage,
                                    ErrorMessage, RendezvousMessage>;

// What a line of a task program says at this time of the wall clock. A program is not trusted to
// say what its protocol asks: a member of another type (null for a rate that is no number) counts
// as absent, and a line that is no event of interest is nothing.
std::optional<ProgramMessage> ParseProgramLine(std::string_view line, int64_t wall_ms);

// A member of a line of a task program, or `otherwise` if it is absent or of another type.
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
