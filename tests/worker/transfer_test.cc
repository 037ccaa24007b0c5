#include "worker/io/transfer.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <deque>
#include <utility>

#include "base/file.h"
#include "worker/agent/blob_moves.h"
#include "worker/io/cached_manifests.h"

namespace braid::worker {
namespace {

using storage::BlobStore;
using ::testing::HasSubstr;

// A coordinator whose line breaks: each call fails after so many bytes, or before it began, as the
// test draws.
class BrokenLine : public BlobLink {
 public:
  BrokenLine(BlobStore& store, std::deque<int> cuts, size_t piece)
      : store_(store), cuts_(std::move(cuts)), piece_(piece) {}

  Result<uint64_t> CommittedBytes(const std::string& sha256, uint64_t size,
                                  bool* complete) override {
    if (Cut() == 0) return Unavailable("cut");
    auto status = store_.QueryUpload(sha256, size);
    if (!status.ok()) return status.status();
    *complete = status->complete;
    return status->committed;
  }

  Status Upload(const Sending& sending) override {
    const std::string& sha256 = sending.sha256;
    const uint64_t size = sending.size;
    uint64_t offset = sending.offset;
    const std::string content = ReadFile(sending.path).value();
    const int cut = Cut();
    int pieces = 0;
    do {
      if (pieces++ == cut) {
        (void)store_.SyncUpload(sha256);
        return Unavailable("cut");
      }
      const std::string_view piece = std::string_view(content).substr(offset, piece_);
      const auto written = store_.WriteUpload(sha256, size, offset, piece);
      BRAID_RETURN_IF_ERROR(written.status());
      sent_ += piece.size();
      offset += piece.size();
    } while (offset < size);
    return OkStatus();
  }

  Status Download(const std::string& sha256, const std::string&, uint64_t offset,
                  const std::function<Status(std::string_view)>& use) override {
    const std::string content = ReadFile(store_.PathOf(sha256)).value();
    const int cut = Cut();
    int pieces = 0;
    for (; offset < content.size(); offset += piece_) {
      if (pieces++ == cut) return Unavailable("cut");
      std::string piece = content.substr(offset, piece_);
      if (damage_-- == 0) piece[0] = static_cast<char>(~piece[0]);
      BRAID_RETURN_IF_ERROR(use(piece));
      sent_ += piece.size();
    }
    return OkStatus();
  }

  void DamagePiece(int number) { damage_ = number; }
  uint64_t sent() const { return sent_; }

 private:
  int Cut() {
    if (cuts_.empty()) return 1 << 30;
    const int cut = cuts_.front();
    cuts_.pop_front();
    return cut;
  }
  BlobStore& store_;
  std::deque<int> cuts_;
  const size_t piece_;
  int damage_ = -1;
  uint64_t sent_ = 0;
};

// The worker's decisions about blobs, with their tries done here and now and no pause waited for.
struct Sides {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::unique_ptr<BlobStore> worker = BlobStore::Open(folder.path() + "/worker").value();
  std::unique_ptr<BlobStore> coordinator = BlobStore::Open(folder.path() + "/coordinator").value();
  StopSignal stop;
  Turn turn;
  Calls calls{"boot", turn};
  BlobMoves moves{calls};

  Done Try(BlobLink& line, const Do& effect) {
    if (const auto* up = std::get_if<UploadBlob>(&effect.work))
      return {effect.id, TryUpload(line, *worker, up->sha256, up->output), {}};
    if (const auto* down = std::get_if<DownloadBlob>(&effect.work))
      return {effect.id, TryDownload(line, *worker, *down, stop), {}};
    return {effect.id, OkStatus(), std::get<FindMissingBlobs>(effect.work).sha256};
  }
  void RunToEnd(BlobLink& line) {
    while (!calls.empty()) {
      for (const Effect& effect : std::exchange(turn.effects, {}))
        if (const Do* work = std::get_if<Do>(&effect)) calls.OnDone(Try(line, *work));
      if (turn.effects.empty() && !calls.empty()) turn.now_ms = calls.NextWake();
      calls.Advance();
    }
  }
  Status Upload(BlobLink& line, const std::string& digest) {
    Status ended = Internal("did not end");
    moves.UploadMissing("rank", {}, {digest}, [&](const Status& status) { ended = status; });
    RunToEnd(line);
    return ended;
  }
  Status Download(BlobLink& line, const std::string& digest, size_t size) {
    Status ended = Internal("did not end");
    moves.Download("rank", {digest, size, ""}, [&](const Status& status) { ended = status; });
    RunToEnd(line);
    return ended;
  }
};

// A cut of 0 to 3 pieces for each of a few calls. Ranges grow with the size, which is small here
// for the number of cuts alone.
std::deque<int> DrawCuts() {
  const auto pieces = rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, 4));
  const auto cuts = *rc::gen::resize(6, rc::gen::container<std::vector<int>>(pieces));
  return {cuts.begin(), cuts.end()};
}

TEST(TransferTest, UploadsArriveWholeThroughAnyCuts) {
  EXPECT_TRUE(rc::check("upload", [] {
    Sides sides;
    const auto content = *rc::gen::resize(200, rc::gen::string<std::string>());
    const std::string digest = sides.worker->AddBytes(content).value();
    BrokenLine line(*sides.coordinator, DrawCuts(), 16);
    RC_ASSERT(sides.Upload(line, digest).ok());
    RC_ASSERT(ReadFile(sides.coordinator->PathOf(digest)).value() == content);
    // Nothing is sent twice: what was synced before a cut stays.
    RC_ASSERT(line.sent() <= content.size());
    const uint64_t before = line.sent();
    RC_ASSERT(sides.Upload(line, digest).ok());
    RC_ASSERT(line.sent() == before);
  }));
}

TEST(TransferTest, DownloadsArriveWholeThroughAnyCuts) {
  EXPECT_TRUE(rc::check("download", [] {
    Sides sides;
    const auto content = *rc::gen::resize(200, rc::gen::string<std::string>());
    const std::string digest = sides.coordinator->AddBytes(content).value();
    BrokenLine line(*sides.coordinator, DrawCuts(), 16);
    RC_ASSERT(sides.Download(line, digest, content.size()).ok());
    RC_ASSERT(ReadFile(sides.worker->PathOf(digest)).value() == content);
    // Nothing comes twice: what was written before a cut stays.
    RC_ASSERT(line.sent() == content.size());
  }));
}

TEST(TransferTest, ADownloadGoesOnAfterARestartOfTheWorker) {
  Sides sides;
  const std::string content(1000, 'x');
  const std::string digest = sides.coordinator->AddBytes(content).value();
  BrokenLine first(*sides.coordinator, {10}, 16);
  const auto cut = [&](std::string_view piece) {
    return sides.worker->WriteUpload(digest, content.size(), first.sent(), piece).status();
  };
  EXPECT_FALSE(first.Download(digest, "", 0, cut).ok());
  sides.worker = BlobStore::Open(sides.folder.path() + "/worker").value();  // killed: nothing was
                                                                            // synced
  BrokenLine second(*sides.coordinator, {}, 16);
  ASSERT_TRUE(sides.Download(second, digest, content.size()).ok());
  EXPECT_EQ(first.sent() + second.sent(), content.size());
}

TEST(TransferTest, RanksOfOneWorkerFetchABlobOnce) {
  Sides sides;
  const std::string content(100'000, 'x');
  const std::string digest = sides.coordinator->AddBytes(content).value();
  BrokenLine line(*sides.coordinator, {1, 2}, 1000);
  int ended = 0;
  for (const char* rank : {"a", "b", "c", "d"}) {
    sides.moves.Download(rank, {digest, content.size(), ""}, [&](const Status& status) {
      EXPECT_TRUE(status.ok()) << status.ToString();
      ++ended;
    });
  }
  sides.moves.Leave("c");
  sides.RunToEnd(line);
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(line.sent(), content.size());
  EXPECT_TRUE(sides.worker->Verify(digest).ok());
}

TEST(TransferTest, AWorkerThatStartsAgainKnowsWhatIsWholeInItsCache) {
  Sides sides;
  const std::string folder = sides.folder.path() + "/artifacts";
  ASSERT_TRUE(MakeFolder(folder).ok());
  const auto artifact = [&](const std::string& content) {
    storage::Manifest manifest;
    manifest.kind = "source";
    manifest.files = {{"text", sides.worker->AddBytes(content).value(), content.size()}};
    EXPECT_TRUE(
        WriteFileAtomic(ManifestPath(JoinPath(folder, manifest.Id())), manifest.Canonical()).ok());
    return manifest;
  };
  const auto whole = artifact("whole"), partly = artifact("partly"), damaged = artifact("damaged");
  ASSERT_TRUE(sides.worker->Remove(partly.files[0].sha256).ok());
  ASSERT_TRUE(
      WriteFileAtomic(ManifestPath(JoinPath(folder, damaged.Id())), whole.Canonical()).ok());
  const CacheContent content = ReadCache(folder, *sides.worker).value();
  ASSERT_EQ(content.artifacts.size(), 1u);
  EXPECT_EQ(content.artifacts.at(whole.Id()).blobs,
            (std::map<std::string, uint64_t>{{whole.files[0].sha256, 5}}));
  EXPECT_EQ(content.loose, (std::map<std::string, uint64_t>{{damaged.files[0].sha256, 7}}));
  EXPECT_THAT(ListFolder(folder).value(), ::testing::ElementsAre(whole.Id() + ".manifest.json"));
}

TEST(TransferTest, ABlobThatANeighbourHasSentNeedNotBeInTheCache) {
  Sides sides;
  const std::string digest = sides.coordinator->AddBytes("content").value();
  BrokenLine line(*sides.coordinator, {}, 16);
  EXPECT_TRUE(sides.Upload(line, digest).ok());
  EXPECT_EQ(sides.Upload(line, Sha256Hex("nowhere")).code(), StatusCode::kNotFound);
}

TEST(TransferTest, ADamagedDownloadIsFetchedAgainThenRefused) {
  Sides sides;
  const std::string content(100, 'x');
  const std::string digest = sides.coordinator->AddBytes(content).value();
  BrokenLine once(*sides.coordinator, {}, 16);
  once.DamagePiece(3);
  EXPECT_TRUE(sides.Download(once, digest, content.size()).ok());

  const std::string path = sides.coordinator->PathOf(digest);
  ASSERT_TRUE(RemoveFile(path).ok());
  ASSERT_TRUE(WriteFileAtomic(path, std::string(100, 'y')).ok());
  ASSERT_TRUE(sides.worker->Remove(digest).ok());
  BrokenLine always(*sides.coordinator, {}, 16);
  const Status status = sides.Download(always, digest, content.size());
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(digest));
  EXPECT_FALSE(sides.worker->Has(digest));
}

TEST(TransferTest, AnUploadTornByACrashIsSentAgain) {
  Sides sides;
  const std::string content(100, 'x');
  const std::string digest = sides.worker->AddBytes(content).value();
  // A crash of the coordinator's machine left the length of the upload and not its bytes.
  ASSERT_TRUE(WriteFileAtomic(sides.folder.path() + "/coordinator/uploads/" + digest + ".100",
                              std::string(60, '\0'))
                  .ok());
  sides.coordinator = BlobStore::Open(sides.folder.path() + "/coordinator").value();
  EXPECT_EQ(sides.coordinator->QueryUpload(digest, 100)->committed, 60u);
  BrokenLine line(*sides.coordinator, {}, 16);
  EXPECT_TRUE(sides.Upload(line, digest).ok());
  EXPECT_TRUE(sides.coordinator->Verify(digest).ok());
}

TEST(TransferTest, ACancelledDownloadEndsEarlyAndKeepsWhatCame) {
  Sides sides;
  const std::string content(1000, 'x');
  const std::string digest = sides.coordinator->AddBytes(content).value();
  BrokenLine line(*sides.coordinator, {10}, 16);
  EXPECT_EQ(TryDownload(line, *sides.worker, {digest, content.size(), ""}, sides.stop).code(),
            StatusCode::kUnavailable);
  sides.stop.Set();
  EXPECT_EQ(TryDownload(line, *sides.worker, {digest, content.size(), ""}, sides.stop).code(),
            StatusCode::kCancelled);
  EXPECT_EQ(sides.worker->QueryUpload(digest, content.size())->committed, 160u);
}

}  // namespace
}  // namespace braid::worker
