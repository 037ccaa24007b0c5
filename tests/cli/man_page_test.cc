#include "cli/shared/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/command_words.h"

namespace braid::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ManPageTest : public testing::Test {
 protected:
  ManPageTest() {
    MakeProgram({app_, globals_, chosen_});
    pages_ = ManPages(app_);
  }

  // Every option and argument of the command and of those within it stands in the page.
  void ExpectAll(const CLI::App& command, const std::string& page) {
    for (const CLI::Option* option : command.get_options()) {
      if (option == command.get_help_ptr()) continue;
      for (const std::string& name : option->get_lnames())
        EXPECT_THAT(page, HasSubstr(RoffText("--" + name))) << PathOf(command);
      EXPECT_FALSE(option->get_description().empty())
          << PathOf(command) << " does not say what " << option->get_name() << " is";
    }
    for (const CLI::App* sub : CommandsOf(command)) {
      EXPECT_THAT(page, HasSubstr(".SS " + RoffText(PathOf(*sub)) + "\n"));
      ExpectAll(*sub, page);
    }
  }

  CLI::App app_;
  Globals globals_;
  Action chosen_;
  std::map<std::string, std::string> pages_;
};

TEST_F(ManPageTest, EachCommandHasAPageWithAllItsOptions) {
  for (const CLI::App* command : CommandsOf(app_)) {
    const std::string name = "braid-" + command->get_name();
    ASSERT_TRUE(pages_.contains(name + ".1")) << name;
    ExpectAll(*command, pages_.at(name + ".1"));
    EXPECT_THAT(pages_.at("braid.1"), HasSubstr(".BR " + name + " (1)\n"));
  }
  EXPECT_EQ(pages_.size(), CommandsOf(app_).size() + 1);
  EXPECT_THAT(pages_.at("braid-submit.1"), StartsWith(".TH BRAID-SUBMIT 1 "));
  EXPECT_THAT(pages_.at("braid-submit.1"),
              HasSubstr("\nbraid\\-submit \\- make a run of a recipe; prints its id\n"));
  EXPECT_THAT(pages_.at("braid-logs.1"),
              HasSubstr("\\fBbraid logs\\fR [\\fIoptions\\fR] \\fIrun\\fR [\\fIjobs\\fR ...]\n"));
  EXPECT_THAT(pages_.at("braid.1"),
              HasSubstr("\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fItable|csv|json|yaml|name\\fR\n"));
}

TEST_F(ManPageTest, TextTellsRoffNothing) {
  EXPECT_EQ(RoffText(".TH a\n'b -c \\fB"), "\\&.TH a\n\\&'b \\-c \\efB");
}

// groff, which man shows pages with, finds nothing to warn of.
TEST_F(ManPageTest, GroffTakesEveryPage) {
  if (std::system("command -v groff > /dev/null") != 0) GTEST_SKIP() << "there is no groff";
  const auto folder = TemporaryFolder::Create();
  ASSERT_TRUE(folder.ok());
  for (const auto& [name, text] : pages_)
    ASSERT_TRUE(WriteFileAtomic(JoinPath(folder->path(), name), text).ok());
  const std::string said = JoinPath(folder->path(), "said");
  const std::string line = "cd '" + folder->path() + "' && groff -man -ww -Tutf8 -z *.1 2> '" +
                           said + "'";
  EXPECT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(*ReadFile(said), "");
}

}  // namespace
}  // namespace braid::cli
