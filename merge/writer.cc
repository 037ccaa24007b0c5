#include "merge/writer.h"

#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "storage/files/safetensors.h"

namespace braid::merge {
namespace {

using storage::SafetensorsFile;
using storage::SafetensorsWriter;

// Elements of a tensor in memory at a time.
constexpr int64_t kPieceElements = int64_t{1} << 20;

Result<std::vector<SafetensorsFile>> OpenParents(const std::vector<std::string>& folders) {
  std::vector<SafetensorsFile> files;
  for (const std::string& folder : folders) {
    BRAID_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(JoinPath(folder, "model.safetensors")));
    files.push_back(std::move(file));
  }
  return files;
}

// Rows [begin, end) of a target as it should be.
Status Compose(const MergePlan& plan, const Target& target, const std::vector<SafetensorsFile>& parents, int64_t begin,
               int64_t end, std::vector<float>* out) {
  const int64_t width = target.tensor.shape.size() > 1 ? target.tensor.shape[1] : 1;
  out->resize(static_cast<size_t>((end - begin) * width));
  if (target.rule == Rule::kInitialize) {
    model::InitializeRange(target.tensor, plan.seed, begin * width, (end - begin) * width, out->data());
    return OkStatus();
  }
  for (const Target::Source& source : target.sources) {
    const storage::TensorEntry* entry = parents[source.parent].Find(source.tensor);
    if (entry == nullptr) return NotFound(parents[source.parent].path() + ": tensor " + source.tensor + " is missing");
    BRAID_ASSIGN_OR_RETURN(const float* data, parents[source.parent].Floats(source.tensor, entry->shape));
    const int64_t columns = target.tensor.shape.size() > 1 ? source.columns : 1;
    for (int64_t row = begin; row < end; ++row) {
      const float* from = data + row * columns;
      for (int64_t i = 0; i < columns; ++i) {
        if (!std::isfinite(from[i])) {
          return InvalidArgument(Format("parent %s: tensor %s holds %g at row %lld; train that path again or use an earlier "
                                        "checkpoint",
                                        plan.parents[source.parent].c_str(), source.tensor.c_str(),
                                        static_cast<double>(from[i]), (long long)row));
        }
      }
      std::memcpy(out->data() + (row - begin) * width + source.column, from, static_cast<size_t>(columns) * sizeof(float));
    }
  }
  return OkStatus();
}

// Calls `use` with the rows of a target, a piece at a time.
Status EachPiece(const MergePlan& plan, const Target& target, const std::vector<SafetensorsFile>& parents,
                 const std::function<Status(int64_t first_element, const std::vector<float>&)>& use) {
  const int64_t rows = target.tensor.shape.front();
  const int64_t width = target.tensor.elements() / std::max<int64_t>(1, rows);
  const int64_t step = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, width));
  std::vector<float> piece;
  for (int64_t begin = 0; begin < rows; begin += step) {
    BRAID_RETURN_IF_ERROR(Compose(plan, target, parents, begin, std::min(rows, begin + step), &piece));
    BRAID_RETURN_IF_ERROR(use(begin * width, piece));
  }
  return OkStatus();
}

}  // namespace

Status WriteComposite(const MergePlan& plan, const std::vector<std::string>& parent_folders, const std::string& folder,
                      const std::function<void(int64_t, int64_t)>& progress) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<SafetensorsFile> parents, OpenParents(parent_folders));
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const Target& target : plan.targets) tensors.push_back({target.tensor.name, "F32", target.tensor.shape});
  BRAID_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(JoinPath(folder, "model.safetensors"), tensors));
  int64_t done = 0;
  for (const Target& target : plan.targets) {
    BRAID_RETURN_IF_ERROR(EachPiece(plan, target, parents, [&](int64_t, const std::vector<float>& piece) {
      return writer->Append(target.tensor.name, piece.data(), piece.size() * sizeof(float));
    }));
    progress(++done, static_cast<int64_t>(plan.targets.size()));
  }
  BRAID_RETURN_IF_ERROR(writer->Finish());
  const std::string tokenizer = JoinPath(parent_folders.front(), "tokenizer.json");
  if (PathExists(tokenizer)) BRAID_RETURN_IF_ERROR(CopyFile(tokenizer, JoinPath(folder, "tokenizer.json")));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(folder, "config.json"), {{"format", 1}, {"model", model::ToJson(plan.model)}}));
  return WriteJsonFile(JoinPath(folder, "state.json"),
                       {{"format", 1}, {"step", 0}, {"epoch", 0}, {"tokens", 0}, {"seed", plan.seed}});
}

Result<Json> ProveComposite(const MergePlan& plan, const std::vector<std::string>& parent_folders,
                            const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<SafetensorsFile> parents, OpenParents(parent_folders));
  BRAID_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(JoinPath(folder, "model.safetensors")));
  Json account = ToJson(plan);
  for (size_t t = 0; t < plan.targets.size(); ++t) {
    const Target& target = plan.targets[t];
    BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(target.tensor.name, target.tensor.shape));
    const Status status = EachPiece(plan, target, parents, [&](int64_t first, const std::vector<float>& piece) {
      if (std::memcmp(data + first, piece.data(), piece.size() * sizeof(float)) == 0) return OkStatus();
      return DataLoss(file.path() + ": tensor " + target.tensor.name + " is not what the plan says");
    });
    BRAID_RETURN_IF_ERROR(status);
    account["tensors"][t]["sha256"] =
        Sha256Hex({reinterpret_cast<const char*>(data), static_cast<size_t>(target.tensor.elements()) * sizeof(float)});
  }
  account["proof"] = "bit-equal";
  return account;
}

}  // namespace braid::merge
