#include "cli/client/backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <set>

#include "base/file.h"
#include "base/private_folder.h"
#include "base/sha256.h"
#include "base/state_files.h"
#include "braid/v1/keeping.grpc.pb.h"

namespace braid::cli {
namespace {

constexpr char kList[] = "blobs.sha256";

std::string BlobPath(const std::string& sha256) {
  return std::string(state_files::kStore) + "/blobs/" + sha256.substr(0, 2) + "/" + sha256;
}

// A backup never overwrites files that are not of a backup.
Status CheckFolder(const std::string& dir) {
  if (!PathExists(dir)) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(dir));
  const std::set<std::string> there(names.begin(), names.end());
  const auto refuse = [&](const std::string& why) {
    return Status(StatusCode::kAlreadyExists, ErrorReason::kAlreadyExists,
                  dir + " " + why + ": choose another folder");
  };
  if (there.contains(state_files::kCoordinatorLock))
    return refuse("is or was the folder of a coordinator");
  const std::set<std::string> ours = {state_files::kCatalog, kList, state_files::kStore,
                                      state_files::kCatalog + std::string(".part"),
                                      kList + std::string(".part")};
  for (const std::string& name : there) {
    if (!ours.contains(name)) return refuse("holds " + name + ", which no backup made");
  }
  if (!there.empty() && !there.contains(kList) &&
      !there.contains(state_files::kCatalog + std::string(".part")))
    return refuse("holds other things than an earlier backup");
  return OkStatus();
}

// The stream of a backup, which keeps the coordinator from deleting blobs as long as it is open.
class Session {
 public:
  explicit Session(Client* client) : client_(client) {
    reader_ = client_->keeping()->BackUp(&context_, v1::BackUpRequest());
  }
  ~Session() {
    context_.TryCancel();
    if (reader_ != nullptr) (void)reader_->Finish();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The catalog, and the blobs that it needs.
  Status Receive(const std::string& path, uint64_t* bytes, std::map<std::string, uint64_t>* blobs) {
    const UniqueFd fd(open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
    if (!fd.valid()) return ErrnoStatus(errno, "creating " + path);
    v1::BackUpPiece piece;
    while (reader_->Read(&piece)) {
      BRAID_RETURN_IF_ERROR(WriteAll(fd.get(), piece.catalog(), path));
      *bytes += piece.catalog().size();
      for (const v1::NeededBlob& blob : piece.blobs()) (*blobs)[blob.sha256()] = blob.size();
      if (piece.complete()) return SyncFile(path);
    }
    const Status ended = client_->StatusOf(std::exchange(reader_, nullptr)->Finish());
    return ended.ok() ? Unavailable("the backup ended early; try again") : ended;
  }

 private:
  Client* const client_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::BackUpPiece>> reader_;
};

Status FetchBlobs(Client& client, const std::string& dir,
                  const std::map<std::string, uint64_t>& blobs, BackUpResult* result,
                  const std::function<void(uint64_t, uint64_t)>& progress) {
  uint64_t done = 0;
  for (const auto& [sha256, size] : blobs) {
    if (!IsSha256Hex(sha256)) return Internal("the coordinator names a blob \"" + sha256 + "\"");
    const std::string path = JoinPath(dir, BlobPath(sha256));
    // Files get their names when they are complete and verified.
    if (const Result<uint64_t> there = FileSize(path); there.ok() && *there == size) {
      done += size;
      progress(done, result->blob_bytes);
      continue;
    }
    BRAID_RETURN_IF_ERROR(MakeFolder(FolderOf(path)));
    const Status status = client.DownloadFile(sha256, path, [&](uint64_t bytes) {
      done += bytes;
      progress(done, result->blob_bytes);
    });
    if (!status.ok()) return status.Wrap("blob " + sha256);
    (void)chmod(path.c_str(), 0400);
    BRAID_RETURN_IF_ERROR(SyncFolder(FolderOf(path)));
    ++result->fetched;
  }
  return OkStatus();
}

// Blobs of an earlier backup that this one does not need, and what a cut left of a download.
Status RemoveOthers(const std::string& dir, const std::map<std::string, uint64_t>& blobs,
                    BackUpResult* result) {
  const std::string folder = JoinPath(dir, std::string(state_files::kStore) + "/blobs");
  if (!PathExists(folder)) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListTree(folder));
  for (const std::string& path : paths) {
    if (blobs.contains(std::string(BaseName(path)))) continue;
    BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(folder, path)));
    ++result->removed;
  }
  return OkStatus();
}

std::string ListOf(const std::map<std::string, uint64_t>& blobs) {
  std::string list;
  for (const auto& [sha256, size] : blobs) list += sha256 + "  " + BlobPath(sha256) + "\n";
  return list;
}

}  // namespace

Result<BackUpResult> BackUp(Client& client, const std::string& dir, bool with_blobs,
                            const std::function<void(uint64_t, uint64_t)>& progress) {
  BRAID_RETURN_IF_ERROR(CheckFolder(dir));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(dir));
  const std::string catalog = JoinPath(dir, state_files::kCatalog);
  BackUpResult result;
  std::map<std::string, uint64_t> blobs;
  Session session(&client);
  BRAID_RETURN_IF_ERROR(session.Receive(catalog + ".part", &result.catalog_bytes, &blobs));
  result.blobs = static_cast<int64_t>(blobs.size());
  for (const auto& [sha256, size] : blobs) result.blob_bytes += size;
  if (with_blobs) BRAID_RETURN_IF_ERROR(FetchBlobs(client, dir, blobs, &result, progress));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(dir, kList), ListOf(blobs)));
  BRAID_RETURN_IF_ERROR(Rename(catalog + ".part", catalog));
  BRAID_RETURN_IF_ERROR(SyncFolder(dir));
  if (with_blobs) BRAID_RETURN_IF_ERROR(RemoveOthers(dir, blobs, &result));
  return result;
}

}  // namespace braid::cli
