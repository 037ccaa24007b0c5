// Downloads over cuts, from an origin that a test writes down answer by answer. Real servers are in
// fetcher_test.cc and tests/system/fetch_test.py.
#include "storage/fetch/download.h"

#include <gmock/gmock.h>

#include <deque>

#include "base/file.h"
#include "base/sha256.h"

namespace braid::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What one request is answered with: some bytes, and perhaps a cut behind them.
struct Scripted {
  int status = 200;
  std::string etag = "\"one\"";
  int64_t size = -1;  // of the file, said in the headers
  std::string bytes;
  int64_t begin = -1;  // of the part that is sent; -1: the one that was asked for
  bool cut = false;
  std::string modified = "";
};

class ScriptedOrigin final : public Origin {
 public:
  Result<HttpAnswer> Ask(const std::string&, const std::string& range, const std::string& unchanged,
                         const Sink& sink) override {
    asked.push_back(range + (unchanged.empty() || range.empty() ? "" : " if " + unchanged));
    if (answers.empty()) return Unavailable("nobody there");
    const Scripted now = answers.front();
    answers.pop_front();
    HttpAnswer answer;
    answer.status = now.status;
    if (!now.etag.empty()) answer.headers["etag"] = now.etag;
    if (!now.modified.empty()) answer.headers["last-modified"] = now.modified;
    const int64_t begin = now.begin >= 0  ? now.begin
                          : range.empty() ? 0
                                          : std::stoll(range.substr(sizeof("bytes=") - 1));
    if (now.status == 200 && now.size >= 0)
      answer.headers["content-length"] = std::to_string(now.size);
    if (now.status == 206)
      answer.headers["content-range"] = "bytes " + std::to_string(begin) + "-99/" +
                                        std::to_string(now.size);
    if (now.status == 416) answer.headers["content-range"] = "bytes */" + std::to_string(now.size);
    for (const char c : now.bytes) {
      if (answer.good()) BRAID_RETURN_IF_ERROR(sink(answer, {&c, 1}));
    }
    if (now.cut) return Unavailable("cut");
    return answer;
  }

  std::deque<Scripted> answers;
  std::vector<std::string> asked;
};

class DownloadTest : public ::testing::Test {
 protected:
  Result<FetchedFile> Get(const RemoteFile& file) {
    DownloadOptions options;
    options.tries = 3;
    options.first_pause_ms = 0;
    options.progress = [this](int64_t bytes) { last_progress_ = bytes; };
    return Download(file, Path(), origin_, options);
  }
  std::string Error(const RemoteFile& file) {
    const auto got = Get(file);
    EXPECT_FALSE(PathExists(Path())) << "nothing half-written stays";
    return got.ok() ? "" : got.status().message();
  }
  std::string Path() const { return JoinPath(folder_.path(), "file"); }
  std::string Content() const { return ReadFile(Path()).value(); }

  const RemoteFile file_ = {"f", "https://h/f", 6, "\"one\"", "", ""};
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  ScriptedOrigin origin_;
  int64_t last_progress_ = 0;
};

TEST_F(DownloadTest, GoesOnBehindACut) {
  origin_.answers = {{.size = 6, .bytes = "ab", .cut = true},
                     {.status = 206, .size = 6, .bytes = "cd", .cut = true},
                     {.status = 206, .size = 6, .bytes = "ef"}};
  const FetchedFile got = Get(file_).value();
  EXPECT_EQ(Content(), "abcdef");
  EXPECT_EQ(got.size, 6);
  EXPECT_EQ(got.sha256, Sha256Hex("abcdef"));
  EXPECT_EQ(got.etag, "\"one\"");
  EXPECT_EQ(last_progress_, 6);
  EXPECT_THAT(origin_.asked, ElementsAre("", "bytes=2- if \"one\"", "bytes=4- if \"one\""));
}

TEST_F(DownloadTest, AnEndBeforeTheSaidLengthIsACut) {
  origin_.answers = {{.bytes = "abc"}, {.status = 206, .size = 6, .bytes = "def"}};
  EXPECT_EQ(Get(file_).value().sha256, Sha256Hex("abcdef"));
}

TEST_F(DownloadTest, AServerThatKnowsNoPartsBeginsAgain) {
  origin_.answers = {{.size = 6, .bytes = "abcd", .cut = true}, {.size = 6, .bytes = "abcdef"}};
  EXPECT_EQ(Get(file_).value().sha256, Sha256Hex("abcdef"));
  EXPECT_EQ(Content(), "abcdef");
}

// Without ETag and time nothing tells that the rest is of the same file.
TEST_F(DownloadTest, AFileWithoutMarksIsBegunAgain) {
  origin_.answers = {{.etag = "", .bytes = "xx", .cut = true}, {.etag = "", .bytes = "abcdef"}};
  const RemoteFile unmarked = {"f", "https://h/f", -1, "", "", ""};
  EXPECT_EQ(Get(unmarked).value().sha256, Sha256Hex("abcdef"));
  EXPECT_THAT(origin_.asked, ElementsAre("", ""));
  EXPECT_EQ(Content(), "abcdef");
}

TEST_F(DownloadTest, AWeakMarkIsComparedAndTheTimeAskedFor) {
  origin_.answers = {
      {.etag = "W/\"one\"", .bytes = "abc", .cut = true, .modified = "Tue"},
      {.status = 206, .etag = "W/\"one\"", .size = 6, .bytes = "def", .modified = "Tue"}};
  EXPECT_EQ(Get(file_).value().sha256, Sha256Hex("abcdef"));
  EXPECT_THAT(origin_.asked, ElementsAre("", "bytes=3- if Tue"));
}

TEST_F(DownloadTest, TriesAreBoundedWhereNothingComes) {
  origin_.answers = {{.bytes = "ab", .cut = true}};
  EXPECT_EQ(Error(file_), "nobody there (3 times in a row, at 2 bytes of 6)");
  EXPECT_EQ(origin_.asked.size(), 4u);
}

// A server that always begins again and always stops at the same place is no progress.
TEST_F(DownloadTest, TheSameBytesAgainAreNoProgress) {
  for (int i = 0; i < 10; ++i) origin_.answers.push_back({.bytes = "abcd", .cut = true});
  EXPECT_THAT(Error(file_), HasSubstr("3 times in a row, at 4 bytes of 6"));
  EXPECT_EQ(origin_.asked.size(), 4u);
}

TEST_F(DownloadTest, AnotherFileIsAnErrorThatSaysHow) {
  origin_.answers = {{.etag = "\"two\"", .bytes = "abcdef"}};
  EXPECT_EQ(Error(file_),
            "https://h/f has changed since the run was submitted (its ETag was \"one\" and is "
            "\"two\"): submit the recipe again to read it as it is now; #sha256=DIGEST behind a "
            "name makes sure that it is the file that you mean");
  origin_.answers = {{.size = 7, .bytes = "abcdefg"}};
  EXPECT_THAT(Error(file_), HasSubstr("it had 6 bytes and has 7"));
  origin_.answers = {{.bytes = "abcdefg"}};
  EXPECT_THAT(Error(file_), HasSubstr("it had 6 bytes and has more"));
  origin_.answers = {{.etag = "", .bytes = "abcdef", .modified = "Wed"}};
  EXPECT_THAT(Error({"f", "https://h/f", 6, "", "Tue", ""}),
              HasSubstr("it was of Tue and is of Wed"));
  // In the middle: the server sends all of what is another file now.
  origin_.answers = {{.bytes = "abc", .cut = true}, {.etag = "\"two\"", .bytes = "xyzxyz"}};
  EXPECT_THAT(Error(file_), HasSubstr("its ETag was \"one\" and is \"two\""));
  // Shorter than what is there.
  origin_.answers = {{.bytes = "abcd", .cut = true}, {.status = 416, .size = 3}};
  EXPECT_THAT(Error(file_), HasSubstr("it had 4 bytes at least and has 3"));
}

TEST_F(DownloadTest, ADigestDecidesAlone) {
  RemoteFile pinned = file_;
  pinned.sha256 = Sha256Hex("abcdef");
  origin_.answers = {{.etag = "\"two\"", .bytes = "abcdef"}};
  EXPECT_EQ(Get(pinned).value().etag, "\"two\"");
  origin_.answers = {{.bytes = "abcdeF"}};
  EXPECT_EQ(Error(pinned), "https://h/f has the SHA-256 " + Sha256Hex("abcdeF") +
                               ", and the recipe wants " + pinned.sha256 +
                               ": it is another file than when the recipe was written");
}

TEST_F(DownloadTest, APartThatWasNotAskedForIsNotTaken) {
  origin_.answers = {{.bytes = "abc", .cut = true},
                     {.status = 206, .size = 6, .bytes = "cdef", .begin = 2}};
  EXPECT_THAT(Error(file_), HasSubstr("the server sent another part (bytes 2-99/6) than was asked "
                                      "for (bytes 3-)"));
}

TEST_F(DownloadTest, AnEmptyFile) {
  origin_.answers = {{.size = 0}};
  EXPECT_EQ(Get({"f", "https://h/f", 0, "\"one\"", "", ""}).value().sha256, Sha256Hex(""));
}

TEST_F(DownloadTest, AStopEndsIt) {
  DownloadOptions options;
  options.stopped = [] { return true; };
  EXPECT_EQ(Download(file_, Path(), origin_, options).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace braid::storage
