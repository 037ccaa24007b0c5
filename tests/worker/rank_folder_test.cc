#include "worker/attempt/rank_folder.h"

#include <gmock/gmock.h>

#include <set>

#include "base/file.h"

namespace braid::worker {
namespace {

TEST(RankFolderTest, NoTwoRanksShareOne) {
  std::set<std::string> names;
  size_t keys = 0;
  for (const char* run : {"r-1", "r-1.a"}) {
    for (const char* job :
         {"evaluate:x", "evaluate_x", "evaluate/x", "evaluate@x", "evaluate%3Ax", "evaluate.x",
          "x@start", "x_start", "joint:x", "joint_x", "a+1", "a", "a.1", "..", ".", "\xc3\xa4"}) {
      for (const int64_t epoch : {1, 11}) {
        for (const int32_t rank : {0, 1}) {
          names.insert(RankFolderName({run, job, epoch, rank}));
          ++keys;
        }
      }
    }
  }
  names.insert(RankFolderName({"r-1", std::string(300, 'x'), 1, 0}));
  names.insert(RankFolderName({"r-1", std::string(301, 'x'), 1, 0}));
  EXPECT_EQ(names.size(), keys + 2);
  for (const std::string& name : names) {
    EXPECT_TRUE(IsSafeRelativePath(name)) << name;
    EXPECT_EQ(name.find('/'), std::string::npos) << name;
    EXPECT_LE(name.size(), 255u);
  }
}

}  // namespace
}  // namespace braid::worker
