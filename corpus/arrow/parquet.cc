// Parquet, a page of each column at a time.
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/util/byte_size.h>
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
// Rows of a batch: as many as have about kBatchBytes, if they are like those of the batch before.
// What the file says of its sizes is of no use: a text that repeats is in it once.
constexpr int64_t kBatchBytes = int64_t{8} << 20;
constexpr int64_t kFirstRows = 64, kMostRows = 256;

// The leaves of a column, which Parquet stores apart.
void AddLeaves(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.is_leaf()) leaves->push_back(field.column_index);
  for (const parquet::arrow::SchemaField& child : field.children) AddLeaves(child, leaves);
}

int64_t RowsOfNext(const arrow::RecordBatch& batch) {
  const int64_t row = arrow::util::TotalBufferSize(batch) / std::max<int64_t>(1, batch.num_rows());
  return std::clamp<int64_t>(kBatchBytes / (row + 1), 1, kMostRows);
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
    ARROW_ASSIGN_OR_RAISE(source->reader_, parquet::arrow::FileReader::Make(
                                               pool, std::move(parquet), arrow_properties));
    ARROW_RETURN_NOT_OK(source->reader_->GetSchema(&source->schema_));
    return source;
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  int64_t rows() const override { return metadata_->num_rows(); }

  arrow::Status Read(const std::vector<int>& columns, const BatchUse& use) override {
    std::vector<int> leaves, groups(static_cast<size_t>(metadata_->num_row_groups()));
    std::iota(groups.begin(), groups.end(), 0);
    const auto& fields = reader_->manifest().schema_fields;
    for (const int column : columns) AddLeaves(fields[static_cast<size_t>(column)], &leaves);
    reader_->set_batch_size(kFirstRows);
    ARROW_ASSIGN_OR_RAISE(const auto batches, reader_->GetRecordBatchReader(groups, leaves));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, batches->Next());
      if (batch == nullptr) return arrow::Status::OK();
      ARROW_ASSIGN_OR_RAISE(const bool more, use(*batch));
      if (!more) return arrow::Status::OK();
      reader_->set_batch_size(RowsOfNext(*batch));
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
