// Arrow's own format: files, which end with a list of their batches, and streams.
#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/io/buffered.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/memory_pool.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "corpus/arrow/as_bytes.h"
#include "corpus/arrow/batch_source.h"

namespace braid::corpus {
namespace {

constexpr int64_t kBufferBytes = int64_t{1} << 20;
// What a writer that has come to its end puts behind the last batch.
constexpr std::string_view kEndOfStream("\xFF\xFF\xFF\xFF\0\0\0\0", 8);

arrow::ipc::IpcReadOptions Options(const std::vector<int>& columns) {
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.memory_pool = arrow::system_memory_pool();
  options.included_fields = columns;
  options.use_threads = false;
  return options;
}

arrow::Result<std::shared_ptr<arrow::io::ReadableFile>> OpenFile(const std::string& path) {
  return arrow::io::ReadableFile::Open(path, arrow::system_memory_pool());
}

// Offsets and indices come from the file: they are checked before anything is looked up by them.
// Texts are checked as bytes: one that is not UTF-8 is a fault of its row, not of the file.
arrow::Status Use(const std::shared_ptr<arrow::RecordBatch>& batch, const BatchUse& use,
                  bool* more) {
  ARROW_RETURN_NOT_OK(batch->Validate());
  for (const auto& column : batch->column_data())
    ARROW_RETURN_NOT_OK(arrow::MakeArray(AsBytes(*column))->ValidateFull());
  return use(*batch).Value(more);
}

class FileSource final : public BatchSource {
 public:
  static arrow::Result<std::unique_ptr<BatchSource>> Open(const std::string& path) {
    auto source = std::make_unique<FileSource>();
    ARROW_ASSIGN_OR_RAISE(source->file_, OpenFile(path));
    ARROW_ASSIGN_OR_RAISE(const auto reader, source->Reader({}));
    source->schema_ = reader->schema();
    ARROW_ASSIGN_OR_RAISE(source->rows_, reader->CountRows());
    return source;
  }
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  int64_t rows() const override { return rows_; }

  arrow::Status Read(const std::vector<int>& columns, const BatchUse& use) override {
    ARROW_ASSIGN_OR_RAISE(const auto reader, Reader(columns));
    bool more = true;
    for (int i = 0; more && i < reader->num_record_batches(); ++i) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->ReadRecordBatch(i));
      ARROW_RETURN_NOT_OK(Use(batch, use, &more));
    }
    return arrow::Status::OK();
  }

 private:
  arrow::Result<std::shared_ptr<arrow::ipc::RecordBatchFileReader>> Reader(
      const std::vector<int>& columns) const {
    return arrow::ipc::RecordBatchFileReader::Open(file_, Options(columns));
  }

  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_ = 0;
};

class StreamSource final : public BatchSource {
 public:
  static arrow::Result<std::unique_ptr<BatchSource>> Open(const std::string& path) {
    auto source = std::make_unique<StreamSource>();
    source->path_ = path;
    ARROW_RETURN_NOT_OK(source->CheckEnd());
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenFile(path));
    ARROW_ASSIGN_OR_RAISE(const auto reader,
                          arrow::ipc::RecordBatchStreamReader::Open(file, Options({})));
    source->schema_ = reader->schema();
    ARROW_RETURN_NOT_OK(source->EstimateRows());
    return source;
  }
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  int64_t rows() const override { return rows_; }

  arrow::Status Read(const std::vector<int>& columns, const BatchUse& use) override {
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenFile(path_));
    ARROW_ASSIGN_OR_RAISE(
        const auto buffered,
        arrow::io::BufferedInputStream::Create(kBufferBytes, arrow::system_memory_pool(), file));
    ARROW_ASSIGN_OR_RAISE(const auto reader,
                          arrow::ipc::RecordBatchStreamReader::Open(buffered, Options(columns)));
    for (bool more = true; more;) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) return CheckNothingFollows(*file, *buffered);
      ARROW_RETURN_NOT_OK(Use(batch, use, &more));
    }
    return arrow::Status::OK();
  }

 private:
  // A stream that was cut between two batches reads like a whole one, without its last rows.
  arrow::Status CheckEnd() const {
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenFile(path_));
    ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
    const auto length = static_cast<int64_t>(kEndOfStream.size());
    if (size >= length) {
      ARROW_ASSIGN_OR_RAISE(const auto end, file->ReadAt(size - length, length));
      if (end->ToString() == kEndOfStream) return arrow::Status::OK();
    }
    return arrow::Status::IOError("the mark at the end of the stream is missing");
  }

  // Streams one after another (cat a.arrow b.arrow) would lose all but the first.
  static arrow::Status CheckNothingFollows(arrow::io::RandomAccessFile& file,
                                           const arrow::io::InputStream& read) {
    ARROW_ASSIGN_OR_RAISE(const int64_t end, read.Tell());
    ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
    if (end == size) return arrow::Status::OK();
    return arrow::Status::NotImplemented("the stream ends at byte ", end, " of ", size,
                                         " and another one follows: write each to its own file");
  }

  // As if the file had rows like those of its first batch throughout. One column says how many
  // there are; the others stay packed.
  arrow::Status EstimateRows() {
    const std::vector<int> first(schema_->num_fields() > 0 ? 1 : 0);
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenFile(path_));
    ARROW_ASSIGN_OR_RAISE(const auto reader,
                          arrow::ipc::RecordBatchStreamReader::Open(file, Options(first)));
    ARROW_ASSIGN_OR_RAISE(const int64_t begin, file->Tell());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int64_t end, file->Tell());
    ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
    const double batches = static_cast<double>(size - begin) /
                           static_cast<double>(std::max<int64_t>(1, end - begin));
    rows_ = static_cast<int64_t>(batches * static_cast<double>(batch->num_rows()));
    return arrow::Status::OK();
  }

  std::string path_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_ = 0;
};

}  // namespace

arrow::Result<std::unique_ptr<BatchSource>> OpenArrowFile(const std::string& path) {
  return FileSource::Open(path);
}
arrow::Result<std::unique_ptr<BatchSource>> OpenArrowStream(const std::string& path) {
  return StreamSource::Open(path);
}

}  // namespace braid::corpus
