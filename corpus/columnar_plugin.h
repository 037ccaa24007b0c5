// The interface of the plug-in that reads Parquet and Arrow files. It is a library of its own,
// loaded when such a file is met: Arrow C++ has 60 MB, and most corpora need none of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

// Bytes of text in a document. A longer text is a binary value, described by its size.
constexpr size_t kMostText = size_t{256} << 20;

// The formats that the plug-in reads.
enum class ColumnarFormat { kParquet, kArrowFile, kArrowStream };

// An open file of columns. Not thread-safe.
class ColumnarTable {
 public:
  virtual ~ColumnarTable() = default;
  // The names of the columns, in the file's order.
  virtual std::vector<std::string> Columns() const = 0;
  // The number of rows; of a stream, which does not have it, an estimate.
  virtual int64_t rows() const = 0;
  // Calls `use` with the values of the columns at the places `columns`, for each row from the first
  // on. Texts and bytes that are UTF-8 are texts; lists and structs are what they are in JSON; null
  // is null; what JSON does not have (dates, other bytes, ...) is a binary value with a text for
  // messages. Memory holds some rows at a time, of Arrow a whole batch of the file. Stops at the
  // first error of `use` and returns it; other errors (kDataLoss, kInvalidArgument) begin with the
  // file's path.
  virtual Status Read(const std::vector<size_t>& columns,
                      const std::function<Status(const std::vector<Json>&)>& use) = 0;
};

// The functions of the plug-in.
struct ColumnarFunctions {
  Result<std::unique_ptr<ColumnarTable>> (*open)(const std::string& path, ColumnarFormat format);
};

// The functions of libbraid_arrow.so in the program's folder, which is loaded once. kUnavailable
// (PLUGIN_MISSING) that says what is missing if it is not there or cannot be loaded. Thread-safe.
Result<const ColumnarFunctions*> LoadColumnarPlugin();

}  // namespace braid::corpus
