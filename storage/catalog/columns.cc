#include "storage/catalog/columns.h"

namespace braid::catalog {
namespace {

// Pack is the only writer of these columns, so anything else in them is damage: kDataLoss. `empty`
// is the text that stands for nothing: most are that, and many rows are read at the start.
template <typename Fill>
Status Read(const std::string& text, ColumnName column, const char* empty, Fill fill) {
  if (text == empty) return OkStatus();
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    fill(json);
  } catch (const Json::exception& error) {
    return DataLoss(std::string("catalog column ") + column.table + "." + column.column +
                    " holds \"" + text.substr(0, 80) + "\": " + error.what());
  }
  return OkStatus();
}

}  // namespace

std::string Pack(const std::map<std::string, InputSource>& sources) {
  Json json = Json::object();
  for (const auto& [role, from] : sources) json[role] = {from.job, from.role, from.artifact};
  return json.dump();
}

std::string Pack(const std::vector<GpuRecord>& gpus) {
  Json json = Json::array();
  for (const GpuRecord& gpu : gpus)
    json.push_back({{"id", gpu.id}, {"name", gpu.name}, {"memory", gpu.memory_bytes}});
  return json.dump();
}

std::string Pack(const std::vector<WorkerFailure>& failures) {
  Json json = Json::array();
  for (const WorkerFailure& failure : failures)
    json.push_back({{"job", failure.job}, {"time", failure.time_ms}, {"error", failure.error}});
  return json.dump();
}

Status Unpack(const std::string& text, ColumnName column, std::vector<std::string>& list) {
  return Read(text, column, "[]",
              [&](const Json& json) { list = json.get<std::vector<std::string>>(); });
}

Status Unpack(const std::string& text, ColumnName column, StringMap& map) {
  return Read(text, column, "{}", [&](const Json& json) { map = json.get<StringMap>(); });
}

Status Unpack(const std::string& text, ColumnName column,
              std::map<std::string, InputSource>& sources) {
  return Read(text, column, "{}", [&](const Json& json) {
    for (const auto& [role, from] : json.get<std::map<std::string, std::vector<std::string>>>()) {
      sources[role] = InputSource{json.at(role).at(0), json.at(role).at(1), json.at(role).at(2)};
    }
  });
}

Status Unpack(const std::string& text, ColumnName column, std::vector<GpuRecord>& gpus) {
  return Read(text, column, "[]", [&](const Json& json) {
    for (const Json& gpu : json.get<std::vector<Json>>()) {
      gpus.push_back({gpu.at("id"), gpu.at("name"), gpu.at("memory")});
    }
  });
}

Status Unpack(const std::string& text, ColumnName column, std::vector<WorkerFailure>& failures) {
  return Read(text, column, "[]", [&](const Json& json) {
    for (const Json& failure : json.get<std::vector<Json>>())
      failures.push_back({failure.at("job"), failure.at("time"), failure.at("error")});
  });
}

}  // namespace braid::catalog
