// The entry of libbraid_arrow.so. No exception leaves it.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/excerpt.h"
#include "corpus/arrow/batch_source.h"
#include "corpus/arrow/values.h"
#include "corpus/columnar_plugin.h"

namespace braid::corpus {
namespace {

constexpr size_t kShownReason = 300;

Status Unreadable(const std::string& path, ColumnarFormat format, std::string why) {
  why = why.substr(0, why.find('\n'));
  return DataLoss(path + ": the file cannot be read as " +
                  (format == ColumnarFormat::kParquet ? "Parquet" : "Arrow") + " (" +
                  Excerpt(why, kShownReason) + "); is it complete? Fetch or write it again");
}

// What `work` returns, or an exception in its place.
template <typename Work>
auto WithoutExceptions(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    return arrow::Status::Invalid(error.what());
  }
}

arrow::Result<std::unique_ptr<BatchSource>> OpenSource(const std::string& path,
                                                       ColumnarFormat format) {
  switch (format) {
    case ColumnarFormat::kParquet:
      return OpenParquet(path);
    case ColumnarFormat::kArrowFile:
      return OpenArrowFile(path);
    case ColumnarFormat::kArrowStream:
      break;
  }
  return OpenArrowStream(path);
}

class Table final : public ColumnarTable {
 public:
  Table(std::string path, ColumnarFormat format, std::unique_ptr<BatchSource> source)
      : path_(std::move(path)), format_(format), source_(std::move(source)) {}

  std::vector<std::string> Columns() const override { return source_->schema()->field_names(); }
  int64_t rows() const override { return source_->rows(); }

  Status Read(const std::vector<size_t>& columns,
              const std::function<Status(const std::vector<Json>&)>& use) override {
    std::vector<int> ascending(columns.begin(), columns.end());
    std::sort(ascending.begin(), ascending.end());
    // The places of the columns in the batches.
    std::vector<int> places;
    for (const size_t column : columns) {
      const auto at = std::find(ascending.begin(), ascending.end(), static_cast<int>(column));
      places.push_back(static_cast<int>(at - ascending.begin()));
    }
    Status used;
    std::vector<Json> values(columns.size());
    const auto each_row = [&](const arrow::RecordBatch& batch) {
      for (int64_t row = 0; used.ok() && row < batch.num_rows(); ++row) {
        for (size_t i = 0; i < places.size(); ++i)
          values[i] = ValueOf(*batch.column(places[i]), row);
        used = use(values);
      }
      return used.ok();
    };
    const arrow::Status read = WithoutExceptions(
        [&] { return source_->Read(ascending, each_row); });
    BRAID_RETURN_IF_ERROR(used);
    return read.ok() ? OkStatus() : Unreadable(path_, format_, read.message());
  }

 private:
  const std::string path_;
  const ColumnarFormat format_;
  const std::unique_ptr<BatchSource> source_;
};

Result<std::unique_ptr<ColumnarTable>> Open(const std::string& path, ColumnarFormat format) {
  auto source = WithoutExceptions([&] { return OpenSource(path, format); });
  if (!source.ok()) return Unreadable(path, format, source.status().message());
  return std::unique_ptr<ColumnarTable>(
      std::make_unique<Table>(path, format, std::move(source).ValueUnsafe()));
}

}  // namespace
}  // namespace braid::corpus

extern "C" __attribute__((visibility("default"))) const braid::corpus::ColumnarFunctions*
braid_columnar_functions() {
  static const braid::corpus::ColumnarFunctions functions{braid::corpus::Open};
  return &functions;
}
