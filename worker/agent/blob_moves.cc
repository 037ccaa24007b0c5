#include "worker/agent/blob_moves.h"

#include <algorithm>

namespace braid::worker {
namespace {

// Bytes that have to be moved again: torn by a crash, or lost by a failed fsync. The side that
// found it has dropped them.
bool IsDamage(const Status& status) {
  return status.Is(ErrorReason::kDigestMismatch) || status.Is(ErrorReason::kFsyncFailed);
}

Status JudgeUpload(const Status& status, int* damaged) {
  // The coordinator has another offset than it said: another worker sent the same blob meanwhile,
  // or the coordinator restarted and lost bytes that were not synced. The next try asks again.
  if (status.code() == StatusCode::kOutOfRange) return Unavailable(status.message());
  // The first time, bytes from before a crash may have been torn; the coordinator has dropped them.
  // The second time it is this worker's own file that does not have the digest.
  if (IsDamage(status) && ++*damaged < 2) return Unavailable(status.message());
  return status;
}

Status JudgeDownload(const Status& status, int* damaged) {
  if (!IsDamage(status)) return status;
  if (++*damaged < 2) return Unavailable(status.message());
  return Status(StatusCode::kDataLoss, status.reason(), status.message());
}

}  // namespace

bool IsBlobLost(const Status& status) {
  return status.Is(ErrorReason::kBlobMissing);
}

int64_t PauseAfterLossMs(int times) {
  constexpr int64_t kFirstMs = 1'000, kMostMs = 60'000;
  return times <= 1 ? 0 : std::min(kFirstMs << std::min(times - 2, 16), kMostMs);
}

void BlobMoves::Join(const CallOwner& owner, const Key& key, Work work, Calls::Judge judge,
                     Then then) {
  const auto [move, is_new] = moves_.try_emplace(key);
  move->second.waiters.emplace_back(owner, std::move(then));
  if (!is_new) return;
  move->second.call = calls_.RetryUntilSettled(
      "blob " + key.second.substr(0, 12), std::move(work),
      [this, key](const Done& done) { OnMoved(key, done.status); }, std::move(judge));
}

void BlobMoves::OnMoved(const Key& key, const Status& status) {
  // Taken out before the callbacks run, because they may start a new transfer of the same blob.
  const auto move = moves_.extract(key);
  for (const auto& [owner, then] : move.mapped().waiters) then(status);
}

void BlobMoves::Download(const CallOwner& owner, const DownloadBlob& blob, Then then) {
  Join(
      owner, {Way::kDown, blob.sha256}, blob,
      [damaged = 0](const Status& status) mutable { return JudgeDownload(status, &damaged); },
      std::move(then));
}

void BlobMoves::UploadMissing(const CallOwner& owner, const OutputName& output,
                              std::vector<std::string> sha256, Then then) {
  calls_.RetryUntilSettled(
      owner, FindMissingBlobs{std::move(sha256)}, [this, owner, output, then](const Done& done) {
        if (!done.status.ok()) return then(done.status);
        Upload(owner, output, std::get<std::vector<std::string>>(done.answer), then);
      });
}

void BlobMoves::Upload(const CallOwner& owner, const OutputName& output,
                       const std::vector<std::string>& missing, Then then) {
  UploadNext(owner, std::make_shared<const Uploads>(Uploads{output, missing}), 0, then);
}

void BlobMoves::UploadNext(const CallOwner& owner, const SharedUploads& uploads, size_t next,
                           const Then& then) {
  if (next == uploads->missing.size()) return then(OkStatus());
  const std::string& sha256 = uploads->missing[next];
  Join(
      owner, {Way::kUp, sha256}, UploadBlob{sha256, uploads->output},
      [damaged = 0](const Status& status) mutable { return JudgeUpload(status, &damaged); },
      [this, owner, uploads, next, then](const Status& status) {
        if (!status.ok()) return then(status);
        UploadNext(owner, uploads, next + 1, then);
      });
}

void BlobMoves::Leave(const CallOwner& owner) {
  for (auto move = moves_.begin(); move != moves_.end();) {
    std::erase_if(move->second.waiters, [&](const auto& waiter) { return waiter.first == owner; });
    if (move->second.waiters.empty()) {
      calls_.Cancel(move->second.call);
      move = moves_.erase(move);
    } else {
      ++move;
    }
  }
}

}  // namespace braid::worker
