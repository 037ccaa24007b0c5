#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace braid {
namespace {

TEST(Sha256, GivesThePublishedDigests) {  // FIPS 180-4 examples
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, PiecesAndFilesGiveTheSameDigest) {
  const std::string data(3'000'001, 'q');
  Sha256 digest;
  digest.Update(data.substr(0, 1'000));
  const std::string early = digest.HexDigest();
  digest.Update(std::string_view(data).substr(1'000));
  EXPECT_EQ(early, Sha256Hex(data.substr(0, 1'000)));
  EXPECT_EQ(digest.HexDigest(), Sha256Hex(data));

  const auto folder = TemporaryFolder::Create();
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(WriteFileAtomic(folder->path() + "/x", data).ok());
  EXPECT_EQ(Sha256File(folder->path() + "/x").value(), Sha256Hex(data));
  EXPECT_EQ(Sha256File(folder->path() + "/y").status().code(), StatusCode::kNotFound);
}

TEST(IsSha256Hex, WantsExactlySixtyFourLowerCaseDigits) {
  EXPECT_TRUE(IsSha256Hex(Sha256Hex("")));
  EXPECT_FALSE(IsSha256Hex(Sha256Hex("").substr(1)));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'A')));
}

}  // namespace
}  // namespace braid
