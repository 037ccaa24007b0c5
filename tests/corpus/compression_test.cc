#include "corpus/compression.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using std::literals::operator""s;

TEST(CompressionTest, TheFirstBytesSayIt) {
  EXPECT_EQ(CompressionOf(Gzip("one")), Compression::kGzip);
  EXPECT_EQ(CompressionOf(Zstd("one")), Compression::kZstd);
  for (char number = 0x50; number < 0x60; ++number) {
    EXPECT_EQ(CompressionOf(std::string(1, number) + "\x2A\x4D\x18"), Compression::kZstd);
    // A text may begin as such a frame does.
    EXPECT_EQ(CompressionOf(std::string(1, number) + "\x2A\x4D "), Compression::kNone);
  }
  for (const std::string& text : {""s, "P"s, "P\x2A"s, "PK\x03\x04"s, "one"s, "\x1F"s, "\x28\xB5"s})
    EXPECT_EQ(CompressionOf(text), Compression::kNone) << text;
}

TEST(CompressionTest, NamesSayNothing) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  const std::string path = JoinPath(folder.path(), "plain.txt");
  EXPECT_EQ(CompressionOfFile(path), Compression::kNone);  // it is not there
  for (const auto& [content, compression] : {std::pair{Gzip("one"), Compression::kGzip},
                                             {Zstd("one"), Compression::kZstd},
                                             {std::string("Two days."), Compression::kNone},
                                             {std::string("T"), Compression::kNone}}) {
    ASSERT_TRUE(WriteFileAtomic(path, content).ok());
    EXPECT_EQ(CompressionOfFile(path), compression);
  }
}

}  // namespace
}  // namespace braid::corpus
