#include "base/remote_name.h"

#include <gmock/gmock.h>

namespace braid {
namespace {

using ::testing::HasSubstr;

const std::string kDigest(64, 'a');

std::string Refused(const std::string& text) {
  const auto name = ParseRemoteName(text);
  return name.ok() ? "" : name.status().message();
}

TEST(RemoteNameTest, PathsAreNone) {
  for (const char* path :
       {"a.jsonl", "/data/a.jsonl", "../a:b//c", "data/**/*.jsonl", "://a", "1a://b"})
    EXPECT_FALSE(IsRemoteName(path)) << path;
  for (const char* name : {"https://h/a", "s3://b/k", "ftp://h/a", "HTTPS://h/a"})
    EXPECT_TRUE(IsRemoteName(name)) << name;
}

TEST(RemoteNameTest, AFileOfTheWeb) {
  const RemoteName name = ParseRemoteName("https://h.example:8443/d/a%20b.zst?rev=1").value();
  EXPECT_FALSE(name.in_bucket);
  EXPECT_EQ(name.url, "https://h.example:8443/d/a%20b.zst?rev=1");
  EXPECT_EQ(name.sha256, "");
  EXPECT_TRUE(ParseRemoteName("http://127.0.0.1:80/a").ok());
  const RemoteName pinned = ParseRemoteName("https://h/a#sha256=" + kDigest).value();
  EXPECT_EQ(pinned.url, "https://h/a");
  EXPECT_EQ(pinned.sha256, kDigest);
}

TEST(RemoteNameTest, ObjectsOfABucket) {
  const RemoteName name =
      ParseRemoteName("s3://corpora/lang=en/**/*.parquet?endpoint=https://h&keys=no").value();
  EXPECT_TRUE(name.in_bucket);
  EXPECT_EQ(name.bucket, "corpora");
  EXPECT_EQ(name.key, "lang=en/**/*.parquet");
  EXPECT_EQ(name.query, "endpoint=https://h&keys=no");
  EXPECT_TRUE(name.is_pattern);
  const RemoteName one = ParseRemoteName("s3://corpora/a b.jsonl#sha256=" + kDigest).value();
  EXPECT_EQ(one.key, "a b.jsonl");
  EXPECT_FALSE(one.is_pattern);
  EXPECT_EQ(one.sha256, kDigest);
}

TEST(RemoteNameTest, WhatCannotBeFetchedIsRefusedWithTheCause) {
  EXPECT_EQ(Refused("ftp://h/a"),
            "\"ftp://h/a\": files are read from paths, https:// and s3://, and from nothing else");
  EXPECT_THAT(Refused("file:///etc/passwd"), HasSubstr("and from nothing else"));
  EXPECT_THAT(Refused("http://h/a"), HasSubstr("over http:// everybody on the way can change the "
                                               "text; use https://"));
  EXPECT_THAT(Refused("http://127.0.0.1.example/a"), HasSubstr("use https://"));
  // What is secret is not shown again.
  EXPECT_EQ(Refused("https://me:word@h/a"),
            "\"https://...@h/a\": a login does not belong into a recipe, which is kept and shown; "
            "give it to the workers (docs/security.md)");
  const std::string is_signed = Refused("https://h/a?X-Amz-Signature=5ec3e7&b=1");
  EXPECT_THAT(is_signed, HasSubstr("\"https://h/a\": this address is signed"));
  EXPECT_THAT(is_signed, ::testing::Not(HasSubstr("5ec3e7")));
  EXPECT_THAT(Refused("https://h/a?SIG=1"), HasSubstr("this address is signed"));
  EXPECT_THAT(Refused("https://h"), HasSubstr("names no file"));
  EXPECT_THAT(Refused("https://h/dir/"), HasSubstr("names no file"));
  EXPECT_THAT(Refused("https:///a"), HasSubstr("names no host"));
  EXPECT_THAT(Refused("https://h/*.gz"), HasSubstr("name each file, or percent-encode"));
  EXPECT_THAT(Refused("https://h/a b"), HasSubstr("percent-encode it (%20)"));
  EXPECT_THAT(Refused("https://h/a\nb"), HasSubstr("percent-encode it"));
  EXPECT_THAT(Refused("https://h/a#top"), HasSubstr("what stands behind # is no digest"));
  EXPECT_THAT(Refused("https://h/a#sha256=12"), HasSubstr("64 lower-case hex digits"));
  EXPECT_THAT(Refused("s3://bucket"), HasSubstr("names no object"));
  EXPECT_THAT(Refused("s3://bucket/dir/"), HasSubstr("names no object"));
  EXPECT_THAT(Refused("s3://key:secret@bucket/a"), HasSubstr("a login does not belong"));
  EXPECT_THAT(Refused("s3://bucket/*.gz#sha256=" + kDigest), HasSubstr("a digest is of one file"));
}

TEST(RemoteNameTest, UrlsAreShownWithoutWhatMayBeSecret) {
  EXPECT_EQ(ShownUrl("https://h/a@b?token=1"), "https://h/a@b");
  EXPECT_EQ(ShownUrl("https://u:p@h/a"), "https://...@h/a");
}

TEST(RemoteNameTest, TheNameOfTheFile) {
  EXPECT_EQ(FileNameOfUrl("https://h/d/a%20b%2Fc.zst?x=/y"), "a b_c.zst");
  EXPECT_EQ(FileNameOfUrl("https://h/100%"), "100%");
  EXPECT_EQ(FileNameOfUrl("s3://b/d/a%20b.zst?endpoint=https://h/"), "a%20b.zst");
}

}  // namespace
}  // namespace braid
