#include "storage/files/remote_files.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;

TEST(RemoteFilesTest, AreReadAsTheyWereWritten) {
  const std::vector<RemoteFile> files = {
      {"a.zst", "https://h/a.zst", 12, "\"e\"", "Tue, 03 Mar 2026 10:00:00 GMT",
       std::string(64, 'a')},
      {"1/a.zst", "s3://b/a.zst?endpoint=https://h", -1, "", "", ""}};
  const std::string text = RemoteFilesText(files);
  EXPECT_EQ(ParseRemoteFiles(text, "list").value(), files);
  // The first line makes no row of JSON, so that programs before this list do not train on it.
  EXPECT_EQ(text.substr(0, text.find('\n')), "{");
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  EXPECT_TRUE(ReadRemoteFiles(folder.path()).value().empty());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(folder.path(), "braid_remote_files.json"), text).ok());
  EXPECT_EQ(ReadRemoteFiles(folder.path()).value(), files);
}

TEST(RemoteFilesTest, WrongListsAreErrorsThatNameTheField) {
  const auto wrong = [](const std::string& text) {
    return ParseRemoteFiles(text, "list").status().message();
  };
  EXPECT_THAT(wrong(R"({"format": 2, "files": []})"), HasSubstr("this program reads 1"));
  EXPECT_THAT(wrong(R"({"format": 1, "files": [{"name": "../a", "url": "https://h/a"}]})"),
              HasSubstr("list.files.0.name"));
  EXPECT_THAT(wrong(R"({"format": 1, "files": [{"name": "a"}]})"), HasSubstr("list.files.0.url"));
  EXPECT_THAT(wrong(R"({"format": 1, "files": [{"name": "a", "url": "u", "sha256": "1"}]})"),
              HasSubstr("list.files.0.sha256"));
}

}  // namespace
}  // namespace braid::storage
