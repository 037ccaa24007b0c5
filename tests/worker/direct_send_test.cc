// Blobs to a bucket, of which a web server takes parts as buckets do.
#include "worker/io/direct_send.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"

namespace braid::worker {
namespace {

using storage::BlobPart;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint64_t kPart = 1000;

class DirectSendTest : public ::testing::Test {
 protected:
  DirectSendTest() {
    for (int i = 0; blob_.size() < 5'500; ++i) blob_ += std::to_string(i);
    blob_.resize(5'500);
    EXPECT_EQ(WriteFileAtomic(path_, blob_), OkStatus());
    server_.Put("/part/(.*)", [this](const httplib::Request& request, httplib::Response& response) {
      MutexLock lock(mutex_);
      const std::string number = request.matches[1];
      if (refusals_[number]-- > 0) {
        response.status = 403;
        response.set_content(
            "<Error><Code>AccessDenied</Code><Signature>5ec4e7</Signature></Error>",
            "application/xml");
        return;
      }
      got_[number] = request.get_header_value("x-amz-checksum-sha256") == Sha256Hex(request.body)
                         ? request.body
                         : "changed";
    });
    server_.set_keep_alive_max_count(1);  // its end waits for connections that are kept
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~DirectSendTest() override {
    server_.stop();
    thread_.join();
  }
  // A coordinator as the test has it; notes what it is asked.
  Result<SendStep> Answer(const std::vector<BlobPart>& parts, bool end) {
    std::string asked = end ? "end" : parts.empty() ? "begin" : "parts";
    for (const BlobPart& part : parts) {
      asked += " " + std::to_string(part.number);
      EXPECT_EQ(part.sha256,
                Sha256Hex(blob_.substr(static_cast<size_t>(part.number - 1) * kPart, kPart)));
    }
    asked_.push_back(asked);
    const auto wrong = wrong_.find(asked);
    if (wrong != wrong_.end()) return wrong->second;
    SendStep step;
    step.complete = end;
    step.upload = upload_;
    for (const BlobPart& part : parts)
      step.puts.push_back(
          {url_ + "/part/" + std::to_string(part.number) + "?X-Amz-Signature=5ec4e7",
           {{"x-amz-checksum-sha256", part.sha256}}});
    return step;
  }
  Result<bool> Send() {
    url_ = url_.empty() ? "http://127.0.0.1:" + std::to_string(port_) : url_;
    return send_.Send(
        {Sha256Hex(blob_), blob_.size(), 0, path_, {}},
        [this](const std::vector<BlobPart>& parts, bool end) { return Answer(parts, end); });
  }
  std::string All() {
    MutexLock lock(mutex_);
    std::string all;
    for (const auto& [number, part] : got_) all += part;
    return all;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const std::string path_ = JoinPath(folder_.path(), "blob");
  std::string blob_, url_;
  storage::DirectUpload upload_{kPart, {}};
  std::map<std::string, Status> wrong_;
  std::vector<std::string> asked_;
  Mutex mutex_;
  std::map<std::string, int> refusals_;
  std::map<std::string, std::string> got_;
  SimulatedClock clock_;
  DirectSend send_{{.closed_ms = 600'000, .clock = &clock_}};
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(DirectSendTest, PutsAFewPartsAtATime) {
  EXPECT_TRUE(Send().value());
  EXPECT_EQ(All(), blob_);
  EXPECT_THAT(asked_, ElementsAre("begin", "parts 1 2 3 4", "parts 5 6", "end"));
}

TEST_F(DirectSendTest, PutsWhatIsNotThere) {
  for (const int64_t number : {1, 2, 3, 4, 6})
    upload_.there.push_back(
        {number, Sha256Hex(blob_.substr(static_cast<size_t>(number - 1) * kPart, kPart))});
  upload_.there[1].sha256 = Sha256Hex("what another worker sent");
  EXPECT_TRUE(Send().value());
  EXPECT_THAT(asked_, ElementsAre("begin", "parts 2 5", "end"));
  EXPECT_EQ(All(), blob_.substr(1000, 1000) + blob_.substr(4000, 1000));
}

TEST_F(DirectSendTest, AUrlThatHasEndedIsReplaced) {
  refusals_["2"] = refusals_["6"] = 1;
  EXPECT_TRUE(Send().value());
  EXPECT_EQ(All(), blob_);
  EXPECT_THAT(asked_,
              ElementsAre("begin", "parts 1 2 3 4", "parts 2 3 4", "parts 5 6", "parts 6", "end"));
  EXPECT_TRUE(send_.IsOpen());
}

TEST_F(DirectSendTest, ARefusalLeavesItToTheCoordinatorAndIsSaidOnce) {
  refusals_["3"] = 4;
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Send().value());
  std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("files go through the coordinator, and not directly to its bucket: "
                              "HTTP 403 AccessDenied; this is tried again every 10 min"));
  EXPECT_THAT(said, Not(HasSubstr("5ec4e7")));
  EXPECT_FALSE(send_.IsOpen());
  clock_.Advance(600'000);
  EXPECT_TRUE(send_.IsOpen());
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Send().value());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("files go through")))
      << "parts 1 and 2 have come, but the blob has not";
  testing::internal::CaptureStderr();
  EXPECT_TRUE(Send().value());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("files go directly to the coordinator's bucket again"));
}

TEST_F(DirectSendTest, ABucketThatIsNotReachedIsNamedWithoutTheUrl) {
  url_ = "http://127.0.0.1:1";
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Send().value());
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("http://127.0.0.1:1 is not reached: "));
  EXPECT_THAT(said, Not(HasSubstr("5ec4e7")));
}

TEST_F(DirectSendTest, WhatTheCoordinatorSays) {
  upload_.part_bytes = 0;
  EXPECT_FALSE(Send().value()) << "it takes the bytes itself";
  EXPECT_THAT(asked_, ElementsAre("begin"));
  upload_.part_bytes = kPart;
  wrong_["begin"] = Unavailable("another worker sends it");
  EXPECT_EQ(Send().status(), wrong_["begin"]);
  wrong_["begin"] = Status(StatusCode::kPermissionDenied, ErrorReason::kPermissionDenied, "w2's");
  EXPECT_EQ(Send().status(), wrong_["begin"]);
  wrong_["begin"] = NotFound("a rank that nobody knows");
  EXPECT_FALSE(Send().value());
  wrong_.clear();
  wrong_["parts 5 6"] = Status(StatusCode::kFailedPrecondition, ErrorReason::kBoundToSite, "bound");
  EXPECT_EQ(Send().status(), wrong_["parts 5 6"]);
  wrong_.clear();
  wrong_["end"] = Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch, "other bytes");
  EXPECT_FALSE(Send().value()) << "it looks at them itself, then";
  EXPECT_TRUE(send_.IsOpen());
}

TEST_F(DirectSendTest, AFileThatHasChangedIsNotPut) {
  std::string other = blob_;
  other[5'200] = other[5'200] == 'x' ? 'y' : 'x';
  ASSERT_EQ(WriteFileAtomic(path_, other), OkStatus());
  const std::string sha256 = Sha256Hex(blob_);
  blob_ = other;  // of which the parts are
  url_ = "http://127.0.0.1:" + std::to_string(port_);
  const auto sent = send_.Send(
      {sha256, blob_.size(), 0, path_, {}},
      [this](const std::vector<BlobPart>& parts, bool end) { return Answer(parts, end); });
  EXPECT_TRUE(sent.status().Is(ErrorReason::kDigestMismatch));
  EXPECT_THAT(sent.status().message(),
              HasSubstr("blob " + sha256 + " has changed on this disk (" + path_ + ")"));
  EXPECT_THAT(asked_, Not(::testing::Contains("end")));
}

}  // namespace
}  // namespace braid::worker
