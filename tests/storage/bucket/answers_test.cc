#include "storage/bucket/answers.h"

#include <gmock/gmock.h>

namespace braid::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Status ErrorOf(int status, const std::string& code,
               std::map<std::string, std::string> headers = {}) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  answer.body = "<Error><Code>" + code + "</Code><Message>words</Message></Error>";
  BucketPlace place;
  place.bucket = "models";
  place.prefix = "lab";
  place.endpoint = "https://s3.example";
  return BucketError(answer, "putting blob abc", place, "AKEXAMPLE");
}

TEST(BucketAnswers, ElementsAreFoundInTheirOrder) {
  const std::string xml =
      "<List><Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents><Cut>";
  EXPECT_THAT(Elements(xml, "Contents"), ElementsAre("<Key>a</Key>", "<Key>b</Key>"));
  EXPECT_EQ(Element(xml, "Key"), "a");
  EXPECT_EQ(Element(xml, "Cut"), "");
  EXPECT_EQ(ParseUtc("2013-05-24T00:00:00.000Z"), 1'369'353'600'000);
  EXPECT_EQ(ParseUtc("yesterday"), 0);
}

struct Expected {
  int status;
  const char* code;
  StatusCode kind;
  const char* words;
};

TEST(BucketAnswers, ErrorsSayWhatToDo) {
  for (const Expected& one : {
           Expected{403, "AccessDenied", StatusCode::kPermissionDenied,
                    "access key AKEXAMPLE needs s3:ListBucket, s3:GetObject"},
           Expected{403, "InvalidAccessKeyId", StatusCode::kPermissionDenied,
                    "access key AKEXAMPLE is not known there"},
           Expected{403, "SignatureDoesNotMatch", StatusCode::kPermissionDenied,
                    "mend AWS_SECRET_ACCESS_KEY or the credentials file"},
           Expected{400, "ExpiredToken", StatusCode::kPermissionDenied,
                    "the session of access key AKEXAMPLE has ended"},
           Expected{403, "RequestTimeTooSkewed", StatusCode::kFailedPrecondition,
                    "set this machine's clock"},
           Expected{404, "NoSuchBucket", StatusCode::kFailedPrecondition,
                    "there is no bucket models at https://s3.example: make it (aws s3 mb"},
           Expected{404, "NoSuchKey", StatusCode::kNotFound, "not there"},
           Expected{404, "NoSuchUpload", StatusCode::kNotFound, "not there"},
           Expected{404, "", StatusCode::kFailedPrecondition,
                    "what answers at https://s3.example speaks no S3: mend the endpoint"},
           Expected{503, "SlowDown", StatusCode::kUnavailable, "the bucket is busy"},
           Expected{500, "", StatusCode::kUnavailable, "the bucket is busy"},
           Expected{507, "", StatusCode::kUnavailable, "the bucket is full"},
           Expected{403, "QuotaExceeded", StatusCode::kUnavailable, "the bucket is full"},
           Expected{400, "BadDigest", StatusCode::kUnavailable, "had another digest"},
           Expected{301, "PermanentRedirect", StatusCode::kFailedPrecondition,
                    "the bucket is elsewhere"},
           Expected{400, "InvalidRequest", StatusCode::kFailedPrecondition,
                    "HTTP 400 InvalidRequest: words"},
       }) {
    const Status status = ErrorOf(one.status, one.code);
    EXPECT_EQ(status.code(), one.kind) << one.code;
    EXPECT_THAT(status.message(), HasSubstr("s3://models/lab: putting blob abc: ")) << one.code;
    EXPECT_THAT(status.message(), HasSubstr(one.words)) << one.code;
  }
  EXPECT_TRUE(ErrorOf(404, "NoSuchKey").Is(ErrorReason::kBlobMissing));
  EXPECT_FALSE(ErrorOf(404, "").Is(ErrorReason::kBlobMissing));
  EXPECT_THAT(ErrorOf(301, "PermanentRedirect", {{"x-amz-bucket-region", "eu-west-1"}}).message(),
              HasSubstr("say region=eu-west-1 in --blobs"));
  EXPECT_THAT(
      ErrorOf(403, "RequestTimeTooSkewed", {{"date", "Sun, 29 Nov 2026 13:00:00 GMT"}}).message(),
      HasSubstr("there it is Sun, 29 Nov 2026 13:00:00 GMT"));
}

}  // namespace
}  // namespace braid::storage
