#include "base/glob.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/file.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class GlobTest : public ::testing::Test {
 protected:
  std::string At(const std::string& name) const { return JoinPath(folder_.path(), name); }
  void Touch(const std::string& name) const {
    ASSERT_TRUE(MakeFolder(std::string(FolderOf(At(name)))).ok());
    ASSERT_TRUE(WriteFileAtomic(At(name), name).ok());
  }
  void Link(const std::string& target, const std::string& name) const {
    ASSERT_EQ(::symlink(target.c_str(), At(name).c_str()), 0);
  }
  // Matches without the folder in front.
  std::vector<std::string> Find(const std::string& pattern) const {
    const auto found = Glob(folder_.path(), pattern);
    if (!found.ok()) return {found.status().message()};
    std::vector<std::string> names;
    for (const std::string& path : *found) names.push_back(path.substr(folder_.path().size() + 1));
    return names;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(GlobTest, OneLevelAsInAShell) {
  for (const char* name :
       {"a1.txt", "a2.txt", "b1.txt", ".hidden.txt", "caf\xC3\xA9.txt", "d/a3.txt"})
    Touch(name);
  EXPECT_THAT(Find("*.txt"), ElementsAre("a1.txt", "a2.txt", "b1.txt", "caf\xC3\xA9.txt"));
  EXPECT_THAT(Find("a?.txt"), ElementsAre("a1.txt", "a2.txt"));
  EXPECT_THAT(Find("caf?.txt"), ElementsAre("caf\xC3\xA9.txt"));  // a character, not a byte
  EXPECT_THAT(Find("[!a]*.txt"), ElementsAre("b1.txt", "caf\xC3\xA9.txt"));
  EXPECT_THAT(Find("*/a[0-9].txt"), ElementsAre("d/a3.txt"));
  EXPECT_THAT(Find(".*.txt"), ElementsAre(".hidden.txt"));
  EXPECT_THAT(Find("d/../a1.txt"), ElementsAre("d/../a1.txt"));
  EXPECT_EQ(Glob("/nowhere", At("a1.txt")).value(), std::vector<std::string>{At("a1.txt")});
}

TEST_F(GlobTest, TwoStarsAreAnyNumberOfFolders) {
  for (const char* name : {"g/one.jsonl", "g/a/two.jsonl", "g/a/b/three.jsonl", "g/a/b/note.txt",
                           "g/.git/four.jsonl", "h/five.jsonl"})
    Touch(name);
  EXPECT_THAT(Find("g/**/*.jsonl"),
              ElementsAre("g/a/b/three.jsonl", "g/a/two.jsonl", "g/one.jsonl"));
  EXPECT_THAT(Find("**/*.jsonl"),
              ElementsAre("g/a/b/three.jsonl", "g/a/two.jsonl", "g/one.jsonl", "h/five.jsonl"));
  EXPECT_THAT(Find("g/**"),
              ElementsAre("g/a/b/note.txt", "g/a/b/three.jsonl", "g/a/two.jsonl", "g/one.jsonl"));
  EXPECT_THAT(Find("g/**/b/*"), ElementsAre("g/a/b/note.txt", "g/a/b/three.jsonl"));
  EXPECT_THAT(Find("g/**/**/*.jsonl"),
              ElementsAre("g/a/b/three.jsonl", "g/a/two.jsonl", "g/one.jsonl"));
  // Beside other characters the two stars would be one, and take one level in silence.
  EXPECT_THAT(Find("g/**.jsonl"),
              ElementsAre(StartsWith("\"g/**.jsonl\": ** stands alone between slashes")));
}

TEST_F(GlobTest, LinksAreFollowedAndFilesTakenOnce) {
  for (const char* name : {"blobs/0f", "blobs/1e", "data/z/one.jsonl"}) Touch(name);
  ASSERT_TRUE(MakeFolder(At("snapshots/new")).ok());
  ASSERT_TRUE(MakeFolder(At("snapshots/old")).ok());
  Link("../../blobs/0f", "snapshots/new/a.jsonl");
  Link("../../blobs/0f", "snapshots/old/a.jsonl");
  Link("../../blobs/1e", "snapshots/old/b.jsonl");
  Link("..", "snapshots/old/up");  // a loop
  Link("../snapshots", "data/linked");
  Link("z", "data/again");
  EXPECT_THAT(Find("snapshots/**/*.jsonl"),
              ElementsAre("snapshots/new/a.jsonl", "snapshots/old/b.jsonl"));
  EXPECT_THAT(Find("data/**/*.jsonl"), ElementsAre("data/linked/new/a.jsonl",
                                                   "data/linked/old/b.jsonl", "data/z/one.jsonl"));
  EXPECT_THAT(Find("snapshots/*/a.jsonl"),
              ElementsAre("snapshots/new/a.jsonl", "snapshots/old/a.jsonl"));
}

TEST_F(GlobTest, TheFolderIsNoPattern) {
  Touch("a[1]* {x,y}/one.jsonl");
  Touch("a1/two.jsonl");
  const std::string folder = At("a[1]* {x,y}");
  EXPECT_EQ(Glob(folder, "*.jsonl").value(), std::vector<std::string>{folder + "/one.jsonl"});
  EXPECT_EQ(Glob(folder, "one.jsonl").value(), std::vector<std::string>{folder + "/one.jsonl"});
  EXPECT_EQ(Glob(folder, "**/*.jsonl").value(), std::vector<std::string>{folder + "/one.jsonl"});
}

TEST_F(GlobTest, BracesAndNamesThatLookLikePatterns) {
  for (const char* name :
       {"train/a.jsonl", "valid/a.jsonl", "b{1,2}.txt", "c[1].txt", "d1.txt", "d[1].txt"})
    Touch(name);
  EXPECT_THAT(Find("{train,valid}/*.jsonl"), ElementsAre("train/a.jsonl", "valid/a.jsonl"));
  EXPECT_THAT(Find("{tr{ain,uc},valid}/a.jsonl"),
              ElementsAre(HasSubstr("no file matches " + At("truc/a.jsonl"))));
  EXPECT_THAT(Find("b{1,2}.txt"), ElementsAre("b{1,2}.txt"));
  EXPECT_THAT(Find("c[1].txt"), ElementsAre("c[1].txt"));  // nothing matches, so it is the name
  EXPECT_THAT(Find("d[1].txt"), ElementsAre("d1.txt"));    // a pattern where it can be one
  EXPECT_THAT(Find("d\\[1].txt"), ElementsAre("d[1].txt"));
}

TEST_F(GlobTest, APatternWithoutMatchIsNamed) {
  EXPECT_THAT(Find("none/*.jsonl"), ElementsAre("no file matches " + At("none/*.jsonl")));
  EXPECT_THAT(Find(""), ElementsAre(StartsWith("no file matches")));
  EXPECT_EQ(Glob(folder_.path(), "x").status().code(), StatusCode::kNotFound);
  const auto names = Glob(folder_.path(), std::string(5'000'000, 'x'));
  EXPECT_LT(names.status().message().size(), 600u);
}

}  // namespace
}  // namespace braid
