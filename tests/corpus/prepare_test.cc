#include "corpus/prepare.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "corpus/bpe_trainer.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "storage/files/remote_files.h"
#include "tests/sanitizer.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SilentChannel final : public task::Channel {
 public:
  void Started() override {}
  void Progress(std::string_view, std::string_view, int64_t, int64_t, double, double) override {}
  void Metric(int64_t, const Json&) override {}
  void Checkpoint(int64_t, const std::string&, const Json&) override {}
  void AddOutput(const std::string&, task::ArtifactKind, const std::string&, const Json&) override {
  }
  void Succeed(const Json& summary) override { result = summary; }
  void Fail(task::FailureCategory, const Status&, const std::string&, bool) override {}
  bool stop_requested() const override { return false; }
  bool TakeCheckpointRequest() override { return false; }
  int64_t stored_checkpoint() const override { return -1; }
  bool has_worker() const override { return false; }
  task::Rendezvous& rendezvous() override { return *keys_; }

  Json result;

 private:
  std::unique_ptr<task::Rendezvous> keys_ = task::FolderRendezvous("unused", "unused");
};

Result<FetchFile> NoFetch() {
  return Internal("there is nothing to fetch");
}

class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() {
    BpeTrainer trainer;
    trainer.Add("one and one are two, two and two are four, four and four are eight");
    EXPECT_TRUE(MakeFolder(at("tokenizer")).ok());
    EXPECT_TRUE(WriteJsonFile(at("tokenizer/tokenizer.json"), trainer.Train(270).value()).ok());
    tokenizer_ = Tokenizer::Load(at("tokenizer/tokenizer.json")).value();
  }
  std::string at(const std::string& name) const { return JoinPath(folder_.path(), name); }

  task::Task Task(const Json& corpus) const {
    task::Task task;
    task.kind = "prepare";
    task.job = "prepare_c";
    task.inputs = {{"tokenizer", at("tokenizer")}, {"source", at("source")}};
    task.output = at("output");
    task.threads = 1;
    task.spec = {{"corpus", corpus}, {"validation", {{"documents", 0.0}}}, {"seed", 3}};
    return task;
  }
  Status Run(const Json& corpus, const std::string& rows, const std::string& file = "rows.jsonl") {
    EXPECT_TRUE(RemoveTree(at("source")).ok());
    EXPECT_TRUE(MakeFolder(at("source")).ok());
    EXPECT_TRUE(WriteFileAtomic(at("source/" + file), rows).ok());
    SilentChannel channel;
    return RunPrepareJob(Task(corpus), channel, NoFetch);
  }
  std::vector<std::vector<int32_t>> Documents() const {
    const Shards shards = Shards::Open(at("output/shards")).value();
    std::vector<std::vector<int32_t>> documents;
    for (int64_t d = 0; d < shards.train.documents(); ++d) {
      const uint64_t begin = shards.train.DocumentBegin(d), end = shards.train.DocumentEnd(d);
      documents.emplace_back(end - begin);
      shards.train.Copy(begin, end - begin, documents.back().data());
    }
    return documents;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::shared_ptr<const Tokenizer> tokenizer_;
  const Json import_ = {{"name", "c"}, {"input_ids", "input_ids"}};
};

TEST_F(PrepareTest, TextIsEncodedAndEnded) {
  ASSERT_TRUE(Run({{"name", "c"}}, "{\"text\":\"one and two\"}\n").ok());
  std::vector<int32_t> expected;
  Encoder(tokenizer_).Encode("one and two", &expected);
  expected.push_back(tokenizer_->eos_id());
  EXPECT_THAT(Documents(), ElementsAre(expected));
}

TEST_F(PrepareTest, ImportedIdsAreDocumentsAsTheyAre) {
  const Status status = Run(
      import_, "{\"input_ids\":[5,6,7]}\n{\"input_ids\":[]}\n\n{\"input_ids\":[269,0]}\n");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(Documents(),
              ElementsAre(std::vector<int32_t>{5, 6, 7}, std::vector<int32_t>{269, 0}));
  // A row that the cap does not let in whole is left out: a shorter one would shift the chunks
  // behind it.
  Json capped = import_;
  capped["tokens"] = 5;
  ASSERT_TRUE(Run(capped, "{\"input_ids\":[5,6,7]}\n{\"input_ids\":[8,9,10]}\n").ok());
  EXPECT_THAT(Documents(), ElementsAre(std::vector<int32_t>{5, 6, 7}));
}

TEST_F(PrepareTest, ACapBelowTheFirstRowOfAnImportIsNamed) {
  Json capped = import_;
  capped["tokens"] = 2;
  EXPECT_THAT(Run(capped, "{\"input_ids\":[5,6,7]}\n").message(),
              HasSubstr("corpus c: tokens 2 are fewer than its first row has"));
}

// The cap may be reached in a batch that is full before the last row is read: nothing of what is
// behind it stays.
TEST_F(PrepareTest, ACapEndsAnImportOfManyBatches) {
  std::string row = "{\"input_ids\":[";
  for (int i = 0; i < 1000; ++i) row += i == 0 ? "7" : ",7";
  row += "]}\n";
  std::string rows;
  for (int i = 0; i < 5000; ++i) rows += row;  // 20 MB of ids
  for (const int64_t tokens : {int64_t{100'500}, int64_t{2'500'500}}) {
    Json capped = import_;
    capped["tokens"] = tokens;
    ASSERT_TRUE(Run(capped, rows).ok());
    const Shards shards = Shards::Open(at("output/shards")).value();
    EXPECT_EQ(shards.train.documents(), tokens / 1000);
    EXPECT_EQ(shards.train.tokens(), tokens / 1000 * 1000);
  }
}

// Files of their own are set aside whole, whatever the corpus is cut to; nothing else is.
TEST_F(PrepareTest, ValidationFilesAreSetAsideWhole) {
  ASSERT_TRUE(MakeFolder(at("source")).ok());
  ASSERT_TRUE(MakeFolder(at("aside")).ok());
  std::string rows, aside;
  for (int i = 0; i < 40; ++i) rows += "{\"text\":\"one and two\"}\n";
  for (int i = 0; i < 3; ++i) aside += "{\"text\":\"four and eight\"}\n";
  ASSERT_TRUE(WriteFileAtomic(at("source/rows.jsonl"), rows).ok());
  ASSERT_TRUE(WriteFileAtomic(at("aside/rows.jsonl"), aside).ok());
  std::vector<int32_t> one, four;
  Encoder(tokenizer_).Encode("one and two", &one);
  Encoder(tokenizer_).Encode("four and eight", &four);
  const auto tokens = static_cast<int64_t>(one.size()) + 1;
  task::Task task = Task(
      {{"name", "c"}, {"sample", 1.0}, {"tokens", 2 * tokens}, {"documents", 30}});
  task.inputs["validation"] = at("aside");
  task.spec["validation"] = {{"files", Json::array()}};
  SilentChannel channel;
  const Status status = RunPrepareJob(task, channel, NoFetch);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Documents().size(), 2u);
  const Shards shards = Shards::Open(at("output/shards")).value();
  ASSERT_EQ(shards.validation.documents(), 3);
  EXPECT_EQ(shards.description["unicode"], "16.0.0, NFC 9.0.0");
  EXPECT_EQ(shards.validation.tokens(), 3 * (static_cast<int64_t>(four.size()) + 1));
  std::vector<int32_t> first(four.size());
  shards.validation.Copy(0, first.size(), first.data());
  EXPECT_EQ(first, four);
  EXPECT_EQ(channel.result["validation_documents"], 3);
  // Shards of earlier versions do not say by which Unicode they were cut.
  Json before = shards.description;
  before.erase("unicode");
  ASSERT_TRUE(WriteJsonFile(at("output/shards/shards.json"), before).ok());
  EXPECT_TRUE(Shards::Open(at("output/shards")).ok());

  // A corpus that is read in place names them itself.
  task.inputs.erase("source");
  task.inputs.erase("validation");
  task.spec["corpus"]["files"] = {at("source/*.jsonl")};
  task.spec["validation"] = {{"files", {at("aside/*.jsonl")}}};
  ASSERT_TRUE(RunPrepareJob(task, channel, NoFetch).ok());
  EXPECT_EQ(Shards::Open(at("output/shards")).value().validation.documents(), 3);

  task.spec["validation"]["files"] = {at("source/*.jsonl")};
  EXPECT_THAT(RunPrepareJob(task, channel, NoFetch).message(),
              HasSubstr("source/rows.jsonl is among its files and its validation files"));
  task.spec["validation"]["files"] = {at("aside/*.jsonl")};
  ASSERT_TRUE(WriteFileAtomic(at("aside/rows.jsonl"), "{\"body\":\"x\"}\n").ok());
  EXPECT_THAT(RunPrepareJob(task, channel, NoFetch).message(),
              HasSubstr("aside/rows.jsonl:1: the row has no field \"text\""));
  task.spec["validation"]["documents"] = 0.1;
  EXPECT_THAT(RunPrepareJob(task, channel, NoFetch).message(),
              HasSubstr("spec.validation.documents: files are set aside whole"));
}

TEST_F(PrepareTest, WhatIsNoIdIsNamedWithFileAndLine) {
  for (const char* value : {"270", "-1", "18446744073709551615", "1.5", "\"x\"", "null"}) {
    const Status status = Run(
        import_, std::string("{\"input_ids\":[1]}\n{\"input_ids\":[3,") + value + "]}\n");
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                HasSubstr(std::string("rows.jsonl:2: ") + value +
                          " in field \"input_ids\" is no id of the tokenizer, which has 0 .. 269"));
  }
  EXPECT_THAT(Run(import_, "{\"input_ids\":7}\n").message(),
              HasSubstr("rows.jsonl:1: field \"input_ids\" is not a list of ids"));
  EXPECT_THAT(Run(import_, "{\"ids\":[7]}\n").message(),
              HasSubstr("rows.jsonl:1: the row has no field \"input_ids\"; it has ids "
                        "(corpora.c.input_ids names the field)"));
  EXPECT_THAT(Run(import_, "{}\n").message(),
              HasSubstr("rows.jsonl:1: the row has no field \"input_ids\"; it has none"));
  EXPECT_THAT(Run(import_, "{\"input_ids\":[7}\n").message(),
              HasSubstr("rows.jsonl:1 is not valid JSON"));
  EXPECT_THAT(Run(import_, "{\"input_ids\":[]}\n").message(),
              HasSubstr("rows.jsonl) hold 0 documents with ids"));
  EXPECT_THAT(Run(import_, "1 2 3\n", "ids.txt").message(),
              HasSubstr("ids.txt: corpora.c.input_ids names a field of rows, but the lines of this "
                        "file are no JSON objects (the first is 1 2 3)"));
}

// What is in no document is counted; shards of whole corpora say nothing of it.
TEST_F(PrepareTest, WhatIsLeftOutIsCounted) {
  ASSERT_TRUE(Run({{"name", "c"}}, "{\"text\":\"one and two\"}\n").ok());
  const Json plain = Shards::Open(at("output/shards")).value().description;
  for (const char* field : {"blank_documents", "rows", "bad_rows", "first_bad_rows"})
    EXPECT_FALSE(plain.contains(field)) << field;
  const Json corpus = {{"name", "c"}, {"on_bad_row", "skip"}};
  ASSERT_TRUE(Run(corpus,
                  "{\"text\":\"one and two\"}\n{\"text\":\"\"}\n{\"text\":null}\n{\"text\":\" "
                  "\"}\n{\"text\":7}\n{\"text\":\"two\"}\n")
                  .ok());
  const Json counted = Shards::Open(at("output/shards")).value().description;
  EXPECT_EQ(counted["documents"], 2);
  EXPECT_EQ(counted["blank_documents"], 2);
  EXPECT_EQ(counted["rows"], 6);
  EXPECT_EQ(counted["bad_rows"], 2);
  ASSERT_EQ(counted["first_bad_rows"].size(), 2u);
  EXPECT_THAT(counted["first_bad_rows"][1].get<std::string>(),
              HasSubstr("rows.jsonl:5: field \"text\" is not text, but 7 (column 9)"));
  EXPECT_EQ(counted["spec"]["on_bad_row"], "skip");
}

// As many as were allowed, of all rows up to the cap; one more is an error, and leaves no shards.
TEST_F(PrepareTest, MoreBadRowsThanAllowedAreAnError) {
  const std::string rows =
      "{\"text\":\"one\"}\n{\"text\":7}\n{\"text\":\"\"}\n{\"text\":\"two\"}\n{\"text\":null}\n";
  Json corpus = {{"name", "c"}, {"on_bad_row", "skip"}, {"max_bad_share", 0.4}};
  const std::string file = at("source/rows.jsonl");
  EXPECT_EQ(
      Run(corpus, rows + "[1]\n").message(),
      "corpus c: 3 of 6 rows (50 %) could not be read, and max_bad_share allows 40 %; correct "
      "them or allow more; the first: " +
          file + ":2: field \"text\" is not text, but 7 (column 9); " + file +
          ":5: field \"text\" is not text, but null (column 9); " + file +
          ":6: the row is not a JSON object; it begins with [1] (one object a line; this is "
          "a list)");
  EXPECT_FALSE(PathExists(at("output/shards/shards.json")));
  ASSERT_TRUE(Run(corpus, rows).ok());
  EXPECT_EQ(Shards::Open(at("output/shards")).value().description["spec"]["max_bad_share"], 0.4);
  corpus["documents"] = 1;
  EXPECT_TRUE(Run(corpus, rows + "[1]\n").ok());
}

// The published way: a document without text leaves its end.
TEST_F(PrepareTest, BlankDocumentsMayLeaveTheirEnd) {
  ASSERT_TRUE(Run({{"name", "c"}, {"blank_documents", "keep"}},
                  "{\"text\":\"one\"}\n{\"text\":\"\"}\n{\"text\":\"two\"}\n")
                  .ok());
  std::vector<int32_t> one, two;
  Encoder(tokenizer_).Encode("one", &one);
  Encoder(tokenizer_).Encode("two", &two);
  one.push_back(tokenizer_->eos_id());
  two.push_back(tokenizer_->eos_id());
  EXPECT_THAT(Documents(), ElementsAre(one, std::vector<int32_t>{tokenizer_->eos_id()}, two));
}

TEST_F(PrepareTest, NoTokenizerIsTrainedOnIds) {
  task::Task task = Task(import_);
  task.kind = "tokenizer";
  task.inputs = {{"source.c", at("source")}};
  task.spec = {{"train", {{"vocab", 300}, {"corpora", {import_}}}}};
  SilentChannel channel;
  EXPECT_THAT(RunTokenizerJob(task, channel, NoFetch).message(),
              HasSubstr("spec.train.corpora.0: corpus c is ids (input_ids), of which no tokenizer "
                        "can be trained"));
}

// The most memory that a preparation of about `megabytes` of rows held, in bytes.
int64_t PeakMemory(const task::Task& task) {
  const pid_t child = fork();
  if (child == 0) {
    SilentChannel channel;
    _exit(RunPrepareJob(task, channel, NoFetch).ok() ? 0 : 1);
  }
  int status = 0;
  rusage usage{};
  EXPECT_EQ(wait4(child, &status, 0, &usage), child);
  EXPECT_EQ(status, 0);
  return usage.ru_maxrss * 1024;
}

TEST_F(PrepareTest, MemoryDoesNotGrowWithTheCorpus) {
  if (kUnderSanitizer) GTEST_SKIP() << "the sanitizer keeps memory of its own";
  const auto write = [&](const std::string& folder, size_t bytes) {
    EXPECT_TRUE(MakeFolder(at(folder)).ok());
    std::ofstream file(at(folder + "/rows.jsonl"));
    std::string row = "{\"text\":\"";
    while (row.size() < 4000) row += "one and two are four and eight are two, ";
    row += "\"}\n";
    for (size_t written = 0; written < bytes; written += row.size()) file << row;
  };
  write("small", size_t{24} << 20);
  write("large", size_t{96} << 20);
  task::Task task = Task({{"name", "c"}});
  task.inputs["source"] = at("small");
  const int64_t small = PeakMemory(task);
  task.inputs["source"] = at("large");
  const int64_t large = PeakMemory(task);
  EXPECT_LT(large - small, int64_t{16} << 20) << small << " " << large;
  EXPECT_LT(large, int64_t{96} << 20);
}

// Files that an input only lists: the shards are those of the same files uploaded.
class FetchedCorpusTest : public PrepareTest {
 protected:
  // What somebody else has.
  std::map<std::string, std::string> there_;
  std::vector<std::string> fetched_;

  Result<FetchFile> Fetch() {
    return FetchFile(
        [this](const storage::RemoteFile& file, const std::string& path,
               const std::function<void(int64_t)>& progress) -> Result<storage::FetchedFile> {
          MutexLock lock(mutex_);
          fetched_.push_back(file.url);
          if (!there_.contains(file.url)) return Unavailable(file.url + " is away");
          const std::string& text = there_.at(file.url);
          BRAID_RETURN_IF_ERROR(WriteFileAtomic(path, text));
          progress(static_cast<int64_t>(text.size()));
          return storage::FetchedFile{static_cast<int64_t>(text.size()), Sha256Hex(text), "\"e\"",
                                      ""};
        });
  }
  Status RunFetching(const std::vector<storage::RemoteFile>& listed) {
    EXPECT_TRUE(MakeFolder(at("source")).ok());
    EXPECT_TRUE(
        WriteFileAtomic(at("source/braid_remote_files.json"), storage::RemoteFilesText(listed))
            .ok());
    task::Task task = Task({{"name", "c"}});
    task.work = at("work");
    EXPECT_TRUE(MakeFolder(task.work).ok());
    SilentChannel channel;
    return RunPrepareJob(task, channel, [this] { return Fetch(); });
  }

 private:
  Mutex mutex_;
};

TEST_F(FetchedCorpusTest, HasTheShardsOfTheSameFilesInTheOrderOfTheirNames) {
  const std::string row = "{\"text\":\"one\"}\n", two = "{\"text\":\"two\"}\n",
                    three = "{\"text\":\"four\"}\n";
  ASSERT_TRUE(MakeFolder(at("source")).ok());
  for (const auto& [name, text] : {std::pair{"a.jsonl", row}, {"b.jsonl", two}, {"c.jsonl", three}})
    ASSERT_TRUE(WriteFileAtomic(at(std::string("source/") + name), text).ok());
  SilentChannel channel;
  ASSERT_TRUE(RunPrepareJob(Task({{"name", "c"}}), channel, NoFetch).ok());
  const auto here = Documents();
  // The middle one is here, the others are listed in another order.
  ASSERT_TRUE(RemoveFile(at("source/a.jsonl")).ok());
  ASSERT_TRUE(RemoveFile(at("source/c.jsonl")).ok());
  there_ = {{"https://h/c.jsonl", three}, {"s3://b/a.jsonl?keys=no", row}};
  const Status status = RunFetching(
      {{"c.jsonl", "https://h/c.jsonl", 17}, {"a.jsonl", "s3://b/a.jsonl?keys=no", -1}});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Documents(), here);
  const Json description = ReadJsonFile(at("output/shards/shards.json")).value();
  const Json& sources = description.at("sources");
  ASSERT_EQ(sources.size(), 3u);
  EXPECT_EQ(sources[0], Json::object({{"file", "a.jsonl"},
                                      {"url", "s3://b/a.jsonl?keys=no"},
                                      {"sha256", Sha256Hex(row)},
                                      {"size", row.size()},
                                      {"etag", "\"e\""}}));
  EXPECT_EQ(sources[1].at("sha256"), Sha256Hex(two));
  EXPECT_FALSE(sources[1].contains("url"));
  EXPECT_EQ(sources[2].at("url"), "https://h/c.jsonl");
}

TEST_F(FetchedCorpusTest, ErrorsNameTheCorpusAndTheUrl) {
  EXPECT_EQ(RunFetching({{"c.jsonl", "https://h/c.jsonl", 17}}).message(),
            "corpus c: https://h/c.jsonl is away");
  there_ = {{"https://h/c.jsonl?rev=1", "{\"text\":3}\n"}};
  EXPECT_THAT(RunFetching({{"c.jsonl", "https://h/c.jsonl?rev=1", 11}}).message(),
              HasSubstr("https://h/c.jsonl:1: field \"text\" is not text"));
}

TEST_F(FetchedCorpusTest, NothingIsFetchedThatHasNoRoom) {
  const Status status = RunFetching({{"c.jsonl", "https://h/c.jsonl", int64_t{1} << 60}});
  EXPECT_THAT(status.message(), HasSubstr("corpus c: fetching 1024.0 PiB to " + at("work")));
  EXPECT_THAT(fetched_, ::testing::IsEmpty());
}

}  // namespace
}  // namespace braid::corpus
