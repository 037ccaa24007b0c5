#include "merge/writer.h"

#include <algorithm>
#include <atomic>

#include "base/file.h"
#include "base/mutex.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "base/text.h"
#include "merge/account.h"
#include "merge/composer.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"

namespace braid::merge {
namespace {

using storage::SafetensorsFile;
using storage::SafetensorsWriter;

// Elements of a tensor that are made, written or compared at a time: what fits into a core's cache.
constexpr int64_t kPieceElements = int64_t{1} << 16;
// Pieces that a thread takes at a time when it writes.
constexpr int64_t kPiecesOfUnit = 16;

// Rows of which a piece consists.
int64_t PieceRows(const Extent& extent) {
  return std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, extent.columns));
}

// Of several threads' errors, that of the first piece of work, whichever thread was first.
class FirstError {
 public:
  void Add(size_t at, Status status) BRAID_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (status_.ok() || at < at_) {
      at_ = at;
      status_ = std::move(status);
    }
  }
  Status status() BRAID_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return status_;
  }

 private:
  Mutex mutex_;
  size_t at_ BRAID_GUARDED_BY(mutex_) = 0;
  Status status_ BRAID_GUARDED_BY(mutex_);
};

// Calls work(i, buffer) for i = 0 .. count - 1 on so many threads, in this order as far as threads
// have one. After an error no more calls begin. Returns the error of the lowest i.
Status ForEach(size_t count, size_t threads,
               const std::function<Status(size_t i, std::vector<float>* buffer)>& work) {
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  FirstError error;
  RunOnThreads(std::clamp<size_t>(threads, 1, std::max<size_t>(1, count)), [&](size_t) {
    std::vector<float> buffer;
    for (size_t i; !failed && (i = next.fetch_add(1)) < count;) {
      if (Status status = work(i, &buffer); !status.ok()) {
        error.Add(i, std::move(status));
        failed = true;
      }
    }
  });
  return error.status();
}

// Counts tensors of all files, so that progress does not begin anew with the second file.
class Progress {
 public:
  Progress(const MergePlan& plan, const std::function<void(int64_t, int64_t)>& report)
      : report_(report) {
    for (const Target& target : plan.targets)
      total_ += 1 + static_cast<int64_t>(target.states.size());
  }
  void Step() BRAID_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    report_(++done_, total_);
  }

 private:
  int64_t total_ = 0;
  const std::function<void(int64_t, int64_t)>& report_;
  Mutex mutex_;
  int64_t done_ BRAID_GUARDED_BY(mutex_) = 0;
};

// A file of the composite that is being written, and the sets that it consists of.
struct OutputFile {
  std::unique_ptr<SafetensorsWriter> writer;
  std::vector<const Composer*> composers;
};

// Some rows of a tensor that a thread writes.
struct Unit {
  const Composer* composer;
  SafetensorsWriter* writer;
  const Target* target;
  Rows rows;
  // The units of this tensor that are not written yet.
  std::shared_ptr<std::atomic<int64_t>> left;
  // Where in its file the unit lies: 0 is the beginning, 1 the end.
  double place = 0;
};

Result<std::vector<Composer>> Composers(const MergePlan& plan,
                                        const std::vector<std::string>& folders) {
  std::vector<Composer> composers;
  for (const TensorSet& set : SetsOf(plan)) {
    BRAID_ASSIGN_OR_RETURN(Composer composer, Composer::Create(plan, set, folders));
    composers.push_back(std::move(composer));
  }
  return composers;
}

// Creates one of the composite's files, for the sets that belong into it.
Result<OutputFile> CreateFile(const MergePlan& plan, const std::vector<Composer>& composers,
                              const std::string& folder, const char* name) {
  OutputFile file;
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const Composer& composer : composers) {
    if (composer.set().file != name) continue;
    file.composers.push_back(&composer);
    for (const Target& target : plan.targets) {
      if (composer.Contains(target))
        tensors.push_back({composer.NameOf(target), "F32", target.tensor.shape});
    }
  }
  BRAID_ASSIGN_OR_RETURN(file.writer, SafetensorsWriter::Create(JoinPath(folder, name), tensors));
  return file;
}

void AddUnits(const MergePlan& plan, const OutputFile& file, std::vector<Unit>* units) {
  const size_t first = units->size();
  for (const Composer* composer : file.composers) {
    for (const Target& target : plan.targets) {
      if (!composer->Contains(target)) continue;
      const Extent extent = ExtentOf(target.tensor.shape);
      const int64_t step = PieceRows(extent) * kPiecesOfUnit;
      // A tensor without rows is a unit, too: it counts as written.
      const int64_t count = std::max<int64_t>(1, (extent.rows + step - 1) / step);
      const auto left = std::make_shared<std::atomic<int64_t>>(count);
      for (int64_t i = 0; i < count; ++i) {
        const Rows rows = {i * step, std::min(extent.rows, (i + 1) * step)};
        units->push_back({composer, file.writer.get(), &target, rows, left});
      }
    }
  }
  const auto count = static_cast<double>(units->size() - first);
  for (size_t i = first; i < units->size(); ++i)
    (*units)[i].place = (static_cast<double>(i - first) + 0.5) / count;
}

Status WriteUnit(const Unit& unit, std::vector<float>* buffer) {
  const Extent extent = ExtentOf(unit.target->tensor.shape);
  const std::string name = unit.composer->NameOf(*unit.target);
  const int64_t step = PieceRows(extent);
  for (int64_t begin = unit.rows.begin; begin < unit.rows.end; begin += step) {
    const Rows rows = {begin, std::min(unit.rows.end, begin + step)};
    BRAID_ASSIGN_OR_RETURN(const float* piece, unit.composer->Make(*unit.target, rows, buffer));
    const auto row_bytes = static_cast<uint64_t>(extent.columns) * sizeof(float);
    BRAID_RETURN_IF_ERROR(unit.writer->Write(name, static_cast<uint64_t>(begin) * row_bytes, piece,
                                             static_cast<uint64_t>(rows.end - begin) * row_bytes));
  }
  return OkStatus();
}

Status WriteTensors(const MergePlan& plan, const std::vector<std::string>& source_folders,
                    const std::string& folder, size_t threads, Progress* progress) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Composer> composers, Composers(plan, source_folders));
  std::vector<OutputFile> files;
  std::vector<const char*> names = {artifact_files::kWeights};
  if (plan.carry_optimizer) names.push_back(artifact_files::kOptimizer);
  for (const char* name : names) {
    BRAID_ASSIGN_OR_RETURN(OutputFile file, CreateFile(plan, composers, folder, name));
    files.push_back(std::move(file));
  }
  std::vector<Unit> units;
  for (const OutputFile& file : files) AddUnits(plan, file, &units);
  // Both files grow side by side: a file system lets one thread at a time write to a file.
  std::stable_sort(units.begin(), units.end(),
                   [](const Unit& a, const Unit& b) { return a.place < b.place; });
  const Status status = ForEach(units.size(), threads, [&](size_t i, std::vector<float>* buffer) {
    BRAID_RETURN_IF_ERROR(WriteUnit(units[i], buffer));
    if (--*units[i].left == 0) progress->Step();
    return OkStatus();
  });
  BRAID_RETURN_IF_ERROR(status);
  for (const OutputFile& file : files) BRAID_RETURN_IF_ERROR(file.writer->Finish());
  return OkStatus();
}

// state.json of the composite: a training that has done no step. Ages and states stand by tensor,
// as parents may differ in both; states only where some are not AdamW's, so that such files stay as
// they were before there were others.
Json StateOf(const MergePlan& plan) {
  Json state = {{"format", 1}, {"step", 0}, {"epoch", 0}, {"tokens", 0}, {"seed", plan.seed}};
  if (plan.rate) state["rate"] = *plan.rate;
  if (!plan.carry_optimizer) return state;
  state["steps"] = Json::object();
  Json states;
  bool adamw = true;
  for (const Target& target : plan.targets) {
    state["steps"][target.tensor.name] = target.age;
    states[target.tensor.name] = target.states;
    adamw = adamw && target.states == AdamWStates();
  }
  if (!adamw) state["states"] = std::move(states);
  return state;
}

// A tensor of the finished composite that is to be verified.
struct TensorCheck {
  const Composer* composer;
  const SafetensorsFile* file;
  size_t target;  // an index into the plan's
  size_t order;   // among all checks: errors are reported in it
  std::string sha256;
};

// Compares a tensor with what it should be and takes its digest, while a piece is in the cache.
Status Verify(const MergePlan& plan, TensorCheck* check, std::vector<float>* buffer) {
  const Target& target = plan.targets[check->target];
  const Extent extent = ExtentOf(target.tensor.shape);
  const std::string name = check->composer->NameOf(target);
  BRAID_ASSIGN_OR_RETURN(const float* data, check->file->Floats(name, target.tensor.shape));
  Sha256 digest;
  const int64_t step = PieceRows(extent);
  for (int64_t begin = 0; begin < extent.rows; begin += step) {
    const Rows rows = {begin, std::min(extent.rows, begin + step)};
    const float* piece = data + begin * extent.columns;
    BRAID_ASSIGN_OR_RETURN(const bool equal, check->composer->Matches(target, rows, piece, buffer));
    if (!equal)
      return DataLoss(check->file->path() + ": tensor " + name + " is not what the plan says");
    digest.Update(piece, static_cast<size_t>((rows.end - begin) * extent.columns) * sizeof(float));
  }
  check->sha256 = digest.HexDigest();
  return OkStatus();
}

// All tensors of the composite; files[i] is that of composers[i].
std::vector<TensorCheck> ChecksOf(const MergePlan& plan, const std::vector<Composer>& composers,
                                  const std::vector<SafetensorsFile>& files) {
  std::vector<TensorCheck> checks;
  for (size_t c = 0; c < composers.size(); ++c) {
    for (size_t t = 0; t < plan.targets.size(); ++t) {
      if (composers[c].Contains(plan.targets[t]))
        checks.push_back({&composers[c], &files[c], t, checks.size(), ""});
    }
  }
  return checks;
}

}  // namespace

Status WriteComposite(const MergePlan& plan, const std::vector<std::string>& source_folders,
                      const std::string& folder, size_t threads,
                      const std::function<void(int64_t, int64_t)>& report) {
  Progress progress(plan, report);
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  if (const Status status = WriteTensors(plan, source_folders, folder, threads, &progress);
      !status.ok()) {
    // Half of a composite must not be taken for one.
    for (const char* file : {artifact_files::kWeights, artifact_files::kOptimizer})
      (void)RemoveTree(JoinPath(folder, file));
    return status;
  }
  const std::string tokenizer = JoinPath(source_folders.front(), artifact_files::kTokenizer);
  if (PathExists(tokenizer))
    BRAID_RETURN_IF_ERROR(CopyFile(tokenizer, JoinPath(folder, artifact_files::kTokenizer)));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(folder, artifact_files::kConfig),
                                      {{"format", 1}, {"model", model::ToJson(plan.model)}}));
  return WriteJsonFile(JoinPath(folder, artifact_files::kState), StateOf(plan));
}

Result<Json> VerifyComposite(const MergePlan& plan, const std::vector<std::string>& source_folders,
                             const std::string& folder, size_t threads) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Composer> composers, Composers(plan, source_folders));
  std::vector<SafetensorsFile> files;
  for (const Composer& composer : composers) {
    BRAID_ASSIGN_OR_RETURN(SafetensorsFile file,
                           SafetensorsFile::Open(JoinPath(folder, composer.set().file)));
    files.push_back(std::move(file));
  }
  std::vector<TensorCheck> checks = ChecksOf(plan, composers, files);
  // A digest is taken from the first byte of a tensor to its last by one thread: the largest begin
  // first, so that no thread is left alone with one at the end.
  std::vector<TensorCheck*> largest_first;
  for (TensorCheck& check : checks) largest_first.push_back(&check);
  std::stable_sort(largest_first.begin(), largest_first.end(), [&](TensorCheck* a, TensorCheck* b) {
    return plan.targets[a->target].tensor.elements() > plan.targets[b->target].tensor.elements();
  });
  std::vector<Status> found(checks.size());
  BRAID_RETURN_IF_ERROR(ForEach(checks.size(), threads, [&](size_t i, std::vector<float>* buffer) {
    TensorCheck* check = largest_first[i];
    found[check->order] = Verify(plan, check, buffer);
    return OkStatus();
  }));
  for (const Status& status : found) BRAID_RETURN_IF_ERROR(status);
  Json account = ToJson(plan);
  for (const TensorCheck& check : checks) {
    Json& entry = account["tensors"][check.target];
    const TensorSet& set = check.composer->set();
    (set.IsWeights() ? entry["sha256"] : entry["moments"][set.state + "_sha256"]) = check.sha256;
  }
  account["proof"] = "bit-equal";
  return account;
}

}  // namespace braid::merge
