// Miniature files in the formats of the official releases, and in that of one example a row.
#include <gmock/gmock.h>

#include <set>

#include "base/file.h"
#include "base/text.h"
#include "trainer/eval/glue/data.h"
#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GlueDataTest : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return JoinPath(folder_.path(), name); }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(MakeFolder(std::string(FolderOf(at(name)))).ok());
    ASSERT_TRUE(WriteFileAtomic(at(name), text).ok());
  }
  Result<TaskData> Read(const std::string& name, int64_t documents = 0) const {
    BRAID_ASSIGN_OR_RETURN(const TaskFiles files, TaskFiles::Find(folder_.path()));
    const GlueTask* task = FindGlueTask(name).value();
    return ReadTaskData(*task, files, task->validation, documents);
  }
  std::string Error(const std::string& name) const { return Read(name).status().message(); }
  // "first|second|label" of every example, the label by its name.
  static std::vector<std::string> Shown(const std::string& name, const TaskData::Set& set) {
    const GlueTask* task = FindGlueTask(name).value();
    std::vector<std::string> shown;
    for (const Example& e : set.examples) {
      shown.push_back(e.first + "|" + e.second + "|" +
                      (task->regression() ? FormatDouble(e.label)
                                          : task->labels[static_cast<size_t>(e.label)]));
    }
    return shown;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(GlueDataTest, ColaHasNoLineOfNames) {
  Write("CoLA/train.tsv",
        "gj04\t1\t\tOur friends won't buy this.\ngj04\t0\t*\tThe more pictures \"of him.\n");
  Write("CoLA/dev.tsv", "gj04\t1\t\tThe sailors rode the breeze.\n");
  const TaskData data = Read("cola").value();
  EXPECT_THAT(Shown("cola", data.train), ElementsAre("Our friends won't buy this.||acceptable",
                                                     "The more pictures \"of him.||unacceptable"));
  EXPECT_THAT(Shown("cola", data.validation[0]),
              ElementsAre("The sailors rode the breeze.||acceptable"));
}

// At the end, in between, and before the line of names.
TEST_F(GlueDataTest, BlankLinesArePassedOver) {
  Write("SST-2/train.tsv",
        "\nsentence\tlabel\r\nhide new secretions \t0\r\n\r\nthat loves its "
        "characters\t1\r\n\r\n\r\n");
  Write("SST-2/dev.tsv", "sentence\tlabel\nfine . \t1\n\n");
  EXPECT_THAT(Shown("sst2", Read("sst2").value().train),
              ElementsAre("hide new secretions ||negative", "that loves its characters||positive"));
  Write("BoolQ/train.jsonl",
        "{\"question\": \"q\", \"passage\": \"p\", \"label\": true}\n\n{\"question\": \"r\", "
        "\"passage\": \"s\", \"label\": false}\n\n \n");
  Write("BoolQ/val.jsonl", "{\"question\": \"q\", \"passage\": \"p\", \"label\": true}\r\n\r\n");
  EXPECT_THAT(Shown("boolq", Read("boolq").value().train), ElementsAre("q|p|yes", "r|s|no"));
}

TEST_F(GlueDataTest, OddValuesHarmOnlyWhoReadsThem) {
  Write("BoolQ/train.JSONL",
        "{\"question\": \"q\", \"passage\": \"p\", \"idx\": NaN, \"label\": true}\n"
        "{\"question\": \"r\", \"passage\": \"s\", \"more\": {\"score\": -Infinity, \"by\": "
        "\"\\ud800\"}, \"label\": false}\n");
  Write("BoolQ/val.ndjson",
        "{\"question\": \"q\", \"passage\": \"p\", \"idx\": 007, \"label\": 1}\n");
  EXPECT_THAT(Shown("boolq", Read("boolq").value().train), ElementsAre("q|p|yes", "r|s|no"));
  Write("BoolQ/val.ndjson", "{\"question\": \"q\", \"passage\": \"p\", \"label\": NaN}\n");
  EXPECT_THAT(Error("boolq"), HasSubstr("val.ndjson:1: label NaN is none of no, yes (column 44)"));
  Write("BoolQ/val.ndjson", "{\"question\": \"q\", \"passage\": null, \"label\": 1}\n");
  EXPECT_THAT(Error("boolq"),
              HasSubstr("val.ndjson:1: field passage is null, but must be text (column 30)"));
  // Nested fields of a row too.
  Write(
      "MultiRC/train.jsonl",
      R"({"idx": 0, "passage": {"text": "p", "score": NaN, "questions": [{"question": "q", "n": 01, "answers": [{"text": "a", "label": 1, "x": NaN}, {"text": "b", "label": 0}]}]}})"
      "\n");
  Write(
      "MultiRC/val.jsonl",
      R"({"passage": {"text": "p", "questions": [{"question": "q", "answers": [{"text": "a", "label": 1}]}]}})"
      "\n\n");
  EXPECT_THAT(Shown("multirc", Read("multirc").value().train),
              ElementsAre("p|q a|true", "p|q b|false"));
  // No number to predict.
  const std::string names =
      "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n";
  Write("STS-B/train.tsv", names + "0\tg\tf\ty\t1\tn\tn\ta\tb\tnan\n");
  Write("STS-B/dev.tsv", names + "0\tg\tf\ty\t1\tn\tn\ta\tb\t3.8\n");
  EXPECT_THAT(Error("stsb"),
              HasSubstr("train.tsv:2: field score is \"nan\", but must be a number (column 19)"));
}

TEST_F(GlueDataTest, FilesAreTypedByTheirContent) {
  const std::string rows =
      "{\"sentence\": \"fine\", \"label\": 1}\n{\"sentence\": \"bad\", \"label\": 0}\n";
  Write("SST-2/train.tsv", rows);
  Write("SST-2/dev.jsonl", rows);
  EXPECT_THAT(Shown("sst2", Read("sst2").value().train),
              ElementsAre("fine||positive", "bad||negative"));
  Write("SST-2/dev.jsonl", "sentence\tlabel\nfine\t1\n");
  EXPECT_THAT(Error("sst2"),
              HasSubstr("dev.jsonl:1: the row is not a JSON object; it begins with sentence"));
}

TEST_F(GlueDataTest, ARowOfMegabytesIsNotTheMessage) {
  const std::string much(5'000'000, 'x');
  Write("BoolQ/val.jsonl", "{\"question\": \"q\", \"passage\": \"p\", \"label\": true}\n");
  for (const std::string& row :
       {"{\"question\": [\"" + much + "\"]}",
        "{\"question\": \"q\", \"passage\": \"p\", \"label\": \"" + much + "\"}",
        "{\"" + much + "\": 1}", "{\"question\": \"" + much}) {
    Write("BoolQ/train.jsonl", row + "\n");
    EXPECT_THAT(Error("boolq"), HasSubstr("BoolQ/train.jsonl:1"));
    EXPECT_LT(Error("boolq").size(), 700u);
  }
  Write("SST-2/train.tsv", "sentence\tlabel\n" + much + "\t" + much + "\n");
  Write("SST-2/dev.tsv", "sentence\tlabel\n");
  EXPECT_THAT(Error("sst2"), HasSubstr("SST-2/train.tsv:2"));
  EXPECT_LT(Error("sst2").size(), 700u);
  Write("SST-2/train.tsv", much + "\t" + much + "\n" + much + "\n");
  EXPECT_LT(Error("sst2").size(), 1000u);
}

TEST_F(GlueDataTest, Sst2) {
  Write("SST-2/train.tsv",
        "sentence\tlabel\nhide new secretions \t0\nthat loves its characters\t1\n");
  Write("SST-2/dev.tsv", "sentence\tlabel\nit 's a charming journey . \t1\n");
  const TaskData data = Read("sst2").value();
  EXPECT_THAT(Shown("sst2", data.train),
              ElementsAre("hide new secretions ||negative", "that loves its characters||positive"));
  EXPECT_EQ(data.validation[0].examples.size(), 1u);
}

TEST_F(GlueDataTest, MrpcMayBeginWithAByteOrderMarkAndHasOpenQuotes) {
  Write("MRPC/train.tsv",
        "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t702876\t702977\tAmrozi called "
        "him \" the witness \".\tHe called him so.\n"
        "0\t1\t2\tA sold B.\tB bought C.\n");
  Write("MRPC/dev.tsv", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t3\t4\tx\ty\n");
  EXPECT_THAT(Shown("mrpc", Read("mrpc").value().train),
              ElementsAre("Amrozi called him \" the witness \".|He called him so.|equivalent",
                          "A sold B.|B bought C.|not_equivalent"));
}

TEST_F(GlueDataTest, StsbPredictsANumber) {
  const std::string names =
      "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n";
  Write("STS-B/train.tsv",
        names +
            "0\tmain-captions\tMSRvid\t2012test\t1\tnone\tnone\tA plane.\tAn air plane.\t5.000\n"
            "1\tmain-captions\tMSRvid\t2012test\t4\tnone\tnone\tA man.\tA flute.\t0.25\n");
  Write("STS-B/dev.tsv", names + "0\tg\tf\ty\t1\tn\tn\ta\tb\t3.8\n");
  EXPECT_THAT(Shown("stsb", Read("stsb").value().train),
              ElementsAre("A plane.|An air plane.|5", "A man.|A flute.|0.25"));
}

TEST_F(GlueDataTest, QqpPassesOverCutRows) {
  const std::string names = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
  Write("QQP/train.tsv",
        names + "1\t2\t3\tHow?\tHow so?\t1\n364011\t4\t5\tcut here\n6\t7\t8\tWho?\tWhen?\t0\n");
  Write("QQP/dev.tsv", names + "1\t2\t3\ta\tb\t0\n");
  EXPECT_THAT(Shown("qqp", Read("qqp").value().train),
              ElementsAre("How?|How so?|duplicate", "Who?|When?|not_duplicate"));
}

TEST_F(GlueDataTest, MnliHasTwoSetsAndTheGoldLabelOfFive) {
  const std::string first =
      "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_"
      "parse\tsentence2_parse\tsentence1\tsentence2\t";
  const std::string parses = "0\t1\t1e\tfiction\t( a )\t( b )\t(R a)\t(R b)\t";
  Write("MNLI/train.tsv", first + "label1\tgold_label\n" + parses +
                              "Premise.\tHypothesis.\tneutral\tentailment\n" + parses +
                              "P2\tH2\tcontradiction\tcontradiction\n");
  const std::string five = first + "label1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n";
  Write("MNLI/dev_matched.tsv",
        five + parses + "Pm\tHm\tneutral\tneutral\tentailment\tneutral\tneutral\tneutral\n");
  Write("MNLI/dev_mismatched.tsv",
        five + parses + "Px\tHx\tentailment\tneutral\tneutral\tneutral\tneutral\tentailment\n");
  const TaskData data = Read("mnli").value();
  EXPECT_THAT(Shown("mnli", data.train),
              ElementsAre("Premise.|Hypothesis.|entailment", "P2|H2|contradiction"));
  ASSERT_EQ(data.validation.size(), 2u);
  EXPECT_THAT(Shown("mnli", data.validation[0]), ElementsAre("Pm|Hm|neutral"));
  EXPECT_THAT(Shown("mnli", data.validation[1]), ElementsAre("Px|Hx|entailment"));
}

TEST_F(GlueDataTest, QnliAndRte) {
  Write("QNLI/train.tsv",
        "index\tquestion\tsentence\tlabel\n0\tWhen?\tIn "
        "1996.\tentailment\n1\tWho?\tThen.\tnot_entailment\n");
  Write("QNLI/dev.tsv", "index\tquestion\tsentence\tlabel\n0\tWhat?\tThat.\tnot_entailment\n");
  EXPECT_THAT(Shown("qnli", Read("qnli").value().train),
              ElementsAre("When?|In 1996.|entailment", "Who?|Then.|not_entailment"));
  Write("RTE/train.tsv",
        "index\tsentence1\tsentence2\tlabel\n0\tNo "
        "weapons.\tWeapons.\tnot_entailment\n1\ta\tb\tentailment\n");
  Write(
      "RTE/val.jsonl",
      R"({"premise": "Dana died.", "hypothesis": "She lives.", "label": "not_entailment", "idx": 0})"
      "\n");
  const TaskData rte = Read("rte").value();
  EXPECT_THAT(Shown("rte", rte.train),
              ElementsAre("No weapons.|Weapons.|not_entailment", "a|b|entailment"));
  EXPECT_THAT(Shown("rte", rte.validation[0]), ElementsAre("Dana died.|She lives.|not_entailment"));
}

TEST_F(GlueDataTest, BoolQ) {
  Write("BoolQ/train.jsonl",
        R"({"question": "is it", "passage": "Title -- It is.", "idx": 0, "label": true})"
        "\n"
        R"({"question": "was it", "passage": "It was not.", "idx": 1, "label": false})"
        "\n");
  Write("BoolQ/val.jsonl", R"({"question": "q", "passage": "p", "idx": 0, "label": true})"
                           "\n");
  EXPECT_THAT(Shown("boolq", Read("boolq").value().train),
              ElementsAre("is it|Title -- It is.|yes", "was it|It was not.|no"));
}

TEST_F(GlueDataTest, WscAsksAboutTheTwoSpans) {
  Write(
      "WSC/train.jsonl",
      R"({"text": "Mark told Pete lies. He believed them.", "target": {"span1_text": "Pete", "span1_index": 2, "span2_text": "He", "span2_index": 4}, "idx": 0, "label": true})"
      "\n"
      R"({"text": "Flat.", "span1_index": 0, "span2_index": 3, "span1_text": "Mark", "span2_text": "He", "idx": 1, "label": 0})"
      "\n");
  Write(
      "WSC/val.jsonl",
      R"({"text": "t", "target": {"span1_text": "a", "span2_text": "b"}, "idx": 0, "label": false})"
      "\n");
  EXPECT_THAT(
      Shown("wsc", Read("wsc").value().train),
      ElementsAre("Mark told Pete lies. He believed them.|Does \"He\" refer to \"Pete\"?|yes",
                  "Flat.|Does \"He\" refer to \"Mark\"?|no"));
}

TEST_F(GlueDataTest, MultiRcMakesAnExampleOfEachAnswer) {
  Write(
      "MultiRC/train.jsonl",
      R"({"idx": 0, "version": 1.1, "passage": {"text": "Susan had a party.", "questions": [)"
      R"({"question": "Who came?", "idx": 0, "answers": [{"text": "Friends", "idx": 0, "label": 1}, {"text": "Nobody", "idx": 1, "label": 0}]},)"
      R"({"question": "When?", "idx": 1, "answers": [{"text": "On Monday", "idx": 2, "label": 0}]}]}})"
      "\n");
  Write(
      "MultiRC/val.jsonl",
      R"({"paragraph": "P.", "question": "Q?", "answer": "A", "label": 1, "idx": {"paragraph": 0}})"
      "\n");
  const TaskData data = Read("multirc").value();
  EXPECT_THAT(Shown("multirc", data.train),
              ElementsAre("Susan had a party.|Who came? Friends|true",
                          "Susan had a party.|Who came? Nobody|false",
                          "Susan had a party.|When? On Monday|false"));
  EXPECT_THAT(Shown("multirc", data.validation[0]), ElementsAre("P.|Q? A|true"));
}

TEST_F(GlueDataTest, CopaMakesAnExampleOfEachChoice) {
  const std::string row =
      R"({"premise": "The man turned on the faucet.", "choice1": "The toilet filled.", "choice2": "Water flowed.", "question": "effect", "idx": 0, "label": 1})"
      "\n";
  Write("COPA/train.jsonl", row);
  Write(
      "COPA/val.jsonl",
      R"({"premise": "P", "choice1": "A", "choice2": "B", "question": "cause", "idx": 0, "label": 0})"
      "\n");
  const TaskData data = Read("copa").value();
  EXPECT_THAT(Shown("copa", data.train),
              ElementsAre("The man turned on the faucet.|so The toilet filled.|wrong",
                          "The man turned on the faucet.|so Water flowed.|right"));
  EXPECT_THAT(Shown("copa", data.validation[0]),
              ElementsAre("P|because A|right", "P|because B|wrong"));
}

TEST_F(GlueDataTest, FlatFilesOfOneExampleARow) {
  Write("mnli.train.jsonl", R"({"premise": "p", "hypothesis": "h", "label": 2, "idx": 1})"
                            "\n"
                            R"({"premise": "p", "hypothesis": "g", "label": 0, "idx": 1})"
                            "\n");
  Write("mnli.valid.even.jsonl", R"({"premise": "a", "hypothesis": "b", "label": 1, "idx": 1})"
                                 "\n");
  Write("mnli-mm.valid.jsonl", R"({"premise": "c", "hypothesis": "d", "label": 0, "idx": 1})"
                               "\n");
  const TaskData data = Read("mnli").value();
  EXPECT_THAT(Shown("mnli", data.train), ElementsAre("p|h|contradiction", "p|g|entailment"));
  EXPECT_THAT(Shown("mnli", data.validation[0]), ElementsAre("a|b|neutral"));
  EXPECT_THAT(Shown("mnli", data.validation[1]), ElementsAre("c|d|entailment"));
  Write("cola.train.jsonl", R"({"sentence": "s", "label": 1, "idx": 0})"
                            "\n"
                            R"({"sentence": "t", "label": 0, "idx": 0})"
                            "\n");
  Write("cola.validation.jsonl", R"({"sentence": "u", "label": 0, "idx": 0})"
                                 "\n");
  EXPECT_THAT(Shown("cola", Read("cola").value().train),
              ElementsAre("s||acceptable", "t||unacceptable"));
}

TEST_F(GlueDataTest, DocumentsCapEachFileByADraw) {
  std::string rows = "sentence\tlabel\n";
  for (int i = 0; i < 100; ++i) rows += Format("s%02d\t%d\n", i, i % 2);
  Write("SST-2/train.tsv", rows);
  Write("SST-2/dev.tsv", rows);
  const TaskData data = Read("sst2", 10).value();
  EXPECT_EQ(data.train.examples.size(), 10u);
  EXPECT_EQ(data.validation[0].examples.size(), 10u);
  EXPECT_NE(Shown("sst2", data.train), Shown("sst2", data.validation[0]));  // drawn, not the first
                                                                            // ten
  EXPECT_EQ(Shown("sst2", data.train), Shown("sst2", Read("sst2", 10).value().train));
  EXPECT_TRUE(std::is_sorted(data.train.examples.begin(), data.train.examples.end(),
                             [](const Example& a, const Example& b) { return a.first < b.first; }));
  EXPECT_EQ(Read("sst2", 1000).value().train.examples.size(), 100u);
}

TEST_F(GlueDataTest, ATrainingSetOfOneClassIsAnErrorThatNamesTaskAndFile) {
  Write("SST-2/train.tsv", "sentence\tlabel\ngood\t1\nbetter\t1\n");
  Write("SST-2/dev.tsv", "sentence\tlabel\ngood\t1\nbad\t0\n");
  EXPECT_THAT(Error("sst2"),
              AllOf(HasSubstr("task sst2: " + at("SST-2/train.tsv") + " has one class only"),
                    HasSubstr("positive in all 2 examples")));
}

TEST_F(GlueDataTest, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(Error("cola"),
              AllOf(HasSubstr("task cola: no file of split train in " + folder_.path()),
                    HasSubstr("cola/train.tsv")));
  Write("CoLA/train.tsv", "gj04\t1\t\tfine\ngj04\t0\n");
  EXPECT_THAT(Error("cola"), AllOf(HasSubstr("train.tsv:2: 2 fields"),
                                   HasSubstr("4 columns (source, label, mark, sentence)")));
  Write("CoLA/train.tsv", "gj04\t7\t\tfine\n");
  EXPECT_THAT(
      Error("cola"),
      HasSubstr("train.tsv:1: label \"7\" is none of unacceptable, acceptable (column 6);"));
  Write("CoLA/train.tsv", "");
  EXPECT_THAT(Error("cola"), HasSubstr("train.tsv has no examples"));
  Write("BoolQ/train.jsonl", R"({"query": "is it", "passage": "It is.", "label": true})"
                             "\n");
  EXPECT_THAT(Error("boolq"),
              HasSubstr("train.jsonl:1: no field question; the row has label, passage, query"));
  Write("BoolQ/train.jsonl", R"({"question": 5, "passage": "It is.", "label": true})"
                             "\n");
  EXPECT_THAT(Error("boolq"), HasSubstr("field question is 5, but must be text (column 14)"));
  Write("BoolQ/train.jsonl", "[1]\n");
  EXPECT_THAT(Error("boolq"), HasSubstr("train.jsonl:1: the row is not a JSON object"));
  Write("STS-B/train.tsv", "sentence1\tsentence2\tscore\na\tb\tmuch\n");
  EXPECT_THAT(Error("stsb"),
              HasSubstr("train.tsv:2: field score is \"much\", but must be a number (column 5)"));
  Write("MultiRC/train.jsonl", R"({"passage": {"text": "t", "questions": 3}})"
                               "\n");
  EXPECT_THAT(
      Error("multirc"),
      HasSubstr("train.jsonl:1: field passage (column 13): the passage has no list questions"));
  Write("MultiRC/train.jsonl", "{\"passage\": 3}\n");
  EXPECT_THAT(Error("multirc"),
              HasSubstr("train.jsonl:1: field passage (column 13) must be an object"));
  Write("WSC/train.jsonl", "{\"text\": \"t\", \"target\": {\"span1_text\": 1}}\n");
  EXPECT_THAT(
      Error("wsc"),
      HasSubstr(
          "train.jsonl:1: field target (column 25): field span1_text is 1, but must be text"));
  Write("boolq.train.jsonl", "");
  EXPECT_THAT(Error("boolq"),
              AllOf(HasSubstr("task boolq: "), HasSubstr("are both boolq.train; keep one")));
  // What is there twice of another task does not matter.
  EXPECT_THAT(Error("stsb"), HasSubstr("field score is"));
  EXPECT_THAT(FindGlueTask("wnli").status().message(),
              AllOf(HasSubstr("no task \"wnli\""), HasSubstr("cola, sst2")));
}

TEST_F(GlueDataTest, TheElevenTasksOfTheTwoSuites) {
  std::map<std::string, int> suites;
  std::map<std::string, std::string> metrics;
  for (const GlueTask& task : GlueTasks()) {
    ++suites[task.suite];
    metrics[task.name] = MetricName(task.metric);
  }
  EXPECT_EQ(suites["glue"], 8);
  EXPECT_EQ(suites["superglue"], 3);
  EXPECT_EQ(metrics["cola"], "matthews");
  EXPECT_EQ(metrics["mrpc"], "f1");
  EXPECT_EQ(metrics["qqp"], "f1");
  EXPECT_EQ(metrics["stsb"], "pearson_spearman");
  EXPECT_EQ(metrics["rte"], "accuracy");
  EXPECT_THAT(FindGlueTask("rte").value()->seeds, ElementsAre(3, 12, 42, 100, 200));
  EXPECT_THAT(FindGlueTask("mnli").value()->seeds, ElementsAre(12, 42));
  EXPECT_THAT(FindGlueTask("qqp").value()->seeds, ElementsAre(42));
}

// Real files, where a checkout has them beside it.
TEST_F(GlueDataTest, ReadsPublishedFiles) {
  const std::string folder = JoinPath(FolderOf(BRAID_SOURCE_DIR), "shared/data/eval/glue");
  if (!PathExists(folder)) GTEST_SKIP() << "no " << folder;
  const TaskFiles files = TaskFiles::Find(folder).value();
  const TaskData mnli =
      ReadTaskData(*FindGlueTask("mnli").value(), files, {"dev_matched"}, 0).value();
  EXPECT_EQ(mnli.train.examples.size(), 10000u);
  EXPECT_EQ(mnli.validation[0].examples.size(), 2454u);
  const TaskData wsc = ReadTaskData(*FindGlueTask("wsc").value(), files, {"dev"}, 0).value();
  EXPECT_EQ(wsc.train.examples.size(), 554u);
  EXPECT_EQ(wsc.validation[0].examples.size(), 52u);
  EXPECT_EQ(wsc.train.examples[0].second, "Does \"He\" refer to \"Mark\"?");
  for (const auto& [name, count] :
       std::map<std::string, size_t>{{"qnli", 2732}, {"boolq", 1635}, {"copa", 200}}) {
    const GlueTask* task = FindGlueTask(name).value();
    std::vector<Example> examples;
    const Status read = ReadRows(files.At(name, "dev").value(), task->tsv,
                                 [&](const Row& row) { return task->read(row, &examples); });
    ASSERT_TRUE(read.ok()) << read.message();
    EXPECT_EQ(examples.size(), count) << name;
    std::set<double> classes;
    for (const Example& example : examples) classes.insert(example.label);
    EXPECT_EQ(classes.size(), 2u) << name;
  }
}

}  // namespace
}  // namespace braid::trainer
