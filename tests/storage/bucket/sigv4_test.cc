#include "storage/bucket/sigv4.h"

#include <gtest/gtest.h>

#include "base/sha256.h"

namespace braid::storage {
namespace {

// The examples of "Signature Calculations for the Authorization Header" in the API reference of
// Amazon S3.
const AccessKey kExampleKey = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                               ""};
constexpr int64_t kExampleMs = 1'369'353'600'000;  // 2013-05-24T00:00:00Z

ToSign Example(const std::string& method, const std::string& path) {
  ToSign request;
  request.method = method;
  request.host = "examplebucket.s3.amazonaws.com";
  request.path = path;
  request.payload = Sha256Hex("");
  return request;
}

std::string SignatureOf(const ToSign& request) {
  const auto headers = SignedHeaders(request, kExampleKey, "us-east-1", kExampleMs);
  const std::string& text = headers.at("authorization");
  return text.substr(text.rfind('=') + 1);
}

TEST(SigV4, ReadsAnObjectAsThePublishedExample) {
  ToSign request = Example("GET", "/test.txt");
  request.headers = {{"range", "bytes=0-9"}};
  const auto headers = SignedHeaders(request, kExampleKey, "us-east-1", kExampleMs);
  EXPECT_EQ(headers.at("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(headers.at("x-amz-date"), "20130524T000000Z");
}

TEST(SigV4, PutsAnObjectAsThePublishedExample) {
  ToSign request = Example("PUT", "/" + UriEncode("test$file.text", true));
  request.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.payload = Sha256Hex("Welcome to Amazon S3.");
  EXPECT_EQ(SignatureOf(request),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, AsksWithQueriesAsThePublishedExamples) {
  ToSign request = Example("GET", "/");
  request.query = {{"lifecycle", ""}};
  EXPECT_EQ(SignatureOf(request),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(SignatureOf(request),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// "Authenticating Requests: Using Query Parameters" in the same reference.
TEST(SigV4, SignsAUrlAsThePublishedExample) {
  const auto query = SignedQuery(Example("GET", "/test.txt"), kExampleKey, "us-east-1", kExampleMs,
                                 86'400);
  EXPECT_EQ(QueryText(query),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
            "&X-Amz-SignedHeaders=host");
}

TEST(SigV4, SignsTheSessionOfAUrlToo) {
  AccessKey key = kExampleKey;
  key.session = "session/token+";
  const auto query = SignedQuery(Example("GET", "/a"), key, "us-east-1", kExampleMs, 60);
  EXPECT_EQ(query.at("X-Amz-Security-Token"), key.session);
  EXPECT_NE(query.at("X-Amz-Signature"),
            SignedQuery(Example("GET", "/a"), kExampleKey, "us-east-1", kExampleMs, 60)
                .at("X-Amz-Signature"));
  for (const auto& [name, value] : query)
    EXPECT_EQ(value.find(key.secret), std::string::npos) << name;
}

TEST(SigV4, NeverSendsTheSecret) {
  AccessKey key = kExampleKey;
  key.session = "session/token+";
  const ToSign request = Example("GET", "/a");
  for (const auto& [name, value] : SignedHeaders(request, key, "us-east-1", kExampleMs))
    EXPECT_EQ(value.find(key.secret), std::string::npos) << name;
  EXPECT_EQ(SignedHeaders(request, key, "us-east-1", kExampleMs).at("x-amz-security-token"),
            key.session);
}

}  // namespace
}  // namespace braid::storage
