#include "coordinator/bulk/curve_file.h"

#include <type_traits>

#include "base/sha256.h"
#include "coordinator/bulk/bulk_names.h"

namespace braid::coordinator {
namespace {

constexpr std::string_view kMagic = "braid curves 1\n";
constexpr size_t kDigest = 64;  // hex digits of the rest
constexpr uint64_t kMostBytes = uint64_t{64} << 20;

std::string NameOfFile(const task::JobKey& job) {
  return BulkFolder(job) + "/curves";
}

// Numbers one after another, and lists with their lengths before them.
class Writer {
 public:
  template <class T>
  void Put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void PutText(std::string_view text) {
    Put(uint64_t{text.size()});
    text_ += text;
  }
  template <class T>
  void PutList(const std::vector<T>& list) {
    static_assert(std::is_trivially_copyable_v<T>);
    Put(uint64_t{list.size()});
    text_.append(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  template <class T>
  bool Take(T* value) {
    if (text_.size() < sizeof *value) return false;
    text_.copy(reinterpret_cast<char*>(value), sizeof *value);
    text_.remove_prefix(sizeof *value);
    return true;
  }
  bool TakeText(std::string* text) {
    uint64_t size = 0;
    if (!Take(&size) || size > text_.size()) return false;
    *text = text_.substr(0, size);
    text_.remove_prefix(size);
    return true;
  }
  template <class T>
  bool TakeList(std::vector<T>* list) {
    uint64_t size = 0;
    if (!Take(&size) || size > text_.size() / sizeof(T)) return false;
    list->resize(size);
    text_.copy(reinterpret_cast<char*>(list->data()), size * sizeof(T));
    text_.remove_prefix(size * sizeof(T));
    return true;
  }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::string CurveFile::Encode(const JobCurves& curves) {
  Writer out;
  out.Put(curves.epoch_);
  out.Put(curves.last_step_);
  out.Put(curves.version_);
  out.Put(uint64_t{curves.read_.size()});
  for (const auto& [epoch, read] : curves.read_) {
    out.Put(epoch);
    out.Put(read.offset);
    out.Put(read.last_step);
    out.PutList(read.marks);
  }
  out.Put(uint64_t{curves.curves_.size()});
  for (const auto& [name, curve] : curves.curves_) {
    out.PutText(name);
    out.Put(curve.per_column_);
    out.Put(curve.points_);
    out.Put(curve.last_);
    out.PutList(curve.columns_);
  }
  return std::string(kMagic) + Sha256Hex(out.text()) + out.text();
}

std::optional<JobCurves> CurveFile::Decode(std::string_view content) {
  if (!content.starts_with(kMagic) || content.size() < kMagic.size() + kDigest) return std::nullopt;
  content.remove_prefix(kMagic.size());
  const std::string_view digest = content.substr(0, kDigest);
  content.remove_prefix(kDigest);
  if (Sha256Hex(content) != digest) return std::nullopt;
  Reader in(content);
  JobCurves curves;
  uint64_t count = 0;
  if (!in.Take(&curves.epoch_) || !in.Take(&curves.last_step_) || !in.Take(&curves.version_) ||
      !in.Take(&count))
    return std::nullopt;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t epoch = 0;
    JobCurves::ReadFile read;
    if (!in.Take(&epoch) || !in.Take(&read.offset) || !in.Take(&read.last_step) ||
        !in.TakeList(&read.marks))
      return std::nullopt;
    curves.read_[epoch] = std::move(read);
  }
  if (!in.Take(&count) || count > JobCurves::kMostNames) return std::nullopt;
  for (uint64_t i = 0; i < count; ++i) {
    std::string name;
    Curve curve;
    if (!in.TakeText(&name) || !in.Take(&curve.per_column_) || !in.Take(&curve.points_) ||
        !in.Take(&curve.last_) || !in.TakeList(&curve.columns_))
      return std::nullopt;
    curves.curves_.emplace(std::move(name), std::move(curve));
  }
  if (!in.done()) return std::nullopt;
  return curves;
}

std::optional<JobCurves> CurveFile::Read(const AppendFiles& files, const task::JobKey& job) {
  const auto content = files.Read(NameOfFile(job), 0, kMostBytes);
  if (!content.ok() || content->empty()) return std::nullopt;
  std::optional<JobCurves> curves = Decode(*content);
  if (!curves.has_value()) return std::nullopt;
  for (const auto& [epoch, read] : curves->read_) {
    if (read.offset > files.Size(MetricsName({job.run, job.job, epoch}))) return std::nullopt;
  }
  return curves;
}

Status CurveFile::Write(const JobCurves& curves, const task::JobKey& job, AppendFiles* files) {
  return files->Replace(NameOfFile(job), Encode(curves));
}

}  // namespace braid::coordinator
