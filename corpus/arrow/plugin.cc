// The entry of libbraid_arrow.so. No exception leaves it but those of the function that a reading
// calls.
#include <arrow/util/io_util.h>
#include <parquet/exception.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>
#include <utility>

#include "base/excerpt.h"
#include "corpus/arrow/batch_source.h"
#include "corpus/arrow/values.h"
#include "corpus/columnar_plugin.h"

namespace braid::corpus {
namespace {

constexpr size_t kShownReason = 300;

// The error of a file, told from those of the machine, which say nothing about the file.
Status Unreadable(const std::string& path, ColumnarFormat format, const arrow::Status& error) {
  const int system = arrow::internal::ErrnoFromStatus(error);
  if (error.IsOutOfMemory() || system == ENOMEM) {
    return Status(StatusCode::kResourceExhausted, ErrorReason::kOutOfMemory,
                  path + ": out of memory while the file was read (" +
                      Excerpt(error.message(), kShownReason) + ")");
  }
  if (system != 0) return ErrnoStatus(system, "reading " + path);
  const std::string why = error.message().substr(0, error.message().find('\n'));
  const std::string message = path + ": the file cannot be read as " +
                              (format == ColumnarFormat::kParquet ? "Parquet" : "Arrow") + " (" +
                              Excerpt(why, kShownReason) + ")";
  if (error.IsNotImplemented()) return InvalidArgument(message);
  return DataLoss(message + "; is it complete? Fetch or write it again");
}

// Calls `work`, which returns a status or a result of Arrow, and turns what it throws into one.
template <typename Work>
auto WithoutExceptions(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const parquet::ParquetStatusException& error) {
    return error.status();
  } catch (const std::bad_alloc&) {
    return arrow::Status::OutOfMemory("an allocation failed");
  } catch (const std::exception& error) {
    return arrow::Status::Invalid(error.what());
  } catch (...) {
    return arrow::Status::UnknownError("an exception without a message");
  }
}

// braid's own function within a reading of Arrow. What it returns or throws is kept from Arrow,
// which would take it for an error of the file.
class Caller {
 public:
  explicit Caller(const std::function<Status(const std::vector<Json>&)>& use) : use_(use) {}

  // Whether to go on.
  bool Call(const std::vector<Json>& values) {
    try {
      status_ = use_(values);
      return status_.ok();
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
  }
  // The error of the last call; rethrows what it threw.
  Status End() const {
    if (thrown_ != nullptr) std::rethrow_exception(thrown_);
    return status_;
  }

 private:
  const std::function<Status(const std::vector<Json>&)>& use_;
  Status status_;
  std::exception_ptr thrown_;
};

// Calls with each row of `batch`, whose columns at `places` are the values, until one says stop,
// which makes it false.
arrow::Result<bool> EachRow(const arrow::RecordBatch& batch, const std::vector<int>& places,
                            Caller* caller) {
  std::vector<Json> values(places.size());
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    for (size_t i = 0; i < places.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(values[i], ValueOf(*batch.column(places[i]), row));
    }
    if (!caller->Call(values)) return false;
  }
  return true;
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
    Caller caller(use);
    const arrow::Status read = WithoutExceptions([&] {
      return source_->Read(ascending, [&](const arrow::RecordBatch& batch) {
        return EachRow(batch, places, &caller);
      });
    });
    BRAID_RETURN_IF_ERROR(caller.End());
    return read.ok() ? OkStatus() : Unreadable(path_, format_, read);
  }

 private:
  const std::string path_;
  const ColumnarFormat format_;
  const std::unique_ptr<BatchSource> source_;
};

Result<std::unique_ptr<ColumnarTable>> Open(const std::string& path, ColumnarFormat format) {
  auto source = WithoutExceptions([&] { return OpenSource(path, format); });
  if (!source.ok()) return Unreadable(path, format, source.status());
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
