// Texts of Arrow arrays as bytes, to check everything about them but that they are UTF-8. Internal
// to the plug-in.
#pragma once

#include <arrow/array/data.h>

#include <memory>

namespace braid::corpus {

// The same values, with bytes in place of texts also within lists, structs and dictionaries, and
// lists of pairs in place of maps. The buffers are shared.
std::shared_ptr<arrow::ArrayData> AsBytes(const arrow::ArrayData& data);

}  // namespace braid::corpus
