#include "cli/shared/metric_file.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace braid::cli {
namespace {

using testing::HasSubstr;

std::string ContentOf(const std::string& path) {
  const auto text = ReadFile(path);
  return text.ok() ? *text : "";
}

std::string NewFolder() {
  std::string name = testing::TempDir() + "/braid metrics XXXXXX";
  return mkdtemp(name.data());
}

// The check value of the catalogue of CRC algorithms, and one of RFC 3720, B.4.
TEST(Crc32c, IsThatOfTheStandard) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(CsvFile, GrowsAndTakesNewColumns) {
  const std::string folder = NewFolder();
  const std::string path = JoinPath(folder, "job.csv");
  auto file = MakeCsvFile(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_TRUE((*file)->Add(1, {{"loss", 0.1}}).ok());
  EXPECT_TRUE((*file)->Flush().ok());
  EXPECT_EQ(ContentOf(path), "step,loss\n1,0.1\n");
  EXPECT_TRUE((*file)->Add(2, {{"loss", 1e-30}}).ok());
  EXPECT_TRUE((*file)->Flush().ok());
  EXPECT_EQ(ContentOf(path), "step,loss\n1,0.1\n2,1e-30\n");
  EXPECT_TRUE((*file)->Add(3, {{"loss", 1}, {"a,\"b\"", 2}}).ok());
  EXPECT_TRUE((*file)->Flush().ok());
  EXPECT_EQ(ContentOf(path), "step,\"a,\"\"b\"\"\",loss\n1,,0.1\n2,,1e-30\n3,2,1\n");
  EXPECT_TRUE(RemoveTree(folder).ok());
}

TEST(EventFile, IsNotDrawnOverAnother) {
  const std::string folder = NewFolder();
  {
    auto file = MakeEventFile(JoinPath(folder, "job"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_TRUE((*file)->Add(1, {{"loss", 0.5}}).ok());
    EXPECT_TRUE((*file)->Flush().ok());
    // 24 bytes of "brain.Event:2", the step and its scalar, with 16 bytes around each record.
    const std::string bytes = ContentOf((*file)->path());
    EXPECT_THAT(bytes, HasSubstr("brain.Event:2"));
    EXPECT_THAT(bytes, HasSubstr("loss"));
  }
  const auto again = MakeEventFile(JoinPath(folder, "job"));
  EXPECT_EQ(again.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(again.status().message(), HasSubstr("name another folder with --out"));
  EXPECT_TRUE(RemoveTree(folder).ok());
}

}  // namespace
}  // namespace braid::cli
