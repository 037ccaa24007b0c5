#include "trainer/eval/journal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

constexpr const char* kPiecesFile = "evaluation_pieces.json";

// Hard links where possible: adapters may be large, and files in a checkpoint are never changed.
Status CopyTree(const std::string& from, const std::string& to) {
  if (!IsFolder(from)) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListTree(from));
  for (const std::string& file : files) {
    BRAID_RETURN_IF_ERROR(MakeFolder(std::string(FolderOf(JoinPath(to, file)))));
    BRAID_RETURN_IF_ERROR(LinkOrCopy(JoinPath(from, file), JoinPath(to, file)));
  }
  return OkStatus();
}

}  // namespace

Journal::Journal(const task::Task& task, std::string folder, int64_t seconds,
                 task::Channel& channel)
    : task_(task),
      channel_(channel),
      folder_(std::move(folder)),
      seconds_(seconds),
      spec_(Sha256Hex(task.spec.dump())),
      saved_ms_(SystemClock().MonotonicMs()) {}

Result<Journal> Journal::Open(const task::Task& task, std::string folder, int64_t seconds,
                              task::Channel& channel) {
  Journal journal(task, std::move(folder), seconds, channel);
  if (!task.resume.empty()) BRAID_RETURN_IF_ERROR(journal.Resume());
  return journal;
}

Status Journal::Resume() {
  const std::string path = JoinPath(task_.resume, kPiecesFile);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  JsonReader read(json, path);
  const std::string spec = read.RequireString("spec");
  const Json& pieces = read.RequireObject("pieces");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (spec != spec_)
    return InvalidArgument(task_.resume +
                           " is a checkpoint of an evaluation with another spec; start without it");
  for (const auto& [name, value] : pieces.items()) pieces_[name] = value;
  saved_ = this->pieces();
  Log(LogLevel::kInfo, task_.job, Format("goes on after %lld pieces", (long long)saved_));
  return CopyTree(JoinPath(task_.resume, folder_), JoinPath(task_.output, folder_));
}

Result<Json> Journal::Piece(const std::string& name, const MakePiece& make) {
  if (const auto made = pieces_.find(name); made != pieces_.end()) return made->second;
  // A piece may take hours, so none is begun after a request to stop.
  if (channel_.stop_requested()) return Cancelled("stopped before measuring " + name);
  BRAID_ASSIGN_OR_RETURN(Json value, make());
  pieces_[name] = value;
  const bool due = SystemClock().MonotonicMs() - saved_ms_ >= seconds_ * 1000;
  if (channel_.TakeCheckpointRequest() || due) BRAID_RETURN_IF_ERROR(Save());
  return value;
}

Once Journal::AsOnce() {
  return [this](const std::string& name, const MakePiece& make) { return Piece(name, make); };
}

Status Journal::Save() {
  if (pieces() == saved_) return OkStatus();
  const std::string target = JoinPath(JoinPath(task_.work, "checkpoints"),
                                      "step-" + std::to_string(pieces()));
  BRAID_RETURN_IF_ERROR(
      WriteCheckpoint(target).Wrap("checkpoint of " + std::to_string(pieces()) + " pieces"));
  saved_ = pieces();
  saved_ms_ = SystemClock().MonotonicMs();
  kept_.push_back(saved_);
  channel_.Checkpoint(saved_, target, {{"pieces", saved_}});
  RemoveOld();
  return OkStatus();
}

Status Journal::WriteCheckpoint(const std::string& target) const {
  // Complete or not at all, as a checkpoint of a training.
  const std::string temporary = target + ".tmp";
  BRAID_RETURN_IF_ERROR(RemoveTree(temporary));
  BRAID_RETURN_IF_ERROR(MakeFolder(temporary));
  BRAID_RETURN_IF_ERROR(CopyTree(JoinPath(task_.output, folder_), JoinPath(temporary, folder_)));
  BRAID_RETURN_IF_ERROR(
      WriteJsonFile(JoinPath(temporary, kPiecesFile), {{"spec", spec_}, {"pieces", pieces_}}));
  BRAID_RETURN_IF_ERROR(RemoveTree(target));
  BRAID_RETURN_IF_ERROR(Rename(temporary, target));
  return SyncFolder(std::string(FolderOf(target)));
}

// A worker takes checkpoints over and confirms each; those up to the confirmed one can go. Without
// a worker, the last two stay. The newest always stays.
void Journal::RemoveOld() {
  const auto is_old = [this](int64_t step) {
    if (step == kept_.back()) return false;
    return channel_.has_worker() ? step <= channel_.stored_checkpoint()
                                 : kept_.size() > 2 && step < kept_[kept_.size() - 2];
  };
  const std::string folder = JoinPath(task_.work, "checkpoints");
  for (const int64_t step : std::vector<int64_t>(kept_)) {
    if (!is_old(step)) continue;
    (void)RemoveTree(JoinPath(folder, "step-" + std::to_string(step)));
    std::erase(kept_, step);
  }
}

}  // namespace braid::trainer
