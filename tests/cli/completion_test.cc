#include "cli/shared/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands/command.h"
#include "cli/commands/output_forms.h"

namespace braid::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() { MakeProgram({app_, globals_, chosen_}); }
  Completion Of(const std::vector<std::string>& words) const { return CompletionOf(app_, words); }

  CLI::App app_;
  Globals globals_;
  Action chosen_;
};

TEST_F(CompletionTest, CommandsAndOptionsAreThoseOfTheCommandThatWasNamed) {
  EXPECT_THAT(Of({"des"}).words, ElementsAre("describe"));
  EXPECT_THAT(Of({"--dir", "x", "artifact", "l"}).words, ElementsAre("list", "lineage"));
  EXPECT_THAT(Of({"list", "--re"}).words, ElementsAre("--reverse"));
  EXPECT_THAT(Of({"plan", "r.yaml", "--a"}).words, ElementsAre("--addr"));
  EXPECT_THAT(Of({"-"}).words, Not(Contains("--reverse")));
  EXPECT_THAT(Of({"plan", "--", "-"}).words, IsEmpty());
}

TEST_F(CompletionTest, ValuesHaveTheKindOfTheirPlace) {
  EXPECT_EQ(Of({"watch", ""}).kind, kRunValue);
  EXPECT_EQ(Of({"watch", "r", ""}).kind, "") << "no word may follow";
  EXPECT_EQ(Of({"metrics", "r-1", "pa"}).kind, kJobValue);
  EXPECT_EQ(Of({"metrics", "r-1", "pa"}).run, "r-1");
  EXPECT_EQ(Of({"logs", "--tail", "5", "r-1", "a", ""}).run, "r-1");
  EXPECT_EQ(Of({"artifact", "verify", ""}).kind, kArtifactValue);
  EXPECT_EQ(Of({"artifact", "list", "--run", ""}).kind, kRunValue);
  EXPECT_EQ(Of({"worker", "drain", ""}).kind, kWorkerValue);
  EXPECT_EQ(Of({"pool", "delete", ""}).kind, kPoolValue);
  EXPECT_EQ(Of({"token", "revoke", ""}).kind, kTokenValue);
  EXPECT_EQ(Of({"generate", "r-1/pa"}).kind, kModelValue);
  EXPECT_EQ(Of({"submit", ""}).kind, kFileValue);
  EXPECT_THAT(Of({"-o", ""}).words, ElementsAre("table", "csv", "json", "yaml", "name"));
  const Completion run = Of({"artifact", "list", "--run=r-"});
  EXPECT_EQ(run.kind, kRunValue);
  EXPECT_EQ(run.before, "--run=");
  EXPECT_EQ(run.prefix, "r-");
}

TEST_F(CompletionTest, WhereTheCoordinatorIsWasWrittenBefore) {
  const Completion completion = Of({"--addr=h:1", "watch", "--token-file", "t", ""});
  ASSERT_EQ(completion.given.values.size(), 2u);
  EXPECT_EQ(completion.given.values[0].second, "h:1");
  EXPECT_EQ(completion.given.values[1].first->get_name(), "--token-file");
}

TEST_F(CompletionTest, NamesThatAShellWouldExpandAreNoWords) {
  EXPECT_TRUE(IsPlainWord("merge:share_linear@start"));
  for (const char* name : {"", "a b", "$(reboot)", "a;b", "a\nb", "größe", "`x`", "*"})
    EXPECT_FALSE(IsPlainWord(name)) << name;
}

TEST_F(CompletionTest, FormsOfOutputAreThoseOfTheCommand) {
  const auto form = [&](const std::vector<std::string>& words, const char* name) {
    return CheckOutputForm(*ReadWords(app_, words).command, name).ok();
  };
  EXPECT_TRUE(form({"list", "jobs"}, "csv"));
  EXPECT_TRUE(form({"worker", "hosts"}, "name"));
  EXPECT_TRUE(form({"plan"}, "csv"));
  EXPECT_TRUE(form({"submit"}, "name"));
  EXPECT_FALSE(form({"submit"}, "csv"));
  EXPECT_FALSE(form({"logs"}, "name"));
  EXPECT_TRUE(form({"logs"}, "json"));
}

}  // namespace
}  // namespace braid::cli
