// What is packed, and how; and what is no text at all.
#include "corpus/lines.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using std::literals::operator""s;

class LinesTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path;
  }
  std::vector<std::string> Lines(const std::string& content) {
    std::vector<std::string> lines;
    status_ = ReadLines(Put("file", content), [&](std::string_view line, int64_t) {
      return lines.emplace_back(line), OkStatus();
    });
    return status_.ok() ? lines : std::vector<std::string>{status_.message()};
  }
  std::string Error(const std::string& content) {
    (void)Lines(content);
    return status_.message();
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  Status status_;
};

// A frame that a reader of zstd passes over: a number of the sixteen, the length, and bytes of
// anybody.
std::string Skippable(char number, const std::string& bytes) {
  return std::string(1, static_cast<char>(0x50 + number)) + "\x2A\x4D\x18" +
         static_cast<char>(bytes.size()) + "\0\0\0"s + bytes;
}

TEST_F(LinesTest, ZstdMayBeginWithFramesToSkip) {
  for (const char number : {0, 7, 15}) {
    EXPECT_THAT(Lines(Skippable(number, "whatever") + Zstd("one\ntwo\n")),
                ElementsAre("one", "two"));
  }
  EXPECT_THAT(Lines(Skippable(0, "a") + Skippable(1, "") + Zstd("one\nt") + Skippable(2, "b") +
                    Zstd("wo\n") + Skippable(3, "c")),
              ElementsAre("one", "two"));
  EXPECT_THAT(Lines(Skippable(0, "a")), ElementsAre());
}

TEST_F(LinesTest, FramesAndMembersMayFollowOneAnother) {
  EXPECT_THAT(Lines(Zstd("one\nt") + Zstd("") + Zstd("wo\n")), ElementsAre("one", "two"));
  EXPECT_THAT(Lines(Gzip("one\nt") + Gzip("") + Gzip("wo\n")), ElementsAre("one", "two"));
  EXPECT_THAT(Lines(Gzip("one\n") + std::string(512, '\0')), ElementsAre("one"));  // a tape's last
                                                                                   // block
}

// All input may be taken while most of the output is still to come.
TEST_F(LinesTest, MuchInLittleIsReadToItsEnd) {
  for (const size_t size : {size_t{1} << 20, (size_t{3} << 20) + 17, size_t{16} << 20}) {
    const std::string text = std::string(size - 1, 'a') + "\n";
    for (const std::string& packed : {Gzip(text), Zstd(text), Zstd(text) + Zstd("end\n")}) {
      const std::vector<std::string> lines = Lines(packed);
      ASSERT_TRUE(status_.ok()) << status_.message();
      EXPECT_EQ(lines.front().size(), size - 1);
    }
  }
}

TEST_F(LinesTest, WhatIsCutIsSaidToBe) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919) + "\n";
  const std::string gzip = Gzip(text), zstd = Zstd(text);
  for (const std::string& whole :
       {gzip, zstd, Zstd("one\n") + zstd, Gzip("one\n") + gzip, Skippable(0, "a") + zstd}) {
    for (const size_t cut : {size_t{1}, size_t{4}, whole.size() / 2}) {
      const std::string error = Error(whole.substr(0, whole.size() - cut));
      EXPECT_TRUE(error.find("/file is cut short") != std::string::npos) << error;
    }
  }
  std::string damaged = zstd;
  damaged[damaged.size() / 2] = static_cast<char>(~damaged[damaged.size() / 2]);
  EXPECT_THAT(Error(damaged), HasSubstr("/file"));
  EXPECT_THAT(Error(zstd + "garbage"), HasSubstr("/file: damaged zstd data"));
  EXPECT_THAT(Error(gzip + "garbage"), HasSubstr("/file: damaged gzip data"));
}

TEST_F(LinesTest, WhatIsNoTextIsNamedByItsContent) {
  const std::string rest = "\0\x01\xFF\xFE"s + std::string(600, '\x80');
  const std::pair<std::string, const char*> kinds[] = {
      {"\xFD\x37zXZ\0"s, "/file is an xz file, which braid does not read; unpack it (xz -d)"},
      {"BZh91AY&SY", "is a bzip2 file, which braid does not read; unpack it (bzip2 -d)"},
      {"\x04\x22\x4D\x18"s, "is an lz4 file"},
      {"PAR1", "is a Parquet table, which braid does not read; of a corpus it is read"},
      {"ARROW1\0\0"s, "is an Arrow table"},
      {"\xFF\xFF\xFF\xFF"s, "is an Arrow stream"},
      {"FEA1", "is a Feather table"},
      {"ORC", "is an ORC table"},
      {"Obj\x01", "is an Avro file"},
      {"SQLite format 3\0"s, "is an SQLite database"},
      {"\x89HDF\r\n\x1A\n", "is an HDF5 file"},
      {"PK\x03\x04", "is a zip archive (or .npz, .pt"},
      {"7z\xBC\xAF\x27\x1C", "is a 7z archive"},
      {"Rar!\x1A\x07", "is a rar archive"},
      {"\x80\x04\x95", "is a pickle of Python"},
      {"\x93NUMPY", "is a NumPy array"},
      {"GGUF", "is a GGUF model"},
      {"%PDF-1.7\n", "is a PDF"},
      {"\x78\x9C", "is zlib data"},
  };
  for (const auto& [magic, message] : kinds) {
    EXPECT_THAT(Error(magic + rest), HasSubstr(message));
    EXPECT_THAT(Error(Gzip(magic + rest)), HasSubstr(message));  // packed once more
  }
  EXPECT_THAT(Error(Gzip(Gzip("one\n"))), HasSubstr("is gzip data inside of compressed data"));
  EXPECT_THAT(Error(Zstd(Zstd("one\n"))), HasSubstr("is zstd data inside of compressed data"));
  std::string tar = "name" + std::string(508, '\0') + "text";
  tar.replace(257, 5, "ustar");
  EXPECT_THAT(Error(tar),
              HasSubstr("is a tar archive, which braid does not read; of a corpus its members"));
  EXPECT_THAT(Error(Zstd(tar)), HasSubstr("is a tar archive"));
  EXPECT_THAT(Error(std::string(5000, '\0')), HasSubstr("is zeros and no text"));
  EXPECT_THAT(Error("version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 12\n"),
              HasSubstr("is a pointer of Git LFS and not the file itself, which braid does not "
                        "read; fetch the file with git lfs pull"));
  EXPECT_THAT(Error("/annex/objects/SHA256E-s12--0f.jsonl\n"), HasSubstr("git annex get"));
}

// In which plain letters are valid UTF-8, a zero beside each.
TEST_F(LinesTest, WideTextIsNamed) {
  std::string little, big, wide;
  for (const char c : "{\"text\": \"one\"}\n{\"text\": \"two\"}\n"s) {
    little += c + "\0"s;
    big += "\0"s + c;
    wide += c + "\0\0\0"s;
  }
  EXPECT_THAT(Error(little), HasSubstr("is text in UTF-16LE, which braid does not read; convert it "
                                       "(iconv -f UTF-16LE -t UTF-8)"));
  EXPECT_THAT(Error(big), HasSubstr("is text in UTF-16BE"));
  EXPECT_THAT(Error("\xFF\xFE"s + little), HasSubstr("iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(Error("\xFE\xFF"s + big), HasSubstr("iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(Error("\xFF\xFE\0\0"s + wide), HasSubstr("iconv -f UTF-32 -t UTF-8"));
  EXPECT_THAT(Error(wide), HasSubstr("iconv -f UTF-32 -t UTF-8"));
}

TEST_F(LinesTest, TextThatBeginsLikeSomethingElseIsText) {
  for (const char* text :
       {"PAR1 is a magic", "ORCs live here", "BZh is no word", "GGUF", "PK", "Rar! he said",
        "%PDF-1.7 is how they begin", "x\xC2\x9C", "a\0b caf\xC3\xA9"}) {
    EXPECT_THAT(Lines(text), ElementsAre(text));
  }
  EXPECT_THAT(Lines("a\0b\n"s), ElementsAre("a\0b"s));
  EXPECT_THAT(Lines("one\r\ntwo\r\n\r\n"), ElementsAre("one", "two", ""));
  EXPECT_THAT(Lines(""), ElementsAre());
}

}  // namespace
}  // namespace braid::corpus
