// Values of Arrow arrays as JSON. Internal to the plug-in.
#pragma once

#include <arrow/array.h>

#include <cstdint>

#include "base/json.h"

namespace braid::corpus {

// The value at place `i`, as ColumnarTable::Read says.
Json ValueOf(const arrow::Array& array, int64_t i);

}  // namespace braid::corpus
