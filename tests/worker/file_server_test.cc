// The file server of a worker and its readers, over TLS on loopback.
#include "worker/rpc/file_server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "braid/site/v1/files.grpc.pb.h"
#include "rpc/channel.h"
#include "task/file_ticket.h"
#include "worker/network/socket_address.h"
#include "worker/rpc/neighbour_link.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;

class FileServerTest : public ::testing::Test {
 protected:
  // The neighbour as the coordinator names it to the reader.
  Neighbour Named(const rpc::Certified& reader, const std::string& sha256,
                  int64_t for_ms = 60'000) const {
    const task::FileTicket ticket{sha256, rpc::FactsOf(reader.certificate)->sha256,
                                  SystemClock().MonotonicMs() + for_ms};
    return {"n1", "127.0.0.1:" + std::to_string(server_->port()), own_.certificate,
            task::SealTicket(ticket, key_)};
  }
  // What the reader reads there.
  Status Read(const rpc::Certified& reader, const Neighbour& neighbour, uint64_t offset,
              uint64_t length) {
    RpcNeighbourLink link(coordinator_, "w2", reader);
    read_.clear();
    return link.Read(neighbour, digest_, offset, length, [&](std::string_view piece) {
      read_ += piece;
      return OkStatus();
    });
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<storage::BlobStore> cache_ = storage::BlobStore::Open(folder_.path()).value();
  const std::string content_ = std::string(1'500'000, 'a') + std::string(1'500'000, 'b');
  const std::string digest_ = cache_->AddBytes(content_).value();
  const std::string key_ = std::string(task::kTicketKeyBytes, 'k');
  const rpc::Certified own_ = MakeOwnCertificate("n1", "127.0.0.1").value();
  const rpc::Certified reader_ = MakeOwnCertificate("w2", "").value();
  const std::unique_ptr<FileServer> server_ =
      FileServer::Start("127.0.0.1", own_, key_, *cache_).value();
  RpcLink coordinator_{[] {
                         EndpointSource nowhere;
                         nowhere.address = "127.0.0.1:1";
                         return nowhere;
                       }(),
                       "w2"};
  std::string read_;
};

TEST_F(FileServerTest, GivesPartsOfAFile) {
  const Status all = Read(reader_, Named(reader_, digest_), 0, content_.size());
  ASSERT_TRUE(all.ok()) << all.message();
  EXPECT_TRUE(read_ == content_);
  ASSERT_TRUE(Read(reader_, Named(reader_, digest_), 1'400'000, 200'000).ok());
  EXPECT_TRUE(read_ == content_.substr(1'400'000, 200'000));
  ASSERT_TRUE(Read(reader_, Named(reader_, digest_), content_.size(), 0).ok());
  EXPECT_EQ(read_, "");
  for (const auto& [offset, length] : {std::pair<uint64_t, uint64_t>(1, content_.size()),
                                       {content_.size() + 1, 0},
                                       {10, UINT64_MAX - 5}}) {
    const Status beyond = Read(reader_, Named(reader_, digest_), offset, length);
    EXPECT_EQ(beyond.code(), StatusCode::kOutOfRange);
    EXPECT_THAT(beyond.message(), HasSubstr("the file has 3000000 bytes"));
  }
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  EXPECT_EQ(Read(reader_, Named(reader_, digest_), 0, 1).code(), StatusCode::kNotFound);
}

TEST_F(FileServerTest, GivesNothingWithoutTheTicketOfThisReader) {
  const auto refused = [&](const rpc::Certified& reader, const Neighbour& neighbour,
                           const std::string& why) {
    const Status status = Read(reader, neighbour, 0, 10);
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(why));
    EXPECT_EQ(read_, "");
  };
  Neighbour none = Named(reader_, digest_);
  none.ticket = "";
  refused(reader_, none, "not one for this file and this reader");
  refused(reader_, Named(reader_, Sha256Hex("other")), "not one for this file and this reader");
  refused(reader_, Named(reader_, digest_, -1), "the ticket has ended");
  // Another worker of the site that has got hold of it.
  const rpc::Certified thief = MakeOwnCertificate("w3", "").value();
  refused(thief, Named(reader_, digest_), "not one for this file and this reader");
  refused({}, Named(reader_, digest_), "the reader shows no certificate");
  // It is not told either whether a file is there.
  ASSERT_TRUE(cache_->Remove(digest_).ok());
  refused(reader_, none, "not one for this file and this reader");
}

// The certificate that the coordinator names is the only one that a reader believes.
TEST_F(FileServerTest, AReaderTellsNobodyElseItsTicket) {
  Neighbour elsewhere = Named(reader_, digest_);
  elsewhere.certificate = MakeOwnCertificate("n1", "127.0.0.1")->certificate;
  const Status status = Read(reader_, elsewhere, 0, 10);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.message();
}

// A stranger at a server with its own bounds.
class StrangersTest : public FileServerTest {
 protected:
  StrangersTest() {
    FileServer::Limits limits;
    limits.connections = {/*in_all=*/6, /*of_an_address=*/4};
    limits.handshake_ms = 100;
    bounded_ = FileServer::Start("127.0.0.1", own_, key_, *cache_, limits).value();
  }
  // Connects from an address of loopback, and says nothing.
  UniqueFd Connect(const std::string& from) const {
    SocketAddress own = SocketAddress::Of(from, 0).value();
    const SocketAddress there = SocketAddress::Of("127.0.0.1", bounded_->port()).value();
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), own.get(), own.size), 0);
    EXPECT_EQ(connect(fd.get(), there.get(), there.size), 0);
    return fd;
  }
  // Waits until the server hangs up. It says nothing before.
  static bool HangsUp(const UniqueFd& fd) {
    char byte = 0;
    return recv(fd.get(), &byte, 1, 0) <= 0;
  }

  std::unique_ptr<FileServer> bounded_;
};

TEST_F(StrangersTest, WhoSaysNothingIsHungUpOnAndTheirPlacesAreFreeAgain) {
  // Of each address more than may be, and of all together: those beyond the bounds are closed at
  // once, the others when their time for a handshake is over.
  for (int round = 0; round < 2; ++round) {
    std::vector<UniqueFd> strangers;
    for (const char* from : {"127.0.0.2", "127.0.0.3", "127.0.0.4"}) {
      for (int i = 0; i < 5; ++i) strangers.push_back(Connect(from));
    }
    for (const UniqueFd& fd : strangers) EXPECT_TRUE(HangsUp(fd));
  }
  Neighbour neighbour = Named(reader_, digest_);
  neighbour.address = "127.0.0.1:" + std::to_string(bounded_->port());
  // Its place may be free a moment after the last one was hung up on.
  Status read = Unavailable("not yet");
  for (int i = 0; i < 3'000 && !read.ok(); ++i) {
    read = Read(reader_, neighbour, 0, 10);
    if (!read.ok()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(read.ok()) << read.message();
}

// Readers that take nothing hold their places, and the next one is told to come again.
TEST_F(FileServerTest, ServesAFewAtOnceAndNoWorkerInAllPlaces) {
  const std::string large(32 << 20, 'l');
  const std::string sha256 = cache_->AddBytes(large).value();
  struct Reader {
    grpc::ClientContext context;
    std::unique_ptr<site::v1::Files::Stub> stub;
    std::unique_ptr<grpc::ClientReader<site::v1::ReadFileResponse>> stream;
  };
  std::vector<std::unique_ptr<Reader>> readers;
  const auto hold = [&](const rpc::Certified& who) {
    const Neighbour neighbour = Named(who, sha256);
    Endpoint endpoint;
    endpoint.address = neighbour.address;
    endpoint.ca = neighbour.certificate;
    endpoint.certificate = who.certificate;
    endpoint.key = who.key;
    site::v1::ReadFileRequest request;
    request.set_sha256(sha256);
    request.set_length(large.size());
    request.set_ticket(neighbour.ticket);
    auto reader = std::make_unique<Reader>();
    reader->stub = site::v1::Files::NewStub(rpc::MakeChannel(endpoint));
    reader->stream = reader->stub->ReadFile(&reader->context, request);
    site::v1::ReadFileResponse piece;
    EXPECT_TRUE(reader->stream->Read(&piece)) << who.key;
    readers.push_back(std::move(reader));
  };
  const rpc::Certified second = MakeOwnCertificate("w3", "").value();
  const rpc::Certified third = MakeOwnCertificate("w4", "").value();
  for (int i = 0; i < FileServer::kMostOfAReader; ++i) hold(reader_);
  const Status busy = Read(reader_, Named(reader_, digest_), 0, 10);
  EXPECT_EQ(busy.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(busy.message(),
              HasSubstr("at most 4 files are read here at once, 2 of them by one worker"));
  EXPECT_TRUE(Read(third, Named(third, digest_), 0, 10).ok());
  for (int i = 0; i < FileServer::kMostOfAReader; ++i) hold(second);
  EXPECT_EQ(Read(third, Named(third, digest_), 0, 10).code(), StatusCode::kResourceExhausted);
  for (const auto& reader : readers) reader->context.TryCancel();
  // A place is free when the server has heard of it.
  Status now = busy;
  for (int i = 0; i < 3'000 && !now.ok(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    now = Read(reader_, Named(reader_, digest_), 0, 10);
  }
  EXPECT_TRUE(now.ok()) << now.message();
  for (const auto& reader : readers) (void)reader->stream->Finish();
}

}  // namespace
}  // namespace braid::worker
