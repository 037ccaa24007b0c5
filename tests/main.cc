// The main function of all test programs. The tests of a folder are one program, FOLDER_tests; a
// link to it with the name FOLDER_FILE runs the tests of FILE.cc alone (braid_test in
// cmake/BraidTargets.cmake).
#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace {

// "coordinator_core_test" for tests/coordinator/core_test.cc.
std::string NameOfFile(const std::filesystem::path& file) {
  return file.parent_path().filename().string() + "_" + file.stem().string();
}

// Narrows --gtest_filter to the tests of one file, in as few patterns as possible, since GoogleTest
// prints them. Returns how many tests the file has.
int KeepTestsOf(const std::string& name) {
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  std::string mine, others;
  int kept = 0;
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const testing::TestSuite& suite = *all.GetTestSuite(s);
    std::string tests[2];  // of other files, and of this one
    int own = 0;
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const testing::TestInfo& test = *suite.GetTestInfo(t);
      const bool is_own = NameOfFile(test.file()) == name;
      own += is_own;
      tests[is_own] += std::string(":") + suite.name() + "." + test.name();
    }
    const std::string whole = std::string(":") + suite.name() + ".*";
    kept += own;
    mine += own == suite.total_test_count() ? whole : tests[1];
    others += own == 0 ? whole : tests[0];
  }
  const std::string asked = GTEST_FLAG_GET(filter);
  if (asked == "*") {
    GTEST_FLAG_SET(filter, mine);
  } else {
    // What was asked for, without what belongs to other files.
    GTEST_FLAG_SET(filter, asked + (asked.find('-') == std::string::npos ? "-" : "") + others);
  }
  return kept;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  // Without a test the run would succeed: a file that was renamed, or forgotten in the build.
  if (!std::string_view(name).ends_with("_tests") && KeepTestsOf(name) == 0) {
    std::fprintf(stderr, "%s: no file of this program has that name\n", name.c_str());
    return 2;
  }
  return RUN_ALL_TESTS();
}
