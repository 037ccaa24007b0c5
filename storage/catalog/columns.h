// Lists and maps in columns of the catalog, as JSON text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::catalog {

// Return the text for a column. Throw nlohmann::json::exception for text that is not UTF-8, which
// Catalog::Commit catches.
inline std::string Pack(const std::vector<std::string>& list) {
  return list.empty() ? "[]" : Json(list).dump();
}
inline std::string Pack(const StringMap& map) {
  return map.empty() ? "{}" : Json(map).dump();
}
std::string Pack(const std::map<std::string, InputSource>& sources);
std::string Pack(const std::vector<GpuRecord>& gpus);
std::string Pack(const std::vector<WorkerFailure>& failures);

// For errors.
struct ColumnName {
  const char* table;
  const char* column;
};

// Parse the text of a column. kDataLoss, naming the column, for text that Pack cannot have written.
Status Unpack(const std::string& text, ColumnName column, std::vector<std::string>& list);
Status Unpack(const std::string& text, ColumnName column, StringMap& map);
Status Unpack(const std::string& text, ColumnName column,
              std::map<std::string, InputSource>& sources);
Status Unpack(const std::string& text, ColumnName column, std::vector<GpuRecord>& gpus);
Status Unpack(const std::string& text, ColumnName column, std::vector<WorkerFailure>& failures);

}  // namespace braid::catalog
