// The program itself, without a coordinator: exit codes, streams, messages.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace {

using braid::JoinPath;
using testing::HasSubstr;
using testing::StartsWith;

struct Ended {
  int code;
  std::string out, err;
};

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() : folder_(std::move(braid::TemporaryFolder::Create()).value()) {}

  // `with` are variables of its environment.
  Ended Braid(const std::string& words, const std::string& with = "") {
    const std::string out = JoinPath(folder_.path(), "out"), err = JoinPath(folder_.path(), "err");
    const std::string line = "cd '" + folder_.path() +
                             "' && env -u BRAID_ADDR -u BRAID_DIR -u BRAID_OUTPUT " + with +
                             "'" BRAID_BINARY_DIR "/bin/braid' " + words + " > '" + out + "' 2> '" +
                             err + "' < /dev/null";
    const int status = std::system(line.c_str());
    return {WEXITSTATUS(status), *braid::ReadFile(out), *braid::ReadFile(err)};
  }

  // What bash completes the end of `line` to.
  std::string Completed(const std::string& line) {
    const std::string script = JoinPath(folder_.path(), "script"),
                      out = JoinPath(folder_.path(), "completed");
    const std::string text = Braid("completion bash").out + "cd '" + folder_.path() +
                             "'\nCOMP_LINE='" + line +
                             "' COMP_POINT=${#COMP_LINE}\n_braid '" BRAID_BINARY_DIR
                             "/bin/braid'\n" +
                             "[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    if (!braid::WriteFileAtomic(script, text).ok()) return "the script was not written";
    if (std::system(("bash '" + script + "' > '" + out + "'").c_str()) != 0) return "bash failed";
    return *braid::ReadFile(out);
  }

  braid::TemporaryFolder folder_;
};

TEST_F(ProgramTest, AWrongCommandNamesTheNearest) {
  const Ended ended = Braid("sumbit recipe.yaml");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "braid: no command \"sumbit\"; did you mean submit? braid --help has all\n");
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

// Each with the word that is wrong, what was meant, and whose help says more.
TEST_F(ProgramTest, WordsThatAreNotUnderstoodAreNamed) {
  for (const auto& [words, error] : std::vector<std::pair<std::string, std::string>>{
           {"--nonsense", "braid: no option \"--nonsense\"; braid --help has all"},
           {"--adr 1 list",
            "braid: no option \"--adr\"; did you mean --addr? braid --help has all"},
           {"list runs --adr=1",
            "braid list runs: no option \"--adr\"; did you mean --addr? braid list runs --help has "
            "all"},
           {"watch r -x", "braid watch: no option \"-x\"; braid watch --help has all"},
           {"--only a submit r.yaml",
            "braid: no option \"--only\"; write it behind the command: braid submit --only"},
           {"", "braid: a command is missing; braid --help says how it is used"},
           {"artifact",
            "braid artifact: a command is missing: list, get, put, lineage, verify, "
            "pin, unpin; braid artifact --help says how it is used"},
           {"watch", "braid watch: run is missing; braid watch --help says how it is used"},
           {"watch r s",
            "braid watch: \"s\" is a word too many; braid watch --help says how it is used"},
           {"logs r --tail",
            "braid logs: --tail needs a value behind it; braid logs --help says how it is used"},
           {"logs r --tail x",
            "braid logs: --tail: Value x is no number from 0 up; braid logs --help says "
            "how it is used"},
           {"adapt m a", "braid adapt: --out is required; braid adapt --help says how it is used"},
       }) {
    const Ended ended = Braid(words);
    EXPECT_EQ(ended.code, 2) << words;
    EXPECT_EQ(ended.err, error + "\n") << words;
    EXPECT_EQ(ended.out, "") << words;
  }
}

TEST_F(ProgramTest, FormsThatACommandDoesNotHaveAreRefused) {
  for (const auto& [words, error] : std::vector<std::pair<std::string, std::string>>{
           {"-o csv version",
            "braid version: -o csv is for tables, and this prints none; take -o "
            "table, json or yaml"},
           {"submit r.yaml -o csv",
            "braid submit: -o csv is for tables, and this prints none; "
            "take -o table, json or yaml, or name"},
           {"audit -o name",
            "braid audit: -o name is for what has names, and this prints none; "
            "take -o table, json or yaml, or csv"}}) {
    const Ended ended = Braid(words);
    EXPECT_EQ(ended.code, 2) << words;
    EXPECT_EQ(ended.err, error + "\n") << words;
    EXPECT_EQ(ended.out, "") << words;
  }
}

TEST_F(ProgramTest, FieldsAndFindingsAreTablesForPrograms) {
  EXPECT_THAT(Braid("explain validation -o name").out, HasSubstr("validation.documents\n"));
  EXPECT_THAT(Braid("explain train -o csv").out, StartsWith("FIELD,TYPE,DEFAULT,MEANING\ntrain."));
  EXPECT_THAT(Braid("explain train.batch -o csv --no-header").out,
              StartsWith("train.batch,\"a whole number, at least 1\",32,"));
  ASSERT_TRUE(
      braid::WriteFileAtomic(JoinPath(folder_.path(), "r.yaml"), "run: a\nseeed: 3\n").ok());
  const std::string table = Braid("check r.yaml -o csv").out;
  EXPECT_THAT(table,
              StartsWith("SEVERITY,RECIPE,LINE,COLUMN,FIELD,SUBJECT,MESSAGE\nerror,r.yaml,"));
  EXPECT_THAT(table, HasSubstr("error,r.yaml,2,1,seeed,,seeed: no such key; did you mean seed?\n"));
  EXPECT_THAT(Braid("check r.yaml -o name").out, HasSubstr("seeed\n"));
  EXPECT_THAT(Braid("doctor -o csv").out, StartsWith("VERDICT,SUBJECT,FOUND,ADVICE\n"));
}

TEST_F(ProgramTest, TrackersAreWrittenByTheClientForPython) {
  const std::string bin = JoinPath(folder_.path(), "bin");
  ASSERT_TRUE(braid::MakeFolder(bin).ok());
  const auto python = [&](const std::string& script) {
    const std::string path = JoinPath(bin, "python3");
    ASSERT_TRUE(braid::WriteFileAtomic(path, "#!/bin/sh\n" + script).ok());
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  };
  const std::string with = "PATH='" + bin + "' VIRTUAL_ENV= ";
  const std::string words = "export r-1 --mlflow http://h:1 --follow";
  EXPECT_THAT(Braid(words, with).err, HasSubstr("there is no python3 in PATH: install "));
  python("exit 1\n");
  const Ended without = Braid(words, with);
  EXPECT_EQ(without.code, 3);
  EXPECT_THAT(without.err, HasSubstr(bin + "/python3 has no package braid_client: install "));
  EXPECT_THAT(without.err,
              HasSubstr("python3 -m braid_client.export --mlflow http://h:1 r-1 --follow"));
  python("[ \"$1\" = -c ] || echo \"$BRAID_DIR: $*\"\n");
  EXPECT_EQ(Braid("--dir state " + words, with).out,
            "state: -m braid_client.export --mlflow http://h:1 r-1 --follow\n");
  EXPECT_THAT(Braid("-o json export r-1 --trackio p", with).out,
              HasSubstr("\".braid: -m braid_client.export --trackio p r-1\""));
  EXPECT_EQ(Braid("export r-1 --wandb f --csv --out o").code, 2);
  EXPECT_THAT(Braid("export r-1").err, HasSubstr("--out is missing: name the folder to make"));
}

TEST_F(ProgramTest, WhatIsNotThereSaysWhatIsWanted) {
  EXPECT_THAT(Braid("import nowhere --out x").err,
              HasSubstr("nowhere is not there: name the folder of a downloaded model"));
  ASSERT_TRUE(braid::WriteFileAtomic(JoinPath(folder_.path(), "a.txt"), "x").ok());
  EXPECT_THAT(Braid("import a.txt --out x").err, HasSubstr("a.txt is a file: name the folder"));
  EXPECT_THAT(Braid("merge plan a").err,
              HasSubstr("name two checkpoints, as artifacts (braid artifact list --kind "
                        "checkpoint) or folders"));
  EXPECT_THAT(Braid("down").err, HasSubstr("braid up starts it"));
}

TEST_F(ProgramTest, VersionAndCompletionNeedNoCoordinator) {
  EXPECT_THAT(Braid("version").out, StartsWith("braid "));
  EXPECT_EQ(Completed("braid artifact list --so"), "--sort\n");
  EXPECT_EQ(Completed("braid worker li"), "list\n");
  EXPECT_EQ(Completed("braid list -o ya"), "yaml\n");
  EXPECT_EQ(Completed("braid list --output=c"), "csv\n");
  EXPECT_EQ(Completed("braid --dir x pau"), "pause\n");
  EXPECT_EQ(Completed("braid completion "), "bash\nzsh\nfish\n");
  EXPECT_EQ(Completed("braid list runs --nonsense "), "");
  ASSERT_TRUE(braid::WriteFileAtomic(JoinPath(folder_.path(), "my.yaml"), "").ok());
  EXPECT_EQ(Completed("braid plan my"), "my.yaml\n");
  // Without a coordinator there are no names, and no error.
  EXPECT_EQ(Completed("braid watch "), "");
  EXPECT_EQ(Completed("braid --addr 127.0.0.1:1 worker drain "), "");
  EXPECT_THAT(Braid("completion zsh").out, StartsWith("#compdef braid\n"));
  EXPECT_THAT(Braid("completion fish").out, HasSubstr("complete -c braid "));
  EXPECT_EQ(Braid("completion tcsh").code, 2);
}

// One that takes the connection and then says nothing, as behind a firewall or a stopped process.
TEST_F(ProgramTest, CompletionDoesNotWaitForACoordinatorThatIsSilent) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  // Other commands wait for 30 s; `timeout` ends with 124 if it has to end what it runs.
  const Ended ended = Braid(
      "__complete --addr 127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + " watch r",
      "timeout 20 ");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out + ended.err, "");
  close(listener);
}

}  // namespace
