#include "task/file_ticket.h"

#include "base/endpoint.h"
#include "base/hmac.h"
#include "base/text.h"

namespace braid::task {
namespace {

constexpr char kSeparator = '.';

}  // namespace

std::string SealTicket(const FileTicket& ticket, std::string_view key) {
  const std::string until = std::to_string(ticket.until_ms);
  // None of the parts can hold a line break: two tickets never have the same text to be sealed.
  const std::string text = "braid file ticket 1\n" + ticket.sha256 + "\n" + ticket.reader + "\n" +
                           until;
  return until + kSeparator + Base64Encode(HmacSha256(key, text));
}

Status CheckTicket(const std::string& text, std::string_view key, const std::string& sha256,
                   const std::string& reader, int64_t now_ms) {
  FileTicket ticket{sha256, reader, 0};
  const Result<int64_t> until = ParseInt(text.substr(0, text.find(kSeparator)));
  if (until.ok()) ticket.until_ms = *until;
  if (!until.ok() || key.size() != kTicketKeyBytes || !SameSecret(text, SealTicket(ticket, key)))
    return PermissionDenied("the ticket is not one for this file and this reader");
  if (now_ms >= ticket.until_ms) return PermissionDenied("the ticket has ended");
  return OkStatus();
}

}  // namespace braid::task
