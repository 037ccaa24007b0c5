#include "rpc/join_line.h"

#include "base/sha256.h"
#include "base/text.h"

namespace braid::rpc {
namespace {

constexpr std::string_view kStart = "braid-join:v1:";
constexpr size_t kDigits = 64;

}  // namespace

std::string TextOf(const JoinLine& line) {
  return std::string(kStart) + line.secret + ":" + line.ca_sha256 + ":" + line.address;
}

Result<JoinLine> ParseJoinLine(std::string_view text) {
  text = Trim(text);
  const auto wrong = [](const std::string& what) {
    return InvalidArgument("the invitation " + what +
                           ": it is one line, braid-join:v1:..., as `braid worker invite` printed "
                           "it");
  };
  if (!text.starts_with(kStart)) return wrong("does not begin with " + std::string(kStart));
  text.remove_prefix(kStart.size());
  if (text.size() < 2 * (kDigits + 1) || text[kDigits] != ':' || text[2 * kDigits + 1] != ':')
    return wrong("is cut or damaged");
  JoinLine line{std::string(text.substr(2 * (kDigits + 1))),
                std::string(text.substr(kDigits + 1, kDigits)),
                std::string(text.substr(0, kDigits))};
  // Both are 64 hex digits.
  if (!IsSha256Hex(line.secret) || !IsSha256Hex(line.ca_sha256)) return wrong("is damaged");
  if (line.address.find(':') == std::string::npos || line.address.ends_with(':'))
    return wrong("has no HOST:PORT at its end");
  return line;
}

}  // namespace braid::rpc
