#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <limits>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/sha256.h"
#include "storage/files/blob_store.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kAnyAge = std::numeric_limits<int64_t>::max();

// A second place in memory.
class MemoryRemote final : public RemoteStore {
 public:
  std::string Name() const override { return name; }
  Status Claim(const std::string& asks) override {
    if (!wrong.ok()) return wrong;
    if (owner.empty()) owner = asks;
    return owner == asks ? OkStatus() : AlreadyExists("it belongs to " + owner);
  }
  void Expect(const std::string& asks) override { expected = asks; }
  Status Put(const std::string& sha256, const std::string& path) override {
    if (!wrong.ok()) return wrong;
    if (during_put) during_put(sha256);
    if (refused == sha256) return DataLoss("damaged");
    blobs[sha256] = ReadFile(path).value();
    return OkStatus();
  }
  Result<std::string> Read(const std::string& sha256, uint64_t offset, uint64_t bytes) override {
    if (!wrong.ok()) return wrong;
    if (!blobs.contains(sha256))
      return Status(StatusCode::kNotFound, ErrorReason::kBlobMissing, "no such object");
    return blobs[sha256].substr(offset, bytes);
  }
  Result<std::string> UrlOf(const std::string& sha256) override {
    return "https://bucket/" + sha256;
  }
  Status Remove(const std::string& sha256) override {
    if (!wrong.ok()) return wrong;
    blobs.erase(sha256);
    return OkStatus();
  }
  Result<std::vector<RemoteBlob>> List() override {
    if (!wrong.ok()) return wrong;
    std::vector<RemoteBlob> list;
    for (const auto& [sha256, content] : blobs) list.push_back({sha256, content.size(), 1000});
    return list;
  }
  Result<DirectUpload> BeginDirect(const std::string&, uint64_t) override {
    return DirectUpload{1000, {}};
  }
  Status EndDirect(const std::string& sha256, uint64_t) override {
    if (during_end) during_end(sha256);
    return wrong;
  }
  Status DropAbandoned() override { return wrong; }
  Status Check() override { return wrong; }

  std::string name = "s3://models/lab";
  std::string owner, expected;
  std::map<std::string, std::string> blobs;
  Status wrong;         // of all calls
  std::string refused;  // this blob is not taken
  std::function<void(const std::string&)> during_put, during_end;
};

class BlobRemoteTest : public ::testing::Test {
 protected:
  BlobRemoteTest() { Restart(); }
  // As the next process finds it.
  void Restart() {
    store_ = BlobStore::Open(folder_.path()).value();
    EXPECT_EQ(store_->Attach(&remote_, "me"), OkStatus());
  }
  void CopyAll() {
    while (store_->CopyNext(0).value()) continue;
  }
  // Leaves the blob in the second place alone.
  std::string AddRemote(const std::string& content) {
    const std::string sha256 = store_->AddBytes(content).value();
    CopyAll();
    EXPECT_EQ(store_->Shrink(0), OkStatus());
    EXPECT_FALSE(PathExists(store_->PathOf(sha256)));
    return sha256;
  }
  std::string All(const std::string& sha256) {
    const auto reader = store_->OpenBlob(sha256).value();
    return reader->Read(0, reader->size()).value();
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  MemoryRemote remote_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobRemoteTest, UrlsAreOfWhatIsThere) {
  const std::string sha256 = store_->AddBytes("text").value();
  EXPECT_EQ(store_->UrlOf(sha256).value(), "") << "it is in the folder alone";
  CopyAll();
  EXPECT_EQ(store_->UrlOf(sha256).value(), "https://bucket/" + sha256);
  remote_.blobs[sha256] = "tuxt";
  EXPECT_EQ(store_->Verify(sha256).code(), StatusCode::kDataLoss);
  EXPECT_EQ(store_->UrlOf(sha256).value(), "") << "what has changed there is not believed";
}

TEST_F(BlobRemoteTest, WhatOthersPutThereIsStoredOnceThePlaceSaysSo) {
  const std::string sha256 = Sha256Hex("words");
  EXPECT_EQ(store_->BeginDirect(sha256, 5)->part_bytes, 1000u);
  remote_.wrong = Unavailable("not reached");
  EXPECT_EQ(store_->EndDirect(sha256, 5).status(), remote_.wrong);
  EXPECT_FALSE(store_->Has(sha256));
  remote_.wrong = OkStatus();
  remote_.blobs[sha256] = "words";
  EXPECT_TRUE(store_->EndDirect(sha256, 5).value());
  EXPECT_FALSE(store_->EndDirect(sha256, 5).value()) << "it was there";
  EXPECT_EQ(All(sha256), "words");
  EXPECT_EQ(store_->NotCopied().blobs, 0);
  Restart();
  EXPECT_EQ(store_->Size(sha256).value(), 5u);
  const auto alone = BlobStore::Open(folder_.path() + "/alone").value();
  EXPECT_EQ(alone->BeginDirect(sha256, 5)->part_bytes, 0u);
  EXPECT_THAT(alone->SignDirect(sha256, 5, {}).status().message(), HasSubstr("no bucket"));
  EXPECT_THAT(alone->EndDirect(sha256, 5).status().message(), HasSubstr("no bucket"));
}

// Before the note is written, nothing else protects it.
TEST_F(BlobRemoteTest, WhatIsVerifiedThereIsNeitherSweptNorCopied) {
  const std::string sha256 = Sha256Hex("words");
  remote_.blobs[sha256] = "words";
  remote_.during_end = [&](const std::string&) {
    EXPECT_EQ(store_->EndDirect(sha256, 5).status().code(), StatusCode::kAborted)
        << "one at a time";
    BlobStore::Sweep sweep(store_.get());
    EXPECT_FALSE(sweep.Remove(sha256, kAnyAge).value());
    ASSERT_TRUE(store_->AddBytes("words").ok());  // through the coordinator
    EXPECT_FALSE(store_->CopyNext(0).value());
  };
  remote_.during_put = [](const std::string&) { ADD_FAILURE() << "it is there"; };
  EXPECT_TRUE(store_->EndDirect(sha256, 5).value());
  CopyAll();
  EXPECT_EQ(store_->NotCopied().blobs, 0);
}

TEST_F(BlobRemoteTest, ABlobIsStoredBeforeItIsCopiedAndAfterItLeftTheFolder) {
  const std::string blob = store_->AddBytes("words").value();
  EXPECT_TRUE(store_->Has(blob));
  EXPECT_EQ(store_->NotCopied().blobs, 1);
  EXPECT_EQ(store_->NotCopied().bytes, 5u);
  EXPECT_EQ(store_->Shrink(0), OkStatus());
  EXPECT_EQ(All(blob), "words") << "what is not copied stays";
  CopyAll();
  EXPECT_EQ(remote_.blobs.at(blob), "words");
  EXPECT_EQ(store_->NotCopied().blobs, 0);
  EXPECT_EQ(store_->Shrink(5), OkStatus());
  EXPECT_TRUE(PathExists(store_->PathOf(blob))) << "there is room for it";
  EXPECT_EQ(store_->Shrink(4), OkStatus());
  EXPECT_FALSE(PathExists(store_->PathOf(blob)));
  for (int process = 0; process < 2; ++process, Restart()) {
    EXPECT_TRUE(store_->Has(blob));
    EXPECT_TRUE(store_->Promise(blob));
    EXPECT_EQ(store_->Size(blob).value(), 5u);
    EXPECT_EQ(All(blob), "words");
    EXPECT_TRUE(store_->QueryUpload(blob, 5)->complete);
    EXPECT_EQ(store_->Verify(blob), OkStatus());
    EXPECT_EQ(store_->NotCopied().blobs, 0);
  }
}

TEST_F(BlobRemoteTest, WhileThePlaceIsNotReachedNothingIsLost) {
  remote_.wrong = Unavailable("not reached");
  const std::string first = store_->AddBytes("first").value();
  const std::string second = store_->AddBytes("second").value();
  for (int tried = 0; tried < 4; ++tried) EXPECT_EQ(store_->CopyNext(0).status(), remote_.wrong);
  EXPECT_EQ(store_->NotCopied().blobs, 2);
  Restart();  // which does not need the place
  EXPECT_EQ(store_->NotCopied().blobs, 2);
  EXPECT_EQ(All(first), "first");
  remote_.wrong = OkStatus();
  CopyAll();
  EXPECT_EQ(remote_.blobs.size(), 2u);
  EXPECT_EQ(remote_.blobs.at(second), "second");
}

TEST_F(BlobRemoteTest, OneBlobThatCannotBeCopiedKeepsNoOthersWaiting) {
  const std::string bad = store_->AddBytes("bad").value();
  const std::string good = store_->AddBytes("good").value();
  remote_.refused = bad;
  for (int tried = 0; tried < 2; ++tried) (void)store_->CopyNext(0);
  EXPECT_TRUE(remote_.blobs.contains(good));
  EXPECT_EQ(store_->NotCopied().blobs, 1);
}

TEST_F(BlobRemoteTest, LargeBlobsAreReadByRanges) {
  std::string content;
  for (int64_t i = 0; content.size() < (size_t{17} << 20); ++i) content += std::to_string(i * 7919);
  const std::string blob = AddRemote(content);
  const auto reader = store_->OpenBlob(blob).value();
  ASSERT_EQ(reader->size(), content.size());
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1} << 20, (uint64_t{8} << 20) - 3,
                                uint64_t{content.size() - 100}, uint64_t{5}})
    EXPECT_EQ(reader->Read(offset, 100).value(), content.substr(offset, 100)) << offset;
  EXPECT_EQ(reader->Read(0, content.size()).value(), content);
}

TEST_F(BlobRemoteTest, AnArtifactIsLaidOutFromTheSecondPlace) {
  Manifest manifest;
  manifest.files.emplace_back();
  manifest.files[0].path = "a.txt";
  manifest.files[0].size = 5;
  manifest.files[0].sha256 = AddRemote("words");
  const std::string folder = JoinPath(folder_.path(), "laid");
  ASSERT_EQ(store_->Materialize(manifest, folder), OkStatus());
  EXPECT_EQ(ReadFile(JoinPath(folder, "a.txt")).value(), "words");
  EXPECT_EQ(store_->NotCopied().blobs, 0) << "it is there already";
  remote_.blobs[manifest.files[0].sha256] = "other";
  ASSERT_EQ(store_->Shrink(0), OkStatus());
  const Status wrong = store_->Materialize(manifest, folder + "2");
  EXPECT_TRUE(wrong.Is(ErrorReason::kDigestMismatch));
  EXPECT_THAT(wrong.message(), HasSubstr("has changed in s3://models/lab"));
  EXPECT_FALSE(PathExists(folder + "2"));
  EXPECT_THAT(ListFolder(folder_.path() + "/uploads").value(), IsEmpty());
}

TEST_F(BlobRemoteTest, ASweepDeletesInBothPlaces) {
  const std::string both = store_->AddBytes("both").value();
  CopyAll();
  const std::string there = AddRemote("there");
  ASSERT_TRUE(store_->AddBytes("both").ok());
  const std::string orphan = Sha256Hex("orphan");  // a crash came before its note
  remote_.blobs[orphan] = "orphan";
  EXPECT_EQ(store_->ListStored()->size(), 3u);
  {
    BlobStore::Sweep sweep(store_.get());
    BlobStore::Hold hold(store_.get());
    hold.Add(there);
    EXPECT_FALSE(sweep.Remove(there, kAnyAge).value()) << "it is held";
  }
  BlobStore::Sweep sweep(store_.get());
  EXPECT_FALSE(sweep.Remove(there, 5).value()) << "it is too young";
  for (const std::string& blob : {both, there, orphan})
    EXPECT_TRUE(sweep.Remove(blob, kAnyAge).value());
  EXPECT_THAT(remote_.blobs, IsEmpty());
  EXPECT_THAT(*store_->ListStored(), IsEmpty());
  for (const std::string& blob : {both, there}) EXPECT_FALSE(store_->Has(blob));
}

TEST_F(BlobRemoteTest, WhatIsBeingCopiedIsNotSwept) {
  const std::string blob = store_->AddBytes("words").value();
  BlobStore::Sweep sweep(store_.get());
  remote_.during_put = [&](const std::string& sha256) {
    EXPECT_FALSE(sweep.Remove(sha256, kAnyAge).value());
  };
  CopyAll();
  EXPECT_TRUE(store_->Has(blob));
  EXPECT_TRUE(sweep.Remove(blob, kAnyAge).value());
}

// First the note, then the object: whatever stops the deletion, nothing is promised that is gone.
TEST_F(BlobRemoteTest, ADeletionThatFailsPromisesNothing) {
  const std::string blob = AddRemote("words");
  {
    BlobStore::Sweep sweep(store_.get());
    remote_.wrong = Unavailable("not reached");
    EXPECT_EQ(sweep.Remove(blob, kAnyAge).status(), remote_.wrong);
  }
  EXPECT_FALSE(store_->Has(blob));
  remote_.wrong = OkStatus();
  EXPECT_EQ(store_->ListStored()->at(0).sha256, blob) << "the next sweep finds it";
  ASSERT_TRUE(store_->AddBytes("words").ok());
  CopyAll();
  EXPECT_TRUE(store_->Has(blob));
}

TEST_F(BlobRemoteTest, WhatWasLostThereIsPutThereAgainOrForgotten) {
  const std::string both = store_->AddBytes("both").value();
  CopyAll();
  remote_.blobs.clear();
  EXPECT_EQ(store_->ListStored()->size(), 1u);
  CopyAll();
  EXPECT_EQ(remote_.blobs.at(both), "both");
  const std::string there = AddRemote("there");
  remote_.blobs.erase(there);
  const auto reader = store_->OpenBlob(there).value();
  EXPECT_TRUE(reader->Read(0, 5).status().Is(ErrorReason::kBlobMissing));
  EXPECT_FALSE(store_->Has(there)) << "whoever has it may send it again";
}

TEST_F(BlobRemoteTest, ADigestThatIsWrongThereIsFound) {
  const std::string both = store_->AddBytes("both").value();
  CopyAll();
  remote_.blobs[both] = "bath";
  const Status healed = store_->Verify(both);
  EXPECT_EQ(healed.code(), StatusCode::kDataLoss);
  EXPECT_THAT(healed.message(),
              HasSubstr("has changed in s3://models/lab; it is put there again from"));
  CopyAll();
  EXPECT_EQ(store_->Verify(both), OkStatus());
  const std::string there = AddRemote("there");
  remote_.blobs[there] = "their";
  const Status gone = store_->Verify(there);
  EXPECT_TRUE(gone.Is(ErrorReason::kDigestMismatch));
  EXPECT_THAT(gone.message(), HasSubstr("has changed in s3://models/lab; send it again"));
  EXPECT_FALSE(store_->Has(there));
}

TEST_F(BlobRemoteTest, APlaceBelongsToOneFolderAndIsTakenOverWithWhatIsInIt) {
  const std::string blob = AddRemote("words");
  EXPECT_EQ(remote_.expected, remote_.owner);
  EXPECT_THAT(remote_.owner, HasSubstr("me "));
  // A backup of the same coordinator, restored while the first one still uses the place.
  TemporaryFolder other = TemporaryFolder::Create().value();
  EXPECT_THAT(BlobStore::Open(other.path()).value()->Attach(&remote_, "me").message(),
              HasSubstr("it belongs to me "));
  EXPECT_EQ(BlobStore::RemoteNameOf(other.path()).value(), "");
  remote_.owner.clear();  // as somebody says who knows that the first one is gone
  const auto mine = BlobStore::Open(other.path()).value();
  ASSERT_EQ(mine->Attach(&remote_, "me"), OkStatus());
  EXPECT_EQ(mine->Size(blob).value(), 5u);
  EXPECT_EQ(BlobStore::RemoteNameOf(other.path()).value(), "s3://models/lab");
  MemoryRemote elsewhere;
  elsewhere.name = "s3://elsewhere";
  EXPECT_THAT(BlobStore::Open(other.path()).value()->Attach(&elsewhere, "me").message(),
              HasSubstr("are in s3://models/lab, not in s3://elsewhere: name that one"));
}

TEST_F(BlobRemoteTest, WhatIsLookedForAnewIsExactlyWhatIsThere) {
  const std::string stays = AddRemote("stays"), lost = AddRemote("lost");
  remote_.blobs.erase(lost);
  ASSERT_EQ(RemoveFile(folder_.path() + "/remote/name"), OkStatus());
  Restart();
  EXPECT_TRUE(store_->Has(stays));
  EXPECT_FALSE(store_->Has(lost));
}

TEST_F(BlobRemoteTest, ABlobThatHasChangedOnTheDiskIsNotSentWithoutEnd) {
  const std::string blob = store_->AddBytes("words").value();
  remote_.refused = blob;  // with kDataLoss
  EXPECT_EQ(store_->CopyNext(0).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(store_->CopyNext(0).value());
  EXPECT_EQ(store_->NotCopied().blobs, 1);
}

TEST_F(BlobRemoteTest, ACopyOnTheDiskThatHasChangedGivesWayToTheOtherOne) {
  const std::string blob = store_->AddBytes("words").value();
  CopyAll();
  ASSERT_EQ(RemoveFile(store_->PathOf(blob)), OkStatus());
  ASSERT_EQ(WriteFileAtomic(store_->PathOf(blob), "wards"), OkStatus());
  EXPECT_EQ(store_->Verify(blob), OkStatus());
  EXPECT_EQ(All(blob), "words");
}

TEST_F(BlobRemoteTest, AStoreOfOneFolderMovesIntoABucket) {
  TemporaryFolder old = TemporaryFolder::Create().value();
  const std::string blob = BlobStore::Open(old.path()).value()->AddBytes("old").value();
  store_ = BlobStore::Open(old.path()).value();
  MemoryRemote bucket;
  ASSERT_EQ(store_->Attach(&bucket, "me"), OkStatus());
  CopyAll();
  EXPECT_EQ(bucket.blobs.at(blob), "old");
  store_.reset();
}

}  // namespace
}  // namespace braid::storage
