#include "merge/writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "merge/account.h"
#include "storage/files/artifact_files.h"
#include "storage/files/safetensors.h"

namespace braid::merge {
namespace {

using storage::SafetensorsFile;
using storage::SafetensorsWriter;

// Elements of a tensor in memory at a time.
constexpr int64_t kPieceElements = int64_t{1} << 20;

// A set of tensors to which the plan is applied: the weights, or one state of the optimizer. In the
// files, the tensors of a state have its name as a prefix.
struct TensorSet {
  std::string file;
  // The name of the state; empty: the weights.
  std::string state;

  bool IsWeights() const { return state.empty(); }
  std::string NameOf(const std::string& tensor) const {
    return IsWeights() ? tensor : state + "." + tensor;
  }
  bool IsIn(const std::vector<std::string>& states) const {
    return IsWeights() || std::find(states.begin(), states.end(), state) != states.end();
  }
};
const TensorSet kWeights = {artifact_files::kWeights, ""};

// The states of the composite's optimizer, in the order in which its tensors name them.
std::vector<TensorSet> StatesOf(const MergePlan& plan) {
  std::vector<TensorSet> sets;
  for (const Target& target : plan.targets) {
    for (const std::string& state : target.states) {
      const bool known = std::any_of(sets.begin(), sets.end(),
                                     [&](const TensorSet& set) { return set.state == state; });
      if (!known) sets.push_back({artifact_files::kOptimizer, state});
    }
  }
  return sets;
}

// Makes the tensors of one set, as the plan says, from the files of the sources, which are mapped
// into memory and not read as a whole.
class Composer {
 public:
  static Result<Composer> Create(const MergePlan& plan, const TensorSet& set,
                                 const std::vector<std::string>& folders) {
    Composer composer(plan, set);
    for (const std::string& folder : folders) {
      BRAID_ASSIGN_OR_RETURN(SafetensorsFile file,
                             SafetensorsFile::Open(JoinPath(folder, set.file)));
      composer.files_.push_back(std::move(file));
    }
    return composer;
  }

  std::string NameOf(const Target& target) const { return set_.NameOf(target.tensor.name); }
  bool Contains(const Target& target) const { return set_.IsIn(target.states); }

  // Calls `use` with the elements of a target as they should be, whole rows of at most about
  // kPieceElements at a time. What no source covers is new: initial values for weights, zeros for
  // states.
  Status ForEachChunk(
      const Target& target,
      const std::function<Status(int64_t first_element, const std::vector<float>&)>& use) const {
    const Extent extent = ExtentOf(target.tensor.shape);
    const int64_t step = std::max<int64_t>(1,
                                           kPieceElements / std::max<int64_t>(1, extent.columns));
    std::vector<float> piece;
    for (int64_t begin = 0; begin < extent.rows; begin += step) {
      const int64_t end = std::min(extent.rows, begin + step);
      piece.assign(static_cast<size_t>((end - begin) * extent.columns), 0.0f);
      if (set_.IsWeights() && (target.rule == Rule::kInitialize || target.rule == Rule::kPartial)) {
        model::InitializeRange(target.tensor, plan_.seed, begin * extent.columns,
                               (end - begin) * extent.columns, piece.data());
      }
      for (const Source& source : target.sources) {
        if (set_.IsIn(source.states))
          BRAID_RETURN_IF_ERROR(CopyRows(source, extent, begin, end, piece.data()));
      }
      BRAID_RETURN_IF_ERROR(use(begin * extent.columns, piece));
    }
    return OkStatus();
  }

 private:
  Composer(const MergePlan& plan, const TensorSet& set) : plan_(plan), set_(set) {}

  // Copies what a source has for the rows [begin, end) of the target into `out`, which holds these
  // rows.
  Status CopyRows(const Source& source, const Extent& extent, int64_t begin, int64_t end,
                  float* out) const {
    const SafetensorsFile& file = files_[source.from];
    const std::string name = set_.NameOf(source.tensor);
    const storage::TensorEntry* entry = file.Find(name);
    if (entry == nullptr) return NotFound(file.path() + ": tensor " + name + " is missing");
    BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(name, entry->shape));
    const Overlap& part = source.overlap;
    const int64_t width = ExtentOf(entry->shape).columns;
    for (int64_t row = std::max(begin, part.row); row < std::min(end, part.row + part.rows);
         ++row) {
      const int64_t from_row = row - part.row + part.from_row;
      const float* from = data + from_row * width + part.from_column;
      BRAID_RETURN_IF_ERROR(CheckValues(source, name, from_row, from));
      std::memcpy(out + (row - begin) * extent.columns + part.column, from,
                  static_cast<size_t>(part.columns) * sizeof(float));
    }
    return OkStatus();
  }

  // A checkpoint of a training that diverged would poison the composite, whose training fails hours
  // later and elsewhere.
  Status CheckValues(const Source& source, const std::string& name, int64_t row,
                     const float* values) const {
    const bool squares = set_.state == "v";  // second moments
    for (int64_t i = 0; i < source.overlap.columns; ++i) {
      if (std::isfinite(values[i]) && !(squares && values[i] < 0)) continue;
      return InvalidArgument(
          Format("parent %s: tensor %s holds %g at row %lld, column %lld%s; train that path again "
                 "or use an "
                 "earlier checkpoint",
                 plan_.sources[source.from].c_str(), name.c_str(), static_cast<double>(values[i]),
                 (long long)row, (long long)(source.overlap.from_column + i),
                 std::isfinite(values[i]) ? ", but it is a mean of squares" : ""));
    }
    return OkStatus();
  }

  const MergePlan& plan_;
  TensorSet set_;
  std::vector<SafetensorsFile> files_;
};

// Counts tensors of all files, so that progress does not begin anew with the second file.
class Progress {
 public:
  Progress(const MergePlan& plan, const std::function<void(int64_t, int64_t)>& report)
      : report_(report) {
    for (const Target& target : plan.targets)
      total_ += 1 + static_cast<int64_t>(target.states.size());
  }
  void Step() { report_(++done_, total_); }

 private:
  int64_t total_ = 0;
  const std::function<void(int64_t, int64_t)>& report_;
  int64_t done_ = 0;
};

Status WriteFile(const MergePlan& plan, const std::vector<Composer>& composers,
                 const std::string& path, Progress* progress) {
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const Composer& composer : composers) {
    for (const Target& target : plan.targets) {
      if (composer.Contains(target))
        tensors.push_back({composer.NameOf(target), "F32", target.tensor.shape});
    }
  }
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(path, tensors));
  for (const Composer& composer : composers) {
    for (const Target& target : plan.targets) {
      if (!composer.Contains(target)) continue;
      BRAID_RETURN_IF_ERROR(composer.ForEachChunk(target, [&](int64_t,
                                                              const std::vector<float>& piece) {
        return writer->Append(composer.NameOf(target), piece.data(), piece.size() * sizeof(float));
      }));
      progress->Step();
    }
  }
  return writer->Finish();
}

// Calls `found` with the digest of every tensor that is what the plan says.
Status VerifyFile(const MergePlan& plan, const Composer& composer, const std::string& path,
                  const std::function<void(size_t target, const std::string& sha256)>& found) {
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  for (size_t t = 0; t < plan.targets.size(); ++t) {
    const Target& target = plan.targets[t];
    if (!composer.Contains(target)) continue;
    const std::string name = composer.NameOf(target);
    BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(name, target.tensor.shape));
    BRAID_RETURN_IF_ERROR(
        composer.ForEachChunk(target, [&](int64_t first, const std::vector<float>& piece) {
          if (std::memcmp(data + first, piece.data(), piece.size() * sizeof(float)) == 0)
            return OkStatus();
          return DataLoss(file.path() + ": tensor " + name + " is not what the plan says");
        }));
    found(t, Sha256Hex({reinterpret_cast<const char*>(data),
                        static_cast<size_t>(target.tensor.elements()) * sizeof(float)}));
  }
  return OkStatus();
}

Result<std::vector<Composer>> Composers(const MergePlan& plan, const std::vector<TensorSet>& sets,
                                        const std::vector<std::string>& folders) {
  std::vector<Composer> composers;
  for (const TensorSet& set : sets) {
    BRAID_ASSIGN_OR_RETURN(Composer composer, Composer::Create(plan, set, folders));
    composers.push_back(std::move(composer));
  }
  return composers;
}

Status WriteTensors(const MergePlan& plan, const std::vector<std::string>& source_folders,
                    const std::string& folder, Progress* progress) {
  BRAID_ASSIGN_OR_RETURN(const auto weights, Composers(plan, {kWeights}, source_folders));
  BRAID_RETURN_IF_ERROR(
      WriteFile(plan, weights, JoinPath(folder, artifact_files::kWeights), progress));
  if (!plan.carry_optimizer) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const auto states, Composers(plan, StatesOf(plan), source_folders));
  return WriteFile(plan, states, JoinPath(folder, artifact_files::kOptimizer), progress);
}

// state.json of the composite: a training that has done no step. Ages and states stand by tensor,
// as parents may differ in both; states only where some are not AdamW's, so that such files stay as
// they were before there were others.
Json StateOf(const MergePlan& plan) {
  Json state = {{"format", 1}, {"step", 0}, {"epoch", 0}, {"tokens", 0}, {"seed", plan.seed}};
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

}  // namespace

Status WriteComposite(const MergePlan& plan, const std::vector<std::string>& source_folders,
                      const std::string& folder,
                      const std::function<void(int64_t, int64_t)>& report) {
  Progress progress(plan, report);
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  if (const Status status = WriteTensors(plan, source_folders, folder, &progress); !status.ok()) {
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
                             const std::string& folder) {
  Json account = ToJson(plan);
  Json& tensors = account["tensors"];
  std::vector<TensorSet> sets = {kWeights};
  for (TensorSet& state : StatesOf(plan)) sets.push_back(std::move(state));
  for (const TensorSet& set : sets) {
    BRAID_ASSIGN_OR_RETURN(const Composer composer, Composer::Create(plan, set, source_folders));
    BRAID_RETURN_IF_ERROR(VerifyFile(
        plan, composer, JoinPath(folder, set.file), [&](size_t target, const std::string& sha256) {
          Json& entry = tensors[target];
          (set.IsWeights() ? entry["sha256"] : entry["moments"][set.state + "_sha256"]) = sha256;
        }));
  }
  account["proof"] = "bit-equal";
  return account;
}

}  // namespace braid::merge
