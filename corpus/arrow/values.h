// Values of Arrow arrays as JSON. Internal to the plug-in.
#pragma once

#include <arrow/array.h>
#include <arrow/result.h>

#include <cstdint>

#include "base/json.h"

namespace braid::corpus {

// The value at place `i`, as ColumnarTable::Read says. An error is one of the file: an index that
// points beyond its dictionary.
arrow::Result<Json> ValueOf(const arrow::Array& array, int64_t i);

}  // namespace braid::corpus
