#include "task/file_ticket.h"

#include <gmock/gmock.h>

#include "base/hmac.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid::task {
namespace {

using ::testing::HasSubstr;

const std::string kTicketKey(kTicketKeyBytes, 'k');
const FileTicket kGood{Sha256Hex("file"), Sha256Hex("reader"), 5'000};

Status CheckGood(const std::string& text, int64_t now_ms = 4'999) {
  return CheckTicket(text, kTicketKey, kGood.sha256, kGood.reader, now_ms);
}

TEST(FileTicketTest, IsGoodForItsFileAndReaderUntilItsEnd) {
  const std::string text = SealTicket(kGood, kTicketKey);
  EXPECT_TRUE(CheckGood(text).ok());
  const Status late = CheckGood(text, 5'000);
  EXPECT_EQ(late.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(late.message(), HasSubstr("the ticket has ended"));
  for (const Status& status :
       {CheckTicket(text, kTicketKey, Sha256Hex("other"), kGood.reader, 0),
        CheckTicket(text, kTicketKey, kGood.sha256, Sha256Hex("other"), 0),
        CheckTicket(text, std::string(kTicketKeyBytes, 'x'), kGood.sha256, kGood.reader, 0),
        // A server that has no key accepts nothing, also not what was made without one.
        CheckTicket(SealTicket(kGood, ""), "", kGood.sha256, kGood.reader, 0)}) {
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
    EXPECT_THAT(status.message(), HasSubstr("is not one for this file and this reader"));
  }
}

TEST(FileTicketTest, NothingElseIsATicket) {
  const std::string text = SealTicket(kGood, kTicketKey);
  FileTicket longer = kGood;
  longer.until_ms = 50'000;
  const std::string seal = text.substr(text.find('.'));
  const std::vector<std::string> others = {"",
                                           ".",
                                           seal,
                                           "50000" + seal,
                                           "5000",
                                           "05000" + seal,
                                           "+5000" + seal,
                                           text + " ",
                                           text.substr(0, text.size() - 1),
                                           "9" + text};
  for (const std::string& other : others) EXPECT_FALSE(CheckGood(other, 0).ok()) << other;
  EXPECT_NE(SealTicket(longer, kTicketKey).substr(6), seal.substr(1));
}

// The form, from its parts: both ends may be of different builds of one version.
TEST(FileTicketTest, IsAnHmacOfAllThatItSays) {
  EXPECT_EQ(SealTicket(kGood, kTicketKey),
            "5000." + Base64Encode(HmacSha256(kTicketKey, "braid file ticket 1\n" + kGood.sha256 +
                                                              "\n" + kGood.reader + "\n5000")));
}

}  // namespace
}  // namespace braid::task
