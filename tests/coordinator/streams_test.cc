// What followed streams send, without gRPC and without threads: each look and each read is a call.
#include "coordinator/api/streams.h"

#include <gmock/gmock.h>

#include "base/sha256.h"
#include "coordinator/bulk/bulk_names.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StreamsTest : public CoreTest {
 protected:
  StreamsTest() {
    backend_.core = core_.get();
    backend_.store = &store_;
    backend_.logs = logs_.get();
    backend_.metrics = metrics_.get();
    backend_.blobs = blobs_.get();
  }
  template <class Piece>
  Status Look(Stream<Piece>& stream) {
    return stream.Look(core_->state());
  }

  std::unique_ptr<AppendFiles> logs_ = AppendFiles::Open(folder_.path() + "/logs").value();
  std::unique_ptr<AppendFiles> metrics_ = AppendFiles::Open(folder_.path() + "/metrics").value();
  std::unique_ptr<storage::BlobStore> blobs_ =
      storage::BlobStore::Open(folder_.path() + "/store").value();
  Backend backend_;
};

TEST_F(StreamsTest, AFollowedLogIsWokenByLinesAndByTheEndOfItsJob) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  ASSERT_TRUE(Beat(worker).ok());
  LogStream stream(&backend_, run, "a", {.follow = true});
  ASSERT_TRUE(Look(stream).ok());
  int woken = 0;
  const auto subscriptions = stream.Subscribe([&] { ++woken; });
  LogReader::Next piece;
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kNothingYet);

  ASSERT_TRUE(logs_->Append(LogName(RankOf(run, "a")), 0, "line\n").ok());
  EXPECT_EQ(woken, 1);
  ASSERT_TRUE(Look(stream).ok());
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kPiece);
  EXPECT_EQ(piece.data, "line\n");
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kNothingYet);

  ASSERT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(woken, 2);
  ASSERT_TRUE(Look(stream).ok());
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kEnd);
}

TEST_F(StreamsTest, ALogOfNoJobOrNoAttemptSaysSo) {
  const std::string run = SubmitJobs({Node("a", "train")});
  LogStream none(&backend_, run, "b", {});
  EXPECT_THAT(Look(none).message(), HasSubstr("has no job b"));
  LogStream later(&backend_, run, "a", {.epoch = 3});
  ASSERT_TRUE(Look(later).ok());
  LogReader::Next piece;
  EXPECT_THAT(later.Next(&piece).status().message(), HasSubstr("has no attempt 3 yet"));
}

TEST_F(StreamsTest, MetricsComeInPiecesAndEndWithTheJob) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  ASSERT_TRUE(Beat(worker).ok());
  std::string lines;
  for (int step = 1; step <= 1500; ++step)
    lines += "{\"step\":" + std::to_string(step) + ",\"values\":{\"loss\":2}}\n";
  ASSERT_TRUE(metrics_->Append(MetricsName(RankOf(run, "a")), 0, lines).ok());
  MetricStream stream(&backend_, run, "a", /*since_step=*/101, /*follow=*/true);
  ASSERT_TRUE(Look(stream).ok());
  std::vector<MetricPoint> piece;
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kPiece);
  EXPECT_THAT(piece, ::testing::SizeIs(MetricStream::kMostPoints));
  EXPECT_EQ(piece.front().step, 101);
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kPiece);
  EXPECT_THAT(piece, ::testing::SizeIs(400));
  EXPECT_EQ(piece.back().step, 1500);
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kNothingYet);
  ASSERT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  ASSERT_TRUE(Look(stream).ok());
  EXPECT_EQ(stream.Next(&piece).value(), StreamState::kEnd);

  MetricStream once(&backend_, run, "a", 0, /*follow=*/false);
  ASSERT_TRUE(Look(once).ok());
  EXPECT_TRUE(once.Subscribe([] {}).empty());
}

TEST_F(StreamsTest, EventsOfARunComeInOrderAndSilenceIsABookmark) {
  const std::string first = SubmitJobs({Node("a", "train")});
  EventStream stream(&backend_, first, 0);
  ASSERT_TRUE(Look(stream).ok());
  int woken = 0;
  const auto subscriptions = stream.Subscribe([&] { ++woken; });
  catalog::EventRecord event;
  std::vector<std::string> kinds;
  while (stream.Next(&event).value() == StreamState::kPiece) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, ElementsAre("run.created", "job.created", "job.queued"));

  SubmitJobs({Node("a", "train")});
  EXPECT_EQ(woken, 0) << "another run's events";
  clock_.Advance(stream.LongestSilenceMs());
  ASSERT_TRUE(Look(stream).ok());
  ASSERT_EQ(stream.Next(&event).value(), StreamState::kPiece);
  EXPECT_EQ(event.kind, "");
  EXPECT_EQ(event.seq, core_->state().image().last_seq) << "what a client may go on from";
  EXPECT_EQ(stream.Next(&event).value(), StreamState::kNothingYet);

  ASSERT_TRUE(Do([&](Transaction& tx) { return Cancel(first, tx); }).ok());
  EXPECT_EQ(woken, 1);
  ASSERT_TRUE(Look(stream).ok());
  EXPECT_EQ(stream.Next(&event).value(), StreamState::kPiece);
  EXPECT_EQ(event.run, first);

  EventStream unknown(&backend_, "r-9", 0);
  EXPECT_EQ(Look(unknown).code(), StatusCode::kNotFound);
}

TEST_F(StreamsTest, AllEventsAreOneStream) {
  EventStream stream(&backend_, "", 0);
  ASSERT_TRUE(Look(stream).ok());
  int woken = 0;
  const auto subscriptions = stream.Subscribe([&] { ++woken; });
  SubmitJobs({Node("a", "train")});
  SubmitJobs({Node("a", "train")});
  EXPECT_EQ(woken, 2);
  ASSERT_TRUE(Look(stream).ok());
  catalog::EventRecord event;
  int64_t seq = 0;
  while (stream.Next(&event).value() == StreamState::kPiece) EXPECT_EQ(event.seq, ++seq);
  EXPECT_EQ(seq, core_->state().image().last_seq);
}

TEST_F(StreamsTest, ABlobComesInPiecesFromAnOffset) {
  const std::string data = std::string(3 << 20, 'x') + "end";
  const std::string digest = blobs_->AddBytes(data).value();
  BlobStream stream(&backend_, {digest, (2 << 20) + 5});
  DownloadPiece piece;
  std::string all;
  int pieces = 0;
  while (stream.Next(&piece).value() == StreamState::kPiece) {
    all += piece.data;
    ++pieces;
  }
  EXPECT_EQ(all, data.substr((2 << 20) + 5));
  EXPECT_EQ(pieces, 1);
  BlobStream none(&backend_, {std::string(64, 'a')});
  EXPECT_THAT(none.Next(&piece).status().message(), HasSubstr("there is no blob aaaa"));
  BlobStream wrong(&backend_, {"A"});
  EXPECT_THAT(wrong.Next(&piece).status().message(), HasSubstr("\"A\" is not a SHA-256"));
}

// A bucket that is there only as far as URLs go.
class UrlBucket final : public storage::RemoteStore {
 public:
  std::string Name() const override { return "s3://models"; }
  Status Claim(const std::string&) override { return OkStatus(); }
  void Expect(const std::string&) override {}
  Status Put(const std::string&, const std::string&) override { return OkStatus(); }
  Result<std::string> Read(const std::string&, uint64_t, uint64_t) override {
    return Unavailable("nobody reads here");
  }
  Result<std::string> UrlOf(const std::string& sha256) override {
    if (!wrong.ok()) return wrong;
    return "https://bucket/" + sha256;
  }
  Status Remove(const std::string&) override { return OkStatus(); }
  Result<std::vector<storage::RemoteBlob>> List() override {
    return std::vector<storage::RemoteBlob>();
  }
  Status DropAbandoned() override { return OkStatus(); }
  Status Check() override { return OkStatus(); }

  Status wrong;
};

TEST_F(StreamsTest, WhoReadsDirectlyIsGivenAUrlInPlaceOfALargeBlob) {
  UrlBucket bucket;
  ASSERT_EQ(blobs_->Attach(&bucket, "me"), OkStatus());
  const std::string data(BlobStream::kLeastDirect + 10, 'x');
  const std::string digest = blobs_->AddBytes(data).value();
  const auto first = [&](BlobWanted wanted) {
    BlobStream stream(&backend_, std::move(wanted));
    DownloadPiece piece;
    EXPECT_EQ(stream.Next(&piece).value(), StreamState::kPiece);
    DownloadPiece none;
    EXPECT_EQ(stream.Next(&none).value(), StreamState::kEnd);
    EXPECT_NE(piece.url.empty(), piece.data.empty());
    return piece;
  };
  EXPECT_EQ(first({digest, 0, true}).data, data) << "it is not in the bucket yet";
  while (blobs_->CopyNext(0).value()) continue;
  EXPECT_EQ(first({digest, 10, true}).url, "https://bucket/" + digest);
  EXPECT_EQ(first({digest, 10, true}).size, data.size());
  EXPECT_EQ(first({digest, 11, true}).data.size(), data.size() - 11) << "the rest is small";
  EXPECT_EQ(first({digest, 0, false}).data, data) << "the caller cannot use one";
  bucket.wrong = Unavailable("no key");
  EXPECT_EQ(first({digest, 0, true}).data, data);
  BlobStream all(&backend_, {digest, data.size(), true, 10});
  DownloadPiece piece;
  EXPECT_EQ(all.Next(&piece).value(), StreamState::kEnd);
}

}  // namespace
}  // namespace braid::coordinator
