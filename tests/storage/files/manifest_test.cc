#include "storage/files/manifest.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/sha256.h"
#include "tests/base/mutations.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;

TEST(ManifestTest, TheIdIsTheContent) {
  const auto folder = TemporaryFolder::Create();
  ASSERT_TRUE(MakeFolder(folder->path() + "/sub").ok());
  ASSERT_TRUE(WriteFileAtomic(folder->path() + "/b", "two").ok());
  ASSERT_TRUE(WriteFileAtomic(folder->path() + "/sub/a", "one").ok());
  const auto manifest = ManifestOfFolder(folder->path(), "source", {{"x", 1}});
  ASSERT_TRUE(manifest.ok());
  EXPECT_EQ(manifest->files.size(), 2u);
  EXPECT_EQ(manifest->TotalBytes(), 6u);
  EXPECT_EQ(manifest->files[0].sha256, Sha256Hex("two"));
  EXPECT_EQ(manifest->Id(), Sha256Hex(manifest->Canonical()));
  EXPECT_EQ(ParseManifest(manifest->Canonical(), "m").value(), *manifest);
  EXPECT_TRUE(VerifyFolder(*manifest, folder->path()).ok());
  ASSERT_TRUE(WriteFileAtomic(folder->path() + "/b", "TWO").ok());
  EXPECT_THAT(VerifyFolder(*manifest, folder->path()).message(), HasSubstr("/b has changed"));
  ASSERT_TRUE(WriteFileAtomic(folder->path() + "/b", "tw").ok());
  EXPECT_THAT(VerifyFolder(*manifest, folder->path()).message(),
              HasSubstr("/b has 2 bytes, its manifest says 3"));
  ASSERT_TRUE(RemoveFile(folder->path() + "/b").ok());
  EXPECT_THAT(VerifyFolder(*manifest, folder->path()).message(), HasSubstr("/b is missing"));
}

TEST(ManifestTest, RefusesWhatCouldHurt) {
  const std::string digest = Sha256Hex("");
  const auto error = [&](const Json& files) {
    const Json json = {{"version", 1},
                       {"kind", "source"},
                       {"files", files},
                       {"parents", Json::array()},
                       {"metadata", Json::object()}};
    return ParseManifest(json.dump(), "m").status().message();
  };
  const auto file = [&](const std::string& path) {
    return Json{{"path", path}, {"sha256", digest}, {"size", 0}};
  };
  EXPECT_EQ(error(Json::array({file("a"), file("b/c")})), "");
  EXPECT_THAT(error(Json::array({file("../a")})), HasSubstr("\"../a\" is not safe"));
  EXPECT_THAT(error(Json::array({file("/etc/passwd")})), HasSubstr("is not safe"));
  EXPECT_THAT(error(Json::array({file("a"), file("a")})), HasSubstr("sorted by path, each once"));
  EXPECT_THAT(error(Json::array({file("b"), file("a")})), HasSubstr("sorted by path, each once"));
  EXPECT_THAT(error(Json::array({Json{{"path", "a"}, {"sha256", "xyz"}, {"size", 0}}})),
              HasSubstr("a: sha256 must be 64 hex digits"));
  EXPECT_THAT(error(Json::array({Json{{"path", "a"}, {"sha256", digest}, {"size", -1}}})),
              HasSubstr("size"));
}

TEST(ManifestTest, NoValueOfAnyTypeThrows) {
  const Json manifest = {{"version", 1},
                         {"kind", "source"},
                         {"files", {{{"path", "a"}, {"sha256", Sha256Hex("")}, {"size", 0}}}},
                         {"parents", {Sha256Hex("x")}},
                         {"recipe", ""},
                         {"metadata", {{"x", 1}}}};
  ForEachMutation(manifest, [](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)ParseManifest(mutated.dump(), "m").status()) << what;
  });
}

}  // namespace
}  // namespace braid::storage
