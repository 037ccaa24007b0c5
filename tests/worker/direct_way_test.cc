// Blobs from a bucket, of which a web server answers as buckets do.
#include "worker/io/direct_way.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kUrl[] = "/models/ab/abc?X-Amz-Signature=5ec4e7";

class DirectWayTest : public ::testing::Test {
 protected:
  DirectWayTest() {
    for (size_t i = 0; i < 300'000; ++i) blob_ += static_cast<char>(i * i % 251);
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      MutexLock lock(mutex_);
      range_ = request.get_header_value("range");
      answer_(request, response);
    };
    server_.Get("/.*", handle);
    server_.set_keep_alive_max_count(1);  // its end waits for connections that are kept
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~DirectWayTest() override {
    server_.stop();
    thread_.join();
  }
  using Answer = std::function<void(const httplib::Request&, httplib::Response&)>;
  void Answers(Answer answer) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  static void Whole(const httplib::Request& request, httplib::Response& response,
                    const std::string& text) {
    const_cast<httplib::Request&>(request).ranges.clear();  // httplib would cut them out
    response.set_content(text, "application/octet-stream");
  }
  // Appends to got_.
  DirectWay::Read Get(uint64_t offset = 0) {
    return way_.Get("http://127.0.0.1:" + std::to_string(port_) + kUrl, offset, blob_.size(),
                    [this](std::string_view piece) {
                      got_ += piece;
                      return use_;
                    });
  }
  // The log of a call that closes the way.
  std::string Closes(uint64_t offset = 0) {
    testing::internal::CaptureStderr();
    const DirectWay::Read read = Get(offset);
    EXPECT_FALSE(read.go_on);
    EXPECT_FALSE(way_.IsOpen());
    std::string said = testing::internal::GetCapturedStderr();
    EXPECT_THAT(said, Not(HasSubstr("5ec4e7")));
    return said;
  }

  std::string blob_, got_;
  Status use_;
  const Answer right_ = [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(blob_, "application/octet-stream");
  };
  Mutex mutex_;
  std::string range_;
  Answer answer_ = right_;
  SimulatedClock clock_;
  DirectWay way_{{.closed_ms = 600'000, .clock = &clock_}};
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(DirectWayTest, ReadsFromAnOffsetOn) {
  EXPECT_EQ(Get(1000).bytes, blob_.size() - 1000);
  EXPECT_EQ(got_, blob_.substr(1000));
  {
    MutexLock lock(mutex_);
    EXPECT_EQ(range_, "bytes=1000-299999");
  }
  EXPECT_TRUE(way_.IsOpen());
}

TEST_F(DirectWayTest, ARefusalClosesItForAWhileAndIsSaidOnce) {
  Answers([](const httplib::Request&, httplib::Response& response) {
    response.status = 403;
    response.set_content("<Error><Code>AccessDenied</Code><Signature>5ec4e7</Signature></Error>",
                         "application/xml");
  });
  const std::string said = Closes();
  EXPECT_THAT(said, HasSubstr("files come through the coordinator, and not directly from its "
                              "bucket: HTTP 403 AccessDenied; this is tried again every 10 min"));
  EXPECT_EQ(got_, "");
  clock_.Advance(599'999);
  EXPECT_FALSE(way_.IsOpen());
  clock_.Advance(1);
  EXPECT_TRUE(way_.IsOpen());
  EXPECT_EQ(Closes(), "");
  Answers(right_);
  testing::internal::CaptureStderr();
  EXPECT_EQ(Get().bytes, blob_.size());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("from the coordinator's bucket again"));
  EXPECT_TRUE(way_.IsOpen());
}

TEST_F(DirectWayTest, ABucketThatIsNotReachedIsNamedWithoutTheUrl) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(way_.Get("http://127.0.0.1:1" + std::string(kUrl), 0, 9, nullptr).bytes, 0u);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("http://127.0.0.1:1 is not reached: "));
  EXPECT_THAT(said, Not(HasSubstr("5ec4e7")));
  EXPECT_FALSE(way_.IsOpen());
}

TEST_F(DirectWayTest, AMissingObjectSaysNothingOfOthersAndAMissingBucketDoes) {
  Answers([](const httplib::Request&, httplib::Response& response) {
    response.status = 404;
    response.set_content("<Error><Code>NoSuchKey</Code></Error>", "application/xml");
  });
  const DirectWay::Read read = Get();
  EXPECT_FALSE(read.go_on);
  EXPECT_EQ(read.bytes, 0u);
  EXPECT_TRUE(way_.IsOpen());
  Answers([](const httplib::Request&, httplib::Response& response) { response.status = 404; });
  EXPECT_THAT(Closes(), HasSubstr("its bucket: HTTP 404; this is"));
}

TEST_F(DirectWayTest, ACutIsGoneOnFrom) {
  Answers([this](const httplib::Request&, httplib::Response& response) {
    response.set_content_provider(blob_.size(), "application/octet-stream",
                                  [this](size_t offset, size_t, httplib::DataSink& sink) {
                                    if (offset >= 100'000) return false;
                                    return sink.write(blob_.data() + offset, 50'000);
                                  });
  });
  const DirectWay::Read read = Get();
  EXPECT_TRUE(read.go_on);
  EXPECT_TRUE(way_.IsOpen());
  EXPECT_EQ(read.bytes, got_.size());
  EXPECT_EQ(got_, blob_.substr(0, 100'000));
}

TEST_F(DirectWayTest, OtherBytesThanThoseThatWereAskedForAreNotUsed) {
  Answers([this](const httplib::Request& request, httplib::Response& response) {
    Whole(request, response, blob_);
  });
  EXPECT_THAT(Closes(5), HasSubstr("the server does not know ranges"));
  EXPECT_EQ(got_, "");
  Answers([this](const httplib::Request& request, httplib::Response& response) {
    Whole(request, response, blob_ + "more");
  });
  (void)Get();
  EXPECT_LE(got_.size(), blob_.size());
}

TEST_F(DirectWayTest, AWrongDigestClosesItAndAFullDiskDoesNot) {
  use_ = Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull, "full");
  EXPECT_EQ(Get().used, use_);
  EXPECT_TRUE(way_.IsOpen());
  use_ = Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch,
                "blob abc: other bytes");
  EXPECT_THAT(Closes(), HasSubstr("blob abc: other bytes"));
}

}  // namespace
}  // namespace braid::worker
