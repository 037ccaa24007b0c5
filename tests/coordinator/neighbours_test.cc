// Who of a site may give a file to whom, and who waits for whom.
#include "coordinator/core/neighbours.h"

#include "base/hmac.h"
#include "base/sha256.h"
#include "coordinator/api/site_fetches.h"
#include "task/file_ticket.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kWanted = Sha256Hex("file");

class NeighboursTest : public CoreTest {
 protected:
  // A worker on a host of its own that serves files; `ahead_ms` as Exchange::clock_ahead_ms.
  FakeWorker& AddServing(const std::string& id, const std::string& site, int64_t ahead_ms = 0) {
    FakeWorker& worker = workers_[id];
    worker.record.id = id;
    worker.record.boot_id = id + "-boot-1";
    worker.record.site = site;
    worker.record.cpu_slots = 1;
    worker.record.host = id;
    worker.record.network = "lo-" + id;
    Connect(worker);
    EXPECT_TRUE(
        Say(worker,
            {"10.0.0." + std::to_string(workers_.size()), "eth0", 5000, std::string(32, 'p')},
            {"certificate of " + id, Sha256Hex(id), 6000, Key(id), ahead_ms}, {})
            .ok());
    return worker;
  }
  static std::string Key(const std::string& id) {
    return HmacSha256(id, "key");  // 32 bytes that differ
  }
  Status Say(FakeWorker& worker, const Advertised& advertised, const Exchange& exchange,
             std::vector<std::string> cached) {
    SignalCommand signal;
    signal.worker = worker.record.id;
    signal.session_id = worker.session;
    signal.advertised = advertised;
    signal.exchange = exchange;
    signal.cached = std::move(cached);
    return Do([&](Transaction& tx) { return Signal(signal, tx); });
  }
  Status Has(const std::string& id, std::vector<std::string> artifacts) {
    const LiveWorker& live = core_->state().workers.at(id);
    return Say(workers_[id], live.advertised, live.exchange, std::move(artifacts));
  }
  std::vector<Neighbour> Find(const std::string& asker, const std::set<std::string>& holders = {},
                              const std::set<std::string>& except = {}) {
    return NeighboursWith(asker, {Artifact("a1", "shards"), kWanted}, holders, except,
                          core_->state(), clock_.MonotonicMs());
  }
  std::vector<std::string> Names(const std::string& asker,
                                 const std::set<std::string>& holders = {}) {
    std::vector<std::string> names;
    for (const Neighbour& one : Find(asker, holders)) names.push_back(one.worker);
    return names;
  }
};

TEST_F(NeighboursTest, AreWorkersOfTheSameSiteThatHaveTheFile) {
  for (const char* id : {"w1", "w2", "w3"}) AddServing(id, "lab");
  AddServing("far", "home");
  AddServing("none", "");
  AddServing("none2", "");
  for (const char* id : {"w1", "far", "none"}) ASSERT_TRUE(Has(id, {"a0", "a1"}).ok());
  EXPECT_THAT(Names("w2"), ElementsAre("w1"));
  EXPECT_THAT(Names("w1"), IsEmpty()) << "nobody asks itself";
  EXPECT_THAT(Names("far"), IsEmpty());
  EXPECT_THAT(Names("none2"), IsEmpty()) << "workers without a site may be anywhere";
  EXPECT_THAT(Names("unknown"), IsEmpty());
  EXPECT_THAT(Names("w2", {"w3", "gone", "far"}), ::testing::UnorderedElementsAre("w1", "w3"));
  EXPECT_THAT(Find("w2", {}, {"w1"}), IsEmpty());
  // What has left its cache, or is not connected, is not named.
  Disconnect(workers_["w1"]);
  EXPECT_THAT(Names("w2"), IsEmpty());
  Connect(workers_["w1"]);
  EXPECT_THAT(Names("w2"), IsEmpty()) << "it has not said yet how it is reached";
}

TEST_F(NeighboursTest, AreNamedWithAllThatItTakesToReadThere) {
  AddServing("w1", "lab", /*ahead_ms=*/1'000'000);
  AddServing("w2", "lab");
  ASSERT_TRUE(Has("w1", {"a1"}).ok());
  const std::vector<Neighbour> found = Find("w2");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].address, "10.0.0.1:6000");
  EXPECT_EQ(found[0].certificate, "certificate of w1");
  const auto check = [&](const std::string& reader, int64_t now_ms) {
    return task::CheckTicket(found[0].ticket, Key("w1"), kWanted, Sha256Hex(reader), now_ms);
  };
  // By the clock of the worker that serves the file, which began later.
  const int64_t there_ms = clock_.MonotonicMs() - 1'000'000;
  EXPECT_TRUE(check("w2", there_ms + kTicketMs - 1).ok());
  EXPECT_FALSE(check("w2", there_ms + kTicketMs).ok());
  EXPECT_FALSE(check("w3", there_ms).ok());
  // An IPv6 address is written as one with a port is.
  LiveWorker live = core_->state().workers.at("w1");
  live.advertised.address = "fd00::1";
  ASSERT_TRUE(Say(workers_["w1"], live.advertised, live.exchange, {"a1"}).ok());
  EXPECT_EQ(Find("w2")[0].address, "[fd00::1]:6000");
}

TEST_F(NeighboursTest, AreFewAndDifferFromAskerToAsker) {
  std::set<std::string> first;
  for (int i = 0; i < 12; ++i) {
    AddServing("w" + std::to_string(i), "lab");
    ASSERT_TRUE(Has("w" + std::to_string(i), {"a1"}).ok());
  }
  for (int i = 0; i < 12; ++i) {
    const std::vector<std::string> names = Names("w" + std::to_string(i));
    ASSERT_THAT(names, SizeIs(kMostNeighbours));
    EXPECT_EQ(names, Names("w" + std::to_string(i))) << "the same at each time";
    first.insert(names[0]);
  }
  EXPECT_GE(first.size(), 5u);
  // Of the same host, it comes first.
  FakeWorker& twin = workers_["w3"];
  twin.record.host = "w0";
  twin.record.network = "lo-w0";
  const LiveWorker live = core_->state().workers.at("w3");
  Connect(twin);
  ASSERT_TRUE(Say(twin, live.advertised, live.exchange, {"a1"}).ok());
  EXPECT_EQ(Names("w0")[0], "w3");
}

TEST_F(NeighboursTest, ServeOnlyIfTheyAreReachedAndOnlyWhoHasALineToSpare) {
  AddServing("w1", "lab");
  AddServing("w2", "lab");
  ASSERT_TRUE(Has("w1", {"a1"}).ok());
  const LiveWorker giver = core_->state().workers.at("w1");
  const LiveWorker asker = core_->state().workers.at("w2");
  EXPECT_TRUE(MayGive(giver, asker));
  LiveWorker other = giver;
  other.exchange.port = 0;
  EXPECT_FALSE(MayGive(other, asker));
  other = giver;
  other.advertised = {};
  EXPECT_FALSE(MayGive(other, asker));
  other = asker;
  other.exchange = {};
  EXPECT_FALSE(MayGive(giver, other)) << "no ticket can be made for it";
  Options options = core_->options();
  EXPECT_FALSE(HasNoLineToSpare(asker, options));
  options.network = "lo-w2";
  EXPECT_TRUE(HasNoLineToSpare(asker, options)) << "it is on the coordinator's machine";
  EXPECT_FALSE(HasNoLineToSpare(giver, options));
}

// Who has the whole artifact comes before those who have said at some time that they have the file;
// and what a worker keeps because it is bound counts before a heartbeat says that it is there.
TEST_F(NeighboursTest, WhoHasTheWholeArtifactComesFirst) {
  for (int i = 0; i < 8; ++i) AddServing("w" + std::to_string(i), "lab");
  for (const char* id : {"w2", "w5"}) ASSERT_TRUE(Has(id, {"a1"}).ok());
  EXPECT_THAT(
      Names("w0", {"w1", "w3", "w4", "w6"}),
      ElementsAre(::testing::AnyOf("w2", "w5"), ::testing::AnyOf("w2", "w5"), ::testing::_));
  ASSERT_TRUE(Do([&](Transaction& tx) {
                tx.worker("w7").kept = std::make_shared<const std::set<std::string>>(
                    std::set<std::string>{"a1"});
                return OkStatus();
              }).ok());
  EXPECT_THAT(Names("w0"), ::testing::UnorderedElementsAre("w2", "w5", "w7"));
}

// Who is asked about a site looks at its workers alone, and at nobody that is gone or moved.
TEST(WorkersBySiteTest, KnowsWhoHasBeenThere) {
  WorkersBySite sites;
  sites.Note("lab", "w1");
  sites.Note("lab", "w2");
  sites.Note("hq", "w1");
  EXPECT_THAT(sites.At("lab"), ElementsAre("w1", "w2"));
  EXPECT_THAT(sites.At("nowhere"), IsEmpty());
  sites.Forget("w1");
  EXPECT_THAT(sites.At("lab"), ElementsAre("w2"));
  EXPECT_THAT(sites.At("hq"), IsEmpty());
}

TEST_F(NeighboursTest, AWorkerThatMovedToAnotherSiteGivesNothingAtItsFirst) {
  FakeWorker& moved = AddServing("w1", "lab");
  AddServing("w2", "lab");
  const LiveWorker live = core_->state().workers.at("w1");
  moved.record.site = "hq";
  Connect(moved);
  ASSERT_TRUE(Say(moved, live.advertised, live.exchange, {"a1"}).ok());
  EXPECT_THAT(Names("w2"), IsEmpty());
}

TEST_F(NeighboursTest, AnImpossibleExchangeIsRefused) {
  FakeWorker& worker = AddServing("w1", "lab");
  const LiveWorker live = core_->state().workers.at("w1");
  const auto refused = [&](Exchange exchange) {
    const Status status = Say(worker, live.advertised, exchange, {});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("with a certificate, a port or a key that cannot be"));
  };
  Exchange exchange = live.exchange;
  exchange.port = 65536;
  refused(exchange);
  exchange = live.exchange;
  exchange.key = "short";
  refused(exchange);
  exchange = live.exchange;
  exchange.certificate_sha256 = "";
  refused(exchange);
  exchange = live.exchange;
  exchange.certificate = std::string(10'000, 'c');
  refused(exchange);
}

TEST(SiteFetchesTest, WhoTakesBytesFetchesUntilItHasTheFile) {
  SimulatedClock clock;
  SiteFetches fetches(&clock);
  const SiteFetches::File file{"lab", kWanted}, elsewhere{"home", kWanted};
  EXPECT_EQ(fetches.FetcherOf(file), "");
  fetches.Expect(file, "w1");
  const auto stream = fetches.Begin(file, "w1"), other = fetches.Begin(file, "w2");
  EXPECT_EQ(fetches.FetcherOf(elsewhere), "");
  for (int i = 0; i < 100; ++i) {
    clock.Advance(SiteFetches::kPauseMs - 1);
    EXPECT_EQ(fetches.FetcherOf(file), "w1");
    stream->Moved();
    other->Moved();
  }
  stream->Moved(100 * SiteFetches::kDirectBytesPerS);
  clock.Advance(SiteFetches::kPauseMs + 99'999);
  EXPECT_EQ(fetches.FetcherOf(file), "w1") << "it reads from the bucket";
  EXPECT_THAT(fetches.HoldersOf(file), IsEmpty());
  fetches.Arrived(file, "w1");
  EXPECT_EQ(fetches.FetcherOf(file), "");
  stream->Moved();
  EXPECT_EQ(fetches.FetcherOf(file), "");
  EXPECT_THAT(fetches.HoldersOf(file), ElementsAre("w1"));
  EXPECT_THAT(fetches.HoldersOf(elsewhere), IsEmpty());
  clock.Advance(SiteFetches::kHeldMs);
  EXPECT_THAT(fetches.HoldersOf(file), IsEmpty());
}

TEST(SiteFetchesTest, WhoStandsStillIsNotWaitedFor) {
  SimulatedClock clock;
  SiteFetches fetches(&clock);
  const SiteFetches::File file{"lab", kWanted};
  const auto stream = fetches.Begin(file, "w1");
  clock.Advance(SiteFetches::kPauseMs);
  EXPECT_EQ(fetches.FetcherOf(file), "") << "although its stream is open";
  fetches.Expect(file, "w2");
  stream->Moved();
  EXPECT_EQ(fetches.FetcherOf(file), "w2");
  fetches.Expect(file, "w3");
  EXPECT_EQ(fetches.FetcherOf(file), "w3") << "the other one cannot be reached";
}

TEST(SiteFetchesTest, KnowsABoundedNumberOfFiles) {
  SimulatedClock clock;
  SiteFetches fetches(&clock);
  const SiteFetches::File kept{"lab", kWanted};
  const auto stream = fetches.Begin(kept, "w1");
  for (size_t i = 0; i <= SiteFetches::kMostFiles; ++i)
    fetches.Arrived({"lab", std::to_string(i)}, "w1");
  EXPECT_EQ(fetches.FetcherOf(kept), "w1");
  EXPECT_THAT(fetches.HoldersOf({"lab", "0"}), IsEmpty());
  EXPECT_THAT(fetches.HoldersOf({"lab", std::to_string(SiteFetches::kMostFiles)}),
              ElementsAre("w1"));
}

}  // namespace
}  // namespace braid::coordinator
