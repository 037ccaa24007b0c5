#include <fcntl.h>

#include <set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "cli/shared/csv.h"
#include "cli/shared/metric_file.h"

namespace braid::cli {
namespace {

class CsvFile final : public MetricFile {
 public:
  explicit CsvFile(const std::string& path) : MetricFile(path) {}

  Status Add(int64_t step, const MetricValues& values) override {
    for (const auto& [name, value] : values) {
      if (names_.insert(name).second) whole_ = false;
    }
    rows_.emplace_back(step, values);
    return OkStatus();
  }

  Status Flush() override {
    if (!whole_) {
      std::string text = "step";
      for (const std::string& name : names_) text += "," + CsvField(name);
      text += "\n";
      for (size_t i = 0; i < rows_.size(); ++i) text += Row(i);
      BRAID_RETURN_IF_ERROR(WriteFileAtomic(path(), text));
      file_.Reset(open(path().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
      if (!file_.valid()) return ErrnoStatus(errno, "opening " + path());
      whole_ = true;
    } else if (written_ < rows_.size()) {
      std::string text;
      for (size_t i = written_; i < rows_.size(); ++i) text += Row(i);
      BRAID_RETURN_IF_ERROR(WriteAll(file_.get(), text, path()));
    }
    written_ = rows_.size();
    return OkStatus();
  }

 private:
  std::string Row(size_t index) const {
    const auto& [step, values] = rows_[index];
    std::string row = std::to_string(step);
    for (const std::string& name : names_) {
      const auto found = values.find(name);
      row += ",";
      if (found != values.end()) row += FormatDouble(found->second);
    }
    return row + "\n";
  }

  // All of it: a column that comes late is empty in the rows before.
  std::vector<std::pair<int64_t, MetricValues>> rows_;
  std::set<std::string> names_;
  size_t written_ = 0;
  // The file has a column for each name.
  bool whole_ = false;
  UniqueFd file_;
};

}  // namespace

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

Result<std::unique_ptr<MetricFile>> MakeCsvFile(const std::string& path) {
  BRAID_RETURN_IF_ERROR(MakeFolder(FolderOf(path)));
  std::unique_ptr<MetricFile> file = std::make_unique<CsvFile>(path);
  return file;
}

}  // namespace braid::cli
