// Values of fields, however a file wrote them, as texts and ids. Internal to corpus/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// The ids in a list of whole numbers from 0 to `limit` - 1. kInvalidArgument that names the place
// of the row and the field.
Result<std::vector<int32_t>> IdsOfValue(const Json& value, const std::string& place,
                                        const std::string& field, int64_t limit);

}  // namespace braid::corpus
