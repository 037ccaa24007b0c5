// Quotas as clients see them: who an upload counts for, what is refused before it is sent, the
// list.
#include "braid/v1/admin.grpc.pb.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

class QuotaCallsTest : public TokensTest {
 protected:
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& token) {
    return rpc::MakeChannel(server_->address(), token);
  }
  grpc::Status Ask(const std::string& token, uint64_t size, const std::string& user = "",
                   const std::string& sha256 = std::string(64, '7')) {
    grpc::ClientContext context;
    Limit(&context);
    v1::QueryUploadRequest request;
    request.set_sha256(sha256);
    request.set_size(size);
    request.set_user(user);
    v1::QueryUploadResponse reply;
    return v1::Artifacts::NewStub(ChannelOf(token))->QueryUpload(&context, request, &reply);
  }
  // An artifact of one stored file with this text.
  grpc::Status Put(const std::string& token, const std::string& data, const std::string& user,
                   v1::Artifact* artifact) {
    EXPECT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
    storage::Manifest manifest;
    manifest.kind = "source";
    manifest.files = {{"text", Sha256Hex(data), data.size()}};
    grpc::ClientContext context;
    Limit(&context);
    v1::CommitArtifactRequest request;
    request.set_manifest_json(manifest.Canonical());
    request.set_user(user);
    return v1::Artifacts::NewStub(ChannelOf(token))->CommitArtifact(&context, request, artifact);
  }
};

TEST_F(QuotaCallsTest, UploadsCountForTheTokenAndAreRefusedBeforeTheyAreSent) {
  Create("ada", v1::SUBMITTER, '1');
  quotas_.Put({{10, scheduler::kNoLimit}, {}, {}, {}});
  v1::Artifact artifact;
  ASSERT_TRUE(Put(Secret('1'), "six by", "somebody else", &artifact).ok());
  EXPECT_EQ(artifact.user(), "ada") << "whatever its client says";
  EXPECT_TRUE(Ask(Secret('1'), 4).ok());
  const grpc::Status large = Ask(Secret('1'), 5);
  EXPECT_EQ(large.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(large.error_message(),
              HasSubstr("the quota of user ada is 10 B of artifacts; 6 B are used, and this would "
                        "be 5 B more"));
  EXPECT_EQ(Put(Secret('1'), "five.", "", &artifact).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  // The owner says for whom.
  ASSERT_TRUE(Put(kToken, "seven b", "eve", &artifact).ok());
  EXPECT_EQ(artifact.user(), "eve");
  EXPECT_EQ(Ask(kToken, 4, "eve").error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Ask(kToken, 1'000).ok()) << "for nobody";
  // What is there costs nothing, also of who has used up all.
  quotas_.Put({{1, scheduler::kNoLimit}, {}, {}, {}});
  EXPECT_TRUE(Ask(Secret('1'), 6, "", Sha256Hex("six by")).ok());
  EXPECT_TRUE(Put(Secret('1'), "six by", "", &artifact).ok());
  EXPECT_THAT(Ask(kToken, uint64_t{1} << 63, "eve").error_message(),
              HasSubstr("no file has so many bytes"));

  grpc::ClientContext context;
  v1::ListQuotasResponse list;
  ASSERT_TRUE(v1::Admin::NewStub(ChannelOf(Secret('1')))->ListQuotas(&context, {}, &list).ok());
  ASSERT_EQ(list.quotas_size(), 2);
  EXPECT_EQ(list.quotas(0).kind(), "user");
  EXPECT_EQ(list.quotas(0).name(), "ada");
  EXPECT_EQ(list.quotas(0).artifact_bytes(), 6);
  EXPECT_EQ(list.quotas(0).artifact_bytes_limit(), 1);
  EXPECT_EQ(list.quotas(0).jobs(), 0);
  EXPECT_EQ(list.quotas(0).jobs_limit(), -1);
  EXPECT_EQ(list.quotas(1).name(), "eve");
}

}  // namespace
}  // namespace braid::coordinator
