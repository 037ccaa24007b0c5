// Lists and maps as JSON text in a column.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::catalog {

inline std::string Pack(const std::vector<std::string>& list) {
  return Json(list).dump();
}
inline std::string Pack(const StringMap& map) {
  return Json(map).dump();
}
std::string Pack(const std::map<std::string, InputSource>& sources);
std::string Pack(const std::vector<GpuRecord>& gpus);

// kDataLoss, naming the column, for text that this program cannot have written.
Status Unpack(const std::string& text, const char* column, std::vector<std::string>& list);
Status Unpack(const std::string& text, const char* column, StringMap& map);
Status Unpack(const std::string& text, const char* column,
              std::map<std::string, InputSource>& sources);
Status Unpack(const std::string& text, const char* column, std::vector<GpuRecord>& gpus);

}  // namespace braid::catalog
