// What a worker fetches from its neighbours, and what it does when they are slow, lie or go away.
#include "worker/io/neighbours.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/sha256.h"
#include "worker/io/transfer.h"

namespace braid::worker {
namespace {

using storage::BlobStore;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kPieceBytes = 1 << 20;

// The coordinator has the file, and counts what it sends.
class CountingCoordinator final : public BlobLink {
 public:
  explicit CountingCoordinator(std::string content) : content_(std::move(content)) {}
  Result<uint64_t> CommittedBytes(const std::string&, uint64_t, bool*) override {
    return Internal("nothing is sent");
  }
  Status Upload(const Sending&) override { return Internal("nothing is sent"); }
  Status Download(const std::string&, const std::string&, uint64_t offset,
                  const std::function<Status(std::string_view)>& use) override {
    ++calls;
    if (away) return Unavailable("away");
    for (; offset < content_.size(); offset += kPieceBytes) {
      const std::string_view piece = std::string_view(content_).substr(offset, kPieceBytes);
      sent += piece.size();
      BRAID_RETURN_IF_ERROR(use(piece));
    }
    return OkStatus();
  }
  bool away = false;
  uint64_t sent = 0;
  int calls = 0;

 private:
  const std::string content_;
};

// A site whose workers do what the test says.
class FakeSite final : public NeighbourLink {
 public:
  explicit FakeSite(std::string content) : content_(std::move(content)) {}
  Result<NeighbourList> Find(const DownloadBlob&, const std::set<std::string>& names) override {
    except = names;
    return find(++finds);
  }
  Status Read(const Neighbour& neighbour, const std::string&, uint64_t offset, uint64_t length,
              const TakePiece& take) override {
    if (length == 0) return knock(neighbour.worker);
    reads.push_back(neighbour.worker);
    return read(neighbour.worker, offset, length, take);
  }
  Status ReportFetched(const DownloadBlob&, uint64_t neighbour_bytes) override {
    reported.push_back(neighbour_bytes);
    return OkStatus();
  }
  // What an honest worker does.
  Status Give(uint64_t offset, uint64_t length, const TakePiece& take) const {
    for (uint64_t at = offset; at < offset + length; at += kPieceBytes) {
      const uint64_t count = std::min<uint64_t>(kPieceBytes, offset + length - at);
      BRAID_RETURN_IF_ERROR(take(std::string_view(content_).substr(at, count)));
    }
    return OkStatus();
  }
  static NeighbourList Named(const std::vector<std::string>& workers) {
    NeighbourList list;
    for (const std::string& worker : workers)
      list.neighbours.push_back({worker, worker + ":1", "", ""});
    return list;
  }

  std::function<Result<NeighbourList>(int)> find = [](int) { return Named({"n1"}); };
  std::function<Status(const std::string&, uint64_t, uint64_t, const TakePiece&)> read =
      [this](const std::string&, uint64_t offset, uint64_t length, const TakePiece& take) {
        return Give(offset, length, take);
      };
  // Whether a worker that fetches the file is reached.
  std::function<Status(const std::string&)> knock = [](const std::string&) {
    return NotFound("not yet");
  };
  int finds = 0;
  std::set<std::string> except;  // of the last question
  std::vector<std::string> reads;
  std::vector<uint64_t> reported;

 private:
  const std::string content_;
};

class NeighboursTest : public ::testing::Test {
 protected:
  Status Download() {
    return TryDownload(coordinator_, *cache_, {digest_, content_.size(), "artifact"}, stop_,
                       &neighbours_);
  }
  // The same of an artifact that is bound to the site.
  Status DownloadBound() {
    return TryDownload(coordinator_, *cache_, {digest_, content_.size(), "artifact", true}, stop_,
                       &neighbours_);
  }
  void ExpectWhole() {
    ASSERT_TRUE(cache_->Has(digest_));
    EXPECT_TRUE(cache_->Verify(digest_).ok());
  }

  // Three parts, the last one smaller.
  static std::string Content() {
    std::string content(2 * Neighbours::kPartBytes + 12'345, '\0');
    for (size_t i = 0; i < content.size(); ++i)
      content[i] = static_cast<char>((i * 2654435761U) >> 9);
    return content;
  }
  const std::string content_ = Content();
  const std::string digest_ = Sha256Hex(content_);
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<BlobStore> cache_ = BlobStore::Open(folder_.path()).value();
  StopSignal stop_;
  SimulatedClock clock_;
  CountingCoordinator coordinator_{content_};
  FakeSite site_{content_};
  Neighbours neighbours_{site_, clock_, /*ask_again_ms=*/0};
};

TEST_F(NeighboursTest, WhatANeighbourHasIsNotFetchedFromTheCoordinator) {
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.calls, 0);
  EXPECT_THAT(site_.reads, ElementsAre("n1", "n1", "n1"));
  EXPECT_THAT(site_.reported, ElementsAre(content_.size()));
}

TEST_F(NeighboursTest, ASmallFileIsNotAskedFor) {
  const std::string small(Neighbours::kLeastBytes - 1, 's');
  CountingCoordinator coordinator(small);
  ASSERT_TRUE(
      TryDownload(coordinator, *cache_, {Sha256Hex(small), small.size(), "a"}, stop_, &neighbours_)
          .ok());
  EXPECT_EQ(coordinator.sent, small.size());
  EXPECT_EQ(site_.finds, 0);
  EXPECT_THAT(site_.reported, IsEmpty());
}

TEST_F(NeighboursTest, AnOlderCoordinatorNamesNobody) {
  site_.find = [](int) -> Result<NeighbourList> { return Unavailable("unknown method"); };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(coordinator_.sent, content_.size());
  EXPECT_THAT(site_.reported, ElementsAre(0));
}

TEST_F(NeighboursTest, AfterACutTheNextOneGoesOn) {
  site_.find = [](int) { return FakeSite::Named({"cut", "whole"}); };
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t length,
                   const TakePiece& take) -> Status {
    if (worker == "whole") return site_.Give(offset, length, take);
    BRAID_RETURN_IF_ERROR(site_.Give(offset, kPieceBytes, take));
    return Unavailable("cut");
  };
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.calls, 0);
  EXPECT_THAT(site_.reads, ElementsAre("cut", "whole", "whole"));
  EXPECT_THAT(site_.reported, ElementsAre(content_.size())) << "nothing came twice";
}

TEST_F(NeighboursTest, WhatIsMissingAfterACutComesFromTheCoordinator) {
  site_.read = [&](const std::string&, uint64_t offset, uint64_t, const TakePiece& take) -> Status {
    BRAID_RETURN_IF_ERROR(site_.Give(offset, kPieceBytes, take));
    return Unavailable("cut");
  };
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  // It is tried once more, and then no more.
  EXPECT_THAT(site_.reads, ElementsAre("n1", "n1"));
  EXPECT_EQ(coordinator_.sent, content_.size() - 2 * kPieceBytes);
  EXPECT_THAT(site_.reported, ElementsAre(2 * kPieceBytes));
  // Nor for other files, for some time.
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  ASSERT_TRUE(Download().ok());
  EXPECT_THAT(site_.reads, ElementsAre("n1", "n1"));
  clock_.Advance(Neighbours::kAsideMs);
  site_.read = [&](const std::string&, uint64_t offset, uint64_t length, const TakePiece& take) {
    return site_.Give(offset, length, take);
  };
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(site_.reported.back(), content_.size());
}

TEST_F(NeighboursTest, ASlowOneIsLeftAtOnceAndOneThatLacksTheFileIsAskedForOthers) {
  site_.find = [](int) { return FakeSite::Named({"slow", "lacks"}); };
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t,
                   const TakePiece& take) -> Status {
    if (worker == "lacks") return NotFound("no such blob");
    BRAID_RETURN_IF_ERROR(take(std::string_view(content_).substr(offset, 1)));
    return DeadlineExceeded("too slow");
  };
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  ASSERT_TRUE(Download().ok());
  EXPECT_THAT(site_.reads, ElementsAre("slow", "lacks", "lacks"));
  EXPECT_EQ(coordinator_.sent, 2 * content_.size() - 1);
}

// The bytes of a liar cost one more transfer, and no job.
TEST_F(NeighboursTest, ALyingNeighbourIsFoundByTheDigestAndNotAskedAgain) {
  const auto lie = [&](const std::string&, uint64_t, uint64_t length, const TakePiece& take) {
    return take(std::string(length, '!'));
  };
  site_.read = lie;
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.sent, content_.size());
  EXPECT_THAT(site_.reported, ElementsAre(0));
  const size_t reads = site_.reads.size();
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  clock_.Advance(Neighbours::kAsideMs);
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(site_.reads.size(), reads);
}

// What it sent before the coordinator went away is still known as its own.
TEST_F(NeighboursTest, ALieInAnEarlierTryIsFoundOut) {
  site_.read = [&](const std::string&, uint64_t, uint64_t, const TakePiece& take) -> Status {
    BRAID_RETURN_IF_ERROR(take(std::string(kPieceBytes, '!')));
    return DeadlineExceeded("slow");
  };
  coordinator_.away = true;
  EXPECT_EQ(Download().code(), StatusCode::kUnavailable);
  coordinator_.away = false;
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.sent, 2 * content_.size() - kPieceBytes);
}

TEST_F(NeighboursTest, WrongBytesOfTheCoordinatorAreItsOwn) {
  site_.find = [](int) { return FakeSite::Named({}); };
  CountingCoordinator wrong(std::string(content_.size(), '!'));
  EXPECT_TRUE(TryDownload(wrong, *cache_, {digest_, content_.size(), "a"}, stop_, &neighbours_)
                  .Is(ErrorReason::kDigestMismatch));
  EXPECT_EQ(wrong.calls, 1) << "whether it is asked again is decided elsewhere";
}

TEST_F(NeighboursTest, MoreOrLessThanWasAskedForIsRefused) {
  site_.find = [](int) { return FakeSite::Named({"more", "less"}); };
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t length,
                   const TakePiece& take) {
    if (worker == "less") return OkStatus();
    return take(content_.substr(offset, length + 1));
  };
  ASSERT_TRUE(Download().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.sent, content_.size());
}

TEST_F(NeighboursTest, WhoIsFetchingItAlreadyIsWaitedForIfItIsReached) {
  site_.find = [](int find) {
    NeighbourList list = find < 3 ? FakeSite::Named({}) : FakeSite::Named({"n1"});
    if (find < 3) list.fetcher = Neighbour{"n1", "n1:1", "", ""};
    return list;
  };
  int knocks = 0;
  site_.knock = [&](const std::string&) {
    ++knocks;
    return NotFound("not yet");
  };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(site_.finds, 3);
  EXPECT_EQ(knocks, 1);
  EXPECT_EQ(coordinator_.calls, 0);
  // One that is not reached is named to the coordinator, which then counts this worker as the one.
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  site_.find = [&](int) {
    NeighbourList list;
    if (!site_.except.contains("n2")) list.fetcher = Neighbour{"n2", "n2:1", "", ""};
    return list;
  };
  site_.knock = [](const std::string&) { return Unavailable("No route to host"); };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(coordinator_.sent, content_.size());
  EXPECT_THAT(site_.except, ElementsAre("n2"));
  EXPECT_EQ(site_.finds, 5);
}

TEST_F(NeighboursTest, WhoIsWaitedForTooLongIsNot) {
  site_.find = [&](int) {
    clock_.Advance(20'000);
    NeighbourList list;
    list.fetcher = Neighbour{"n1", "n1:1", "", ""};
    return list;
  };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(coordinator_.sent, content_.size());
  EXPECT_EQ(site_.finds, 4) << "30 s, and a second for each 256 KiB";
}

TEST_F(NeighboursTest, WhoIsAloneAsksNobodyForAMinute) {
  site_.find = [](int) {
    NeighbourList list;
    list.alone = true;
    return list;
  };
  for (const int finds : {1, 1, 2}) {
    ASSERT_TRUE(Download().ok());
    EXPECT_EQ(site_.finds, finds);
    ASSERT_TRUE(cache_->Remove(digest_).ok());
    clock_.Advance(Neighbours::kAloneMs / 2);
  }
}

// After a part, a ticket that has ended is no fault of the neighbour.
TEST_F(NeighboursTest, AnEndedTicketIsReplaced) {
  int reads = 0;
  site_.read = [&](const std::string&, uint64_t offset, uint64_t length,
                   const TakePiece& take) -> Status {
    if (++reads == 2) return PermissionDenied("the ticket has ended");
    return site_.Give(offset, length, take);
  };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(coordinator_.calls, 0);
  EXPECT_EQ(site_.finds, 2);
  EXPECT_THAT(site_.except, IsEmpty());
}

// The longer, the more often it failed; another process of it is another neighbour.
TEST_F(NeighboursTest, WhoFailsAgainIsLeftAloneForLonger) {
  std::string certificate = "one";
  site_.find = [&](int) {
    NeighbourList list = FakeSite::Named({"n1"});
    list.neighbours[0].certificate = certificate;
    return list;
  };
  site_.read = [](const std::string&, uint64_t, uint64_t, const TakePiece&) {
    return Unavailable("Connection refused");
  };
  const auto asked_after = [&](int64_t ms) {
    clock_.Advance(ms);
    const size_t before = site_.reads.size();
    EXPECT_TRUE(Download().ok());
    EXPECT_TRUE(cache_->Remove(digest_).ok());
    return site_.reads.size() > before;
  };
  EXPECT_TRUE(asked_after(0));
  EXPECT_TRUE(asked_after(Neighbours::kAsideMs));
  EXPECT_FALSE(asked_after(Neighbours::kAsideMs));
  EXPECT_TRUE(asked_after(Neighbours::kAsideMs));
  certificate = "two";
  EXPECT_TRUE(asked_after(0));
}

TEST_F(NeighboursTest, ABusyNeighbourIsAskedAgainButNotForEver) {
  int read = 0;
  site_.read = [&](const std::string&, uint64_t offset, uint64_t length,
                   const TakePiece& take) -> Status {
    if (++read < 4) return ResourceExhausted("at most 4 files are read here at once");
    return site_.Give(offset, length, take);
  };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(coordinator_.calls, 0);
  EXPECT_EQ(site_.finds, 4);

  ASSERT_TRUE(cache_->Remove(digest_).ok());
  site_.read = [&](const std::string&, uint64_t, uint64_t, const TakePiece&) -> Status {
    clock_.Advance(20'000);
    return ResourceExhausted("busy");
  };
  ASSERT_TRUE(Download().ok());
  EXPECT_EQ(coordinator_.sent, content_.size());
  EXPECT_EQ(site_.finds, 4 + 3) << "30 s after it was found to be busy";
}

// ---- What is bound to the site.

TEST_F(NeighboursTest, WhatIsBoundComesFromNobodyButNeighboursHoweverSmallItIs) {
  ASSERT_TRUE(DownloadBound().ok());
  ExpectWhole();
  EXPECT_THAT(site_.reported, ElementsAre(content_.size()));
  const std::string small = "a few bytes";
  FakeSite site(small);
  Neighbours neighbours(site, clock_, /*ask_again_ms=*/0);
  ASSERT_TRUE(TryDownload(coordinator_, *cache_, {Sha256Hex(small), small.size(), "a", true}, stop_,
                          &neighbours)
                  .ok());
  EXPECT_THAT(site.reported, ElementsAre(small.size()));
  EXPECT_EQ(coordinator_.calls, 0);
}

TEST_F(NeighboursTest, WhatIsBoundIsReadOnAfterCutsAndFromSlowOnes) {
  int reads = 0;
  site_.read = [&](const std::string&, uint64_t offset, uint64_t, const TakePiece& take) -> Status {
    BRAID_RETURN_IF_ERROR(take(std::string_view(content_).substr(offset, 1'000'000)));
    return ++reads % 2 == 0 ? Unavailable("cut") : DeadlineExceeded("slow");
  };
  ASSERT_TRUE(DownloadBound().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.calls, 0);
  EXPECT_THAT(site_.reported, ElementsAre(content_.size())) << "nothing came twice";
}

TEST_F(NeighboursTest, WhatIsBoundIsWaitedForSomeTimeAndThenTheErrorSaysWhatIsMissing) {
  site_.find = [&](int) {
    clock_.Advance(20'000);
    return FakeSite::Named({});
  };
  Status gone = DownloadBound();
  EXPECT_EQ(gone.code(), StatusCode::kFailedPrecondition) << "the job waits in the queue";
  EXPECT_THAT(gone.message(), HasSubstr("file " + digest_ +
                                        " of artifact artifact is bound to "
                                        "this site, and no worker gives it: no worker that has it "
                                        "is connected and serves files"));
  EXPECT_EQ(site_.finds, 3);
  site_.find = [&](int) {
    clock_.Advance(20'000);
    return FakeSite::Named({"n1"});
  };
  site_.read = [&](const std::string&, uint64_t, uint64_t, const TakePiece&) {
    return Unavailable("No route to host");
  };
  EXPECT_THAT(DownloadBound().message(), HasSubstr("worker n1: No route to host"));
  EXPECT_EQ(coordinator_.calls, 0);
  // One that serves others gets more time.
  site_.finds = 0;
  site_.read = [&](const std::string&, uint64_t, uint64_t, const TakePiece&) {
    return ResourceExhausted("busy");
  };
  EXPECT_EQ(DownloadBound().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(site_.finds, 6);
}

TEST_F(NeighboursTest, OfWhatIsBoundOtherKeepersAreAskedAfterALie) {
  site_.find = [&](int) {
    return FakeSite::Named(site_.except.contains("liar") ? std::vector<std::string>{"n1"}
                                                         : std::vector<std::string>{"liar"});
  };
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t length,
                   const TakePiece& take) {
    return worker == "liar" ? take(std::string(length, '!')) : site_.Give(offset, length, take);
  };
  ASSERT_TRUE(DownloadBound().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.calls, 0);
  // If there is no other one, the error says on whose disk to look.
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  site_.find = [&](int) {
    return FakeSite::Named(site_.except.contains("liar") ? std::vector<std::string>{}
                                                         : std::vector<std::string>{"liar"});
  };
  const Status none = DownloadBound();
  EXPECT_EQ(none.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(none.message(), HasSubstr("wrong bytes came from liar: look at the disk there"));
  EXPECT_TRUE(none.Is(ErrorReason::kBoundToSite)) << "it is not this worker that is ill";
}

// The coordinator names a few, and others if these give nothing.
TEST_F(NeighboursTest, OfWhatIsBoundAllThatHaveItAreAskedInTurn) {
  site_.find = [&](int) {
    std::vector<std::string> named;
    for (const char* id : {"a", "b", "c", "d"}) {
      if (!site_.except.contains(id) && named.size() < 3) named.push_back(id);
    }
    return FakeSite::Named(named);
  };
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t length,
                   const TakePiece& take) {
    return worker == "d" ? site_.Give(offset, length, take) : Unavailable("No route to host");
  };
  ASSERT_TRUE(DownloadBound().ok());
  ExpectWhole();
  EXPECT_THAT(site_.reads, ElementsAre("a", "b", "c", "d", "d", "d"));
}

// The one that keeps it is lost while it is read; the coordinator learns of that, and names
// another.
TEST_F(NeighboursTest, WhatIsBoundIsReadOnFromAnotherKeeperWhenTheFirstIsLost) {
  site_.find = [&](int find) {
    clock_.Advance(20'000);
    return find < 3    ? FakeSite::Named({"lost"})
           : find == 3 ? FakeSite::Named({})
                       : FakeSite::Named({"other"});
  };
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t length,
                   const TakePiece& take) -> Status {
    if (worker == "other") return site_.Give(offset, length, take);
    if (offset > 0) return Unavailable("No route to host");
    BRAID_RETURN_IF_ERROR(site_.Give(offset, kPieceBytes, take));
    return DeadlineExceeded("nothing more came");
  };
  ASSERT_TRUE(DownloadBound().ok());
  ExpectWhole();
  EXPECT_THAT(site_.reads, ElementsAre("lost", "lost", "other", "other"));
  EXPECT_THAT(site_.reported, ElementsAre(content_.size())) << "nothing came twice";
  EXPECT_EQ(coordinator_.calls, 0);
}

// One of two is wrong, and nobody knows which: both are asked anew, and neither is blamed.
TEST_F(NeighboursTest, OfWhatIsBoundAMixtureIsReadAnewBeforeAnybodyIsBlamed) {
  site_.find = [](int) { return FakeSite::Named({"bad", "good"}); };
  bool cut = false;
  site_.read = [&](const std::string& worker, uint64_t offset, uint64_t length,
                   const TakePiece& take) -> Status {
    if (worker == "good") return site_.Give(offset, length, take);
    if (std::exchange(cut, true)) return Unavailable("gone");
    BRAID_RETURN_IF_ERROR(take(std::string(length, '!')));
    return Unavailable("cut");
  };
  ASSERT_TRUE(DownloadBound().ok());
  ExpectWhole();
  EXPECT_EQ(coordinator_.calls, 0);
}

TEST_F(NeighboursTest, WhatIsBoundCannotBeReadWithoutASite) {
  const Status alone = TryDownload(coordinator_, *cache_, {digest_, content_.size(), "a", true},
                                   stop_, /*neighbours=*/nullptr);
  EXPECT_EQ(alone.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(alone.message(), HasSubstr("this worker fetches nothing from others: start it with "
                                         "--site"));
  EXPECT_EQ(coordinator_.calls, 0);
  site_.find = [](int) -> Result<NeighbourList> { return Unavailable("the coordinator is away"); };
  EXPECT_EQ(DownloadBound().code(), StatusCode::kUnavailable) << "it is tried again here";
}

TEST_F(NeighboursTest, ADownloadThatIsNotNeededAnyMoreEnds) {
  site_.read = [&](const std::string&, uint64_t offset, uint64_t length, const TakePiece& take) {
    stop_.Set();
    return site_.Give(offset, length, take);
  };
  EXPECT_EQ(Download().code(), StatusCode::kCancelled);
  EXPECT_EQ(coordinator_.calls, 0);
  EXPECT_EQ(site_.finds, 1);
}

}  // namespace
}  // namespace braid::worker
