// Files of columns as record batches. Internal to the plug-in; errors are Arrow's, and Parquet
// throws.
#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corpus/columnar_plugin.h"

namespace braid::corpus {

// Whether to go on.
using BatchUse = std::function<arrow::Result<bool>(const arrow::RecordBatch&)>;

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual std::shared_ptr<arrow::Schema> schema() const = 0;
  // As ColumnarTable::rows.
  virtual int64_t rows() const = 0;
  // Calls `use` with batches of the columns at the places `columns`, which ascend, from the first
  // row on, until it returns false or an error, which is returned. The file is read from its
  // beginning in each call.
  virtual arrow::Status Read(const std::vector<int>& columns, const BatchUse& use) = 0;
};

arrow::Result<std::unique_ptr<BatchSource>> OpenParquet(const std::string& path);
arrow::Result<std::unique_ptr<BatchSource>> OpenArrowFile(const std::string& path);
arrow::Result<std::unique_ptr<BatchSource>> OpenArrowStream(const std::string& path);

}  // namespace braid::corpus
