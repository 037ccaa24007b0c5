// Parquet, a page of each column at a time.
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "corpus/arrow/batch_source.h"

namespace braid::corpus {
namespace {

constexpr int64_t kBufferBytes = int64_t{1} << 20;
// A batch has about as many bytes, if rows are of equal size.
constexpr int64_t kBatchBytes = int64_t{8} << 20;
constexpr int64_t kMostRows = 4096;

// The leaves of a column, which Parquet stores apart.
void AddLeaves(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.is_leaf()) leaves->push_back(field.column_index);
  for (const parquet::arrow::SchemaField& child : field.children) AddLeaves(child, leaves);
}

int64_t RowsOfBatch(const parquet::FileMetaData& metadata) {
  int64_t bytes = 0;
  for (int group = 0; group < metadata.num_row_groups(); ++group)
    bytes += std::max<int64_t>(0, metadata.RowGroup(group)->total_byte_size());
  const int64_t row = bytes / std::max<int64_t>(1, metadata.num_rows()) + 1;
  return std::clamp<int64_t>(kBatchBytes / row, 1, kMostRows);
}

class ParquetSource final : public BatchSource {
 public:
  static arrow::Result<std::unique_ptr<BatchSource>> Open(const std::string& path) {
    arrow::MemoryPool* pool = arrow::system_memory_pool();
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path, pool));
    parquet::ReaderProperties properties(pool);
    // Otherwise whole columns of a row group are in memory, packed.
    properties.enable_buffered_stream();
    properties.set_buffer_size(kBufferBytes);
    auto parquet = parquet::ParquetFileReader::Open(std::move(file), properties);
    auto source = std::make_unique<ParquetSource>();
    source->metadata_ = parquet->metadata();
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_pre_buffer(false);
    arrow_properties.set_batch_size(RowsOfBatch(*source->metadata_));
    ARROW_ASSIGN_OR_RAISE(source->reader_, parquet::arrow::FileReader::Make(
                                               pool, std::move(parquet), arrow_properties));
    ARROW_RETURN_NOT_OK(source->reader_->GetSchema(&source->schema_));
    return source;
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  int64_t rows() const override { return metadata_->num_rows(); }

  arrow::Status Read(const std::vector<int>& columns,
                     const std::function<bool(const arrow::RecordBatch&)>& use) override {
    std::vector<int> leaves, groups(static_cast<size_t>(metadata_->num_row_groups()));
    std::iota(groups.begin(), groups.end(), 0);
    const auto& fields = reader_->manifest().schema_fields;
    for (const int column : columns) AddLeaves(fields[static_cast<size_t>(column)], &leaves);
    ARROW_ASSIGN_OR_RAISE(const auto batches, reader_->GetRecordBatchReader(groups, leaves));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, batches->Next());
      if (batch == nullptr || !use(*batch)) return arrow::Status::OK();
    }
  }

 private:
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

arrow::Result<std::unique_ptr<BatchSource>> OpenParquet(const std::string& path) {
  return ParquetSource::Open(path);
}

}  // namespace braid::corpus
