// The program itself, without a coordinator: exit codes, streams, messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "base/file.h"

namespace {

using braid::JoinPath;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Ended {
  int code;
  std::string out, err;
};

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() : folder_(std::move(braid::TemporaryFolder::Create()).value()) {}

  Ended Braid(const std::string& words) {
    const std::string out = JoinPath(folder_.path(), "out"), err = JoinPath(folder_.path(), "err");
    const std::string line =
        "cd '" + folder_.path() +
        "' && env -u BRAID_ADDR -u BRAID_DIR -u BRAID_OUTPUT '" BRAID_BINARY_DIR "/bin/braid' " +
        words + " > '" + out + "' 2> '" + err + "' < /dev/null";
    const int status = std::system(line.c_str());
    return {WEXITSTATUS(status), *braid::ReadFile(out), *braid::ReadFile(err)};
  }

  // What bash completes `line` to.
  std::string Completed(const std::string& line) {
    const std::string script = JoinPath(folder_.path(), "script"),
                      out = JoinPath(folder_.path(), "completed");
    const std::string text = Braid("completion bash").out + "COMP_WORDS=(" + line +
                             ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_braid\n" +
                             "printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    if (!braid::WriteFileAtomic(script, text).ok()) return "";
    if (std::system(("bash '" + script + "' > '" + out + "'").c_str()) != 0) return "";
    return *braid::ReadFile(out);
  }

  braid::TemporaryFolder folder_;
};

TEST_F(ProgramTest, AWrongCommandNamesTheNearest) {
  const Ended ended = Braid("sumbit recipe.yaml");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "braid: no command \"sumbit\"; did you mean submit?\n");
  EXPECT_THAT(Braid("--dir x artifact veryfi").err, HasSubstr("did you mean verify?"));
  EXPECT_EQ(Braid("").code, 2);
  EXPECT_EQ(Braid("plan").code, 2);
  EXPECT_EQ(Braid("list -o yml").code, 2);
  const Ended wait = Braid("wait run --timeout soon");
  EXPECT_EQ(wait.code, 2);
  EXPECT_THAT(wait.err, HasSubstr("--timeout: \"soon\": expected a time like 90s, 30m, 2h or 30d"));
}

TEST_F(ProgramTest, HelpGoesToStandardOutput) {
  const Ended ended = Braid("--help");
  EXPECT_EQ(ended.code, 0);
  for (const char* command :
       {"up",       "down", "plan",   "submit", "list",    "worker",  "artifact",  "describe",
        "watch",    "wait", "logs",   "events", "metrics", "cancel",  "retry",     "merge",
        "generate", "eval", "export", "import", "report",  "version", "completion"}) {
    EXPECT_THAT(ended.out, HasSubstr(std::string("\n  ") + command + " "));
  }
  EXPECT_EQ(ended.err, "");
}

TEST_F(ProgramTest, NoCoordinatorSaysWhatToDo) {
  const Ended no_state = Braid("list runs");
  EXPECT_EQ(no_state.code, 6);
  EXPECT_THAT(
      no_state.err,
      HasSubstr(
          ".braid/address.json is not there; start one with braid up, or give --addr HOST:PORT"));
  const Ended nobody = Braid("--addr 127.0.0.1:1 worker list");
  EXPECT_EQ(nobody.code, 6);
  EXPECT_THAT(nobody.err, HasSubstr("no coordinator answers at 127.0.0.1:1"));
  EXPECT_EQ(Braid("down").code, 3);
}

TEST_F(ProgramTest, ABrokenRecipeChangesNothing) {
  ASSERT_TRUE(
      braid::WriteFileAtomic(JoinPath(folder_.path(), "r.yaml"), "run: a\nseeed: 3\n").ok());
  for (const char* command : {"plan", "submit"}) {
    const Ended ended = Braid(std::string(command) + " r.yaml");
    EXPECT_EQ(ended.code, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, StartsWith("braid: r.yaml:1:1: "));
    EXPECT_THAT(ended.err, HasSubstr("r.yaml:2:1: seeed: no such key; did you mean seed?"));
  }
  EXPECT_EQ(Braid("plan missing.yaml").code, 3);
}

TEST_F(ProgramTest, EvalNeedsSomethingToMeasure) {
  const Ended ended = Braid("eval some-model");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err,
              HasSubstr("nothing to measure; give --shards, --routing, --dual, --blimp, --glue or "
                        "--next-token"));
  EXPECT_EQ(Braid("eval").code, 2);
}

// The settings of evaluations are those of spec/evaluate, whose reader judges the values.
TEST_F(ProgramTest, EvalDescribesAndChecksItsSettingsAsRecipesDo) {
  const std::string help = Braid("eval --help").out;
  EXPECT_THAT(help, HasSubstr("--epochs INT=32"));
  EXPECT_THAT(help, HasSubstr("of --glue: Epochs of a training, at most."));
  EXPECT_THAT(help, HasSubstr("--average TEXT=token_mean"));
  for (const auto& [option, error] :
       {std::pair{"--epochs 0", "--epochs: must be at least 1, is 0"},
        {"--epochs many", "--epochs: expected a whole number, found \"many\""},
        {"--pairs -1", "--pairs: must not be negative, is -1"},
        {"--average median", "--average: expected token_mean or batch_mean, found \"median\""},
        {"--tasks cola,rtee", "found \"rtee\"; did you mean rte?"},
        {"--seeds 3,3", "--seeds: names 3 twice"},
        {"--threads 0", "--threads: "}}) {
    const Ended ended = Braid(std::string("eval some-model --glue g ") + option);
    EXPECT_EQ(ended.code, 2) << option;
    EXPECT_THAT(ended.err, HasSubstr(error)) << option;
  }
}

TEST_F(ProgramTest, WhoWritesJsonAsAnOptionOfItsOwnHearsWhatToWrite) {
  for (const char* words :
       {"eval model --shards s --json", "list runs --json", "--json version", "describe --json"}) {
    const Ended ended = Braid(words);
    EXPECT_EQ(ended.code, 2) << words;
    EXPECT_EQ(ended.out, "") << words;
    EXPECT_EQ(ended.err,
              "braid: there is no option --json; write -o json, or set BRAID_OUTPUT=json\n")
        << words;
  }
}

TEST_F(ProgramTest, OptionsOfAListAreCheckedBeforeAnybodyIsAsked) {
  const Ended reverse = Braid("list jobs run --columns job,state --reverse");
  EXPECT_EQ(reverse.code, 1);
  EXPECT_EQ(reverse.err,
            "braid: --reverse turns the order of --sort round: give --sort COLUMN, too\n");
  EXPECT_THAT(Braid("-o json list --sort age runs").err,
              StartsWith("braid: --sort: -o json prints the whole document"));
}

TEST_F(ProgramTest, YamlIsTheDocumentOfJson) {
  EXPECT_THAT(Braid("-o yaml explain train.batch").out, HasSubstr("\ntype: "));
  EXPECT_THAT(Braid("-o yaml version").out, StartsWith("client: "));
}

TEST_F(ProgramTest, AModelThatIsNowhereSaysSo) {
  const Ended ended = Braid("generate ./models/none prompt");
  EXPECT_EQ(ended.code, 6);
  EXPECT_THAT(ended.err, HasSubstr("./models/none is no folder here: no coordinator: "));
}

TEST_F(ProgramTest, VersionAndCompletionNeedNoCoordinator) {
  EXPECT_THAT(Braid("version").out, StartsWith("braid "));
  EXPECT_THAT(Braid("completion bash").out, EndsWith("complete -F _braid braid\n"));
  EXPECT_EQ(Completed("braid artifact list --so"), "--sort\n");
  EXPECT_EQ(Completed("braid worker li"), "list\n");
  EXPECT_EQ(Completed("braid list -o ya"), "yaml\n");
  EXPECT_THAT(Braid("completion zsh").out, HasSubstr("bashcompinit"));
  EXPECT_THAT(
      Braid("completion fish").out,
      HasSubstr(
          "__fish_seen_subcommand_from artifact' -a 'list get put lineage verify pin unpin'"));
  EXPECT_EQ(Braid("completion tcsh").code, 2);
}

}  // namespace
