// Tar archives as WebDataset has them, written by Python's tarfile (samples_files.py), which also
// says what is in them.
#include "corpus/samples.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "corpus/file_kind.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SamplesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder(TemporaryFolder::Create().value());
    const std::string line = std::string("python3 '") + BRAID_SOURCE_DIR +
                             "/tests/corpus/samples_files.py' '" + folder_->path() + "'";
    ASSERT_EQ(std::system(line.c_str()), 0);
    expected_ = ReadJsonFile(JoinPath(folder_->path(), "expected.json")).value();
  }
  static void TearDownTestSuite() { delete std::exchange(folder_, nullptr); }
  static CorpusFile File(const std::string& name) {
    return {JoinPath(folder_->path(), name), name};
  }
  static CorpusFile Put(const std::string& name, const std::string& content) {
    // Hundreds are written, and none has to outlive a crash.
    std::ofstream(File(name).path, std::ios::binary) << content;
    return File(name);
  }
  static std::string Content(const std::string& name) {
    return braid::ReadFile(File(name).path).value();
  }
  static CorpusSpec Spec(Json fields) {
    fields["name"] = "c";
    return CorpusFromJson(fields, "corpus").value();
  }
  // The documents, or the error.
  static std::vector<std::string> Read(const Json& fields, const std::vector<CorpusFile>& files,
                                       LeftOut* left_out = nullptr) {
    std::vector<std::string> texts;
    const Status status = ReadDocuments(
        Spec(fields), files, 42,
        [&](Document document) {
          for (const int32_t id : document.ids) document.text += std::to_string(id) + " ";
          return texts.push_back(document.text), OkStatus();
        },
        {.entries = 100}, left_out);
    return status.ok() ? texts : std::vector<std::string>{status.message()};
  }
  static std::string Error(const Json& fields, const std::string& name) {
    return Read(fields, {File(name)}).front();
  }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline Json expected_;
};

TEST_F(SamplesTest, TextsAreThoseThatTarfileReadsWhateverTheArchiveIsWrittenIn) {
  ASSERT_EQ(expected_.size(), 6u);
  for (const auto& [name, texts] : expected_.items()) {
    ASSERT_EQ(texts.size(), 300u) << name;
    EXPECT_EQ(Json(Read(Json::object(), {File(name)})), texts) << name;
    EXPECT_EQ(CheckCorpus(Spec(Json::object()), {File(name)}), std::vector<Status>{}) << name;
    for (const CorpusFile& packed :
         {Put("odd-name", Gzip(Content(name))), Put("packed.tar.zst", Zstd(Content(name)))})
      EXPECT_EQ(Json(Read({{"text", "txt"}}, {packed})), texts) << name;
  }
}

TEST_F(SamplesTest, ExtensionsAreFields) {
  const auto read = [](const Json& fields) { return Read(fields, {File("fields.tar")}); };
  EXPECT_THAT(read({{"text", "json.caption"}}), ElementsAre("one", "two"));
  EXPECT_THAT(read({{"text", "seg.txt"}}), ElementsAre("S1", "S2"));
  EXPECT_THAT(read({{"join", {"txt", "json.list[1]", "seg.txt"}}, {"joiner", "+"}}),
              ElementsAre("T1+b+S1", "T2+d+S2"));
  EXPECT_THAT(read({{"text", "json"}}).front(), StartsWith("{\"caption\""));
  EXPECT_THAT(read({{"input_ids", "json.ids"}}), ElementsAre("1 2 ", "3 "));
  EXPECT_THAT(read({{"chat", {{"template", "plain"}}}}),
              ElementsAre("user: Q1\n\n", "user: Q2\n\n"));
  EXPECT_THAT(read({{"chat", {{"template", "plain"}, {"field", "json.messages"}}}}),
              ElementsAre("user: Q1\n\n", "user: Q2\n\n"));
}

TEST_F(SamplesTest, NamesAreCutAsWebDatasetCutsThem) {
  const auto cut = [](const char* name) {
    const auto split = SampleNameOf(name);
    return split ? split->key + "|" + split->extension : "none";
  };
  EXPECT_EQ(cut("a/b.c/d.SEG.Txt"), "a/b.c/d|seg.txt");
  EXPECT_EQ(cut("./000.txt"), "./000|txt");
  for (const char* name : {"README", "a/.hidden", "a.b/c", "end.", "a/", ""})
    EXPECT_EQ(cut(name), "none") << name;
}

TEST_F(SamplesTest, BadSamplesAreNamedWithFileAndSample) {
  EXPECT_EQ(Error({{"text", "caption"}}, "fields.tar"),
            "fields.tar: sample a has no member \"caption\"; it has jpg, txt, seg.txt, json "
            "(corpora.c.text names it)");
  EXPECT_EQ(Error({{"text", "json.title"}}, "fields.tar"),
            "fields.tar: sample a: field \"json.title\": json has no field \"title\"; it has "
            "caption, ids, list, messages");
  EXPECT_EQ(Error({{"text", "json.list"}}, "fields.tar"),
            "fields.tar: sample a: field \"json.list\" is not text, but [\"a\",\"b\"]");
  EXPECT_EQ(Error({{"text", "jpg"}}, "fields.tar"),
            "fields.tar: sample a: member \"jpg\" is not UTF-8");
  LeftOut left_out;
  EXPECT_THAT(Read({{"on_bad_row", "skip"}}, {File("odd.tar")}, &left_out),
              ElementsAre("good", "last"));
  EXPECT_THAT(left_out.first_bad_rows,
              ElementsAre("odd.tar: sample twice: member \"txt\" appears twice",
                          "odd.tar: sample ../../etc/pass?[2Jwd has no member \"txt\"; it has jpg "
                          "(corpora.c.text names it)",
                          "odd.tar: sample huge: member \"txt\": a document above 256 MiB"));
  EXPECT_THAT(Error({{"text", "json.a"}}, "badjson.tar"),
              StartsWith("badjson.tar: sample x: member \"json\" is not valid JSON"));
}

// Whatever on_bad_row says.
TEST_F(SamplesTest, DamagedArchivesAreErrorsThatNameTheFile) {
  const Json skip = {{"on_bad_row", "skip"}};
  const std::string whole = Content("pax.tar");
  const auto cut = Read(skip, {Put("cut.tar", whole.substr(0, whole.size() / 2 + 700))});
  EXPECT_THAT(cut.front(), StartsWith("cut.tar: the tar archive is damaged or cut short ("));
  EXPECT_EQ(
      Read(skip, {Put("end.tar", whole.substr(0, whole.find_last_not_of('\0') / 512 * 512 + 512))})
          .front(),
      "end.tar: the tar archive is cut short: its end mark is missing");
  const std::string packed = Gzip(whole);
  EXPECT_THAT(Read(skip, {Put("tail.tar.gz", packed.substr(0, packed.size() - 4))}).front(),
              StartsWith("tail.tar.gz is cut short: the compressed data does not end"));
  EXPECT_THAT(Read(skip, {Put("cut.tar.gz", packed.substr(0, packed.size() / 2))}).front(),
              StartsWith("cut.tar.gz is cut short: the compressed data does not end"));
  std::string wrong = whole;
  wrong[wrong.size() / 2 / 512 * 512 + 3] ^= 0x55;
  for (size_t at = wrong.size() / 2; at < wrong.size(); ++at) wrong[at] = 'x';
  EXPECT_THAT(Read(skip, {Put("wrong.tar", wrong)}).front(),
              StartsWith("wrong.tar: the tar archive is damaged or cut short ("));
  EXPECT_EQ(Error(skip, "unnamed.tar"),
            "unnamed.tar: none of the 2 files in this tar archive has a name with an extension, as "
            "samples of WebDataset have (the first is README)");
  EXPECT_EQ(Error({{"format", "text"}}, "pax.tar"),
            "pax.tar: corpora.c.format says text, but the file is a tar archive; leave format out");
}

// Wherever a file is cut that is an error; a byte that is wrong adds no documents.
TEST_F(SamplesTest, DamageAnywhereIsSurvived) {
  const std::string whole = Content("fields.tar");
  const size_t end = whole.find_last_not_of('\0') / 512 * 512 + 512;
  for (size_t at = 1; at <= end;
       at += at % 512 == 0 ? 61 : std::min(61 - at % 61, 512 - at % 512)) {
    const std::vector<std::string> texts = Read(Json({{"text", "json.caption"}}),
                                                {Put("short.tar", whole.substr(0, at))});
    ASSERT_EQ(texts.size(), 1u) << at;
    EXPECT_THAT(texts[0], HasSubstr("short.tar")) << at;
  }
  for (size_t at = 0; at < end; at += 61) {
    std::string wrong = whole;
    wrong[at] = static_cast<char>(wrong[at] ^ 0xFF);
    EXPECT_LE(Read(Json({{"on_bad_row", "skip"}}), {Put("flipped.tar", wrong)}).size(), 2u) << at;
  }
}

TEST_F(SamplesTest, ArchivesThatWereJoinedAreReadToTheEnd) {
  const std::string one = Content("fields.tar"), padding(10'240, '\0');
  const auto four = ElementsAre("T1", "T2", "T1", "T2");
  EXPECT_THAT(Read(Json::object(), {Put("joined.tar", one + one)}), four);
  EXPECT_THAT(Read(Json::object(), {Put("padded.tar", one + padding + one)}), four);
  EXPECT_THAT(Read(Json::object(), {Put("joined.tar.gz", Gzip(one) + Gzip(one))}), four);
  EXPECT_THAT(Read(Json::object(), {Put("joined.tar.zst", Zstd(one) + Zstd(one))}), four);
}

TEST_F(SamplesTest, SizesAreEstimatedFromTheFirstSamples) {
  const auto all = SizeOfSamples(Spec(Json::object()), File("fields.tar"));
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ(all->samples, 2);
  EXPECT_EQ(all->text_bytes, 4);
  const auto part = SizeOfSamples(Spec(Json::object()), File("many.tar"));
  ASSERT_TRUE(part.ok()) << part.status().message();
  EXPECT_NEAR(part->samples, 3'000, 300);
  EXPECT_NEAR(part->text_bytes, 3'000 * 100, 30'000);
  // Of many files some are looked at.
  const auto many = SizeOfSamples(Spec(Json::object()), std::vector(30, File("many.tar")));
  ASSERT_TRUE(many.ok()) << many.status().message();
  EXPECT_NEAR(many->text_bytes, 30 * part->text_bytes, 1);
}

}  // namespace
}  // namespace braid::corpus
