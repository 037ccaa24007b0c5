#include "trace/context.h"

#include <algorithm>

#include "base/hmac.h"
#include "base/sha256.h"

namespace braid::trace {
namespace {

constexpr size_t kTraceDigits = 32;
constexpr size_t kSpanDigits = 16;
// "00-" + trace + "-" + span + "-" + flags.
constexpr size_t kLength = 3 + kTraceDigits + 1 + kSpanDigits + 3;
constexpr std::string_view kDigits = "0123456789abcdef";

bool IsHex(std::string_view text) {
  return text.find_first_not_of(kDigits) == std::string_view::npos;
}

// Ids of zeros alone mean that there is none.
bool IsId(std::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

std::string RandomId(size_t digits) {
  const Result<std::string> bytes = SecretBytes(digits / 2);
  // Without random numbers of the operating system there is no trace, and nothing else suffers.
  if (!bytes.ok()) return "";
  std::string id;
  for (const char c : *bytes) {
    const auto byte = static_cast<unsigned char>(c);
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

}  // namespace

std::optional<Context> ParseTraceparent(std::string_view text) {
  if (text.size() < kLength) return std::nullopt;
  const std::string_view version = text.substr(0, 2), trace = text.substr(3, kTraceDigits),
                         span = text.substr(4 + kTraceDigits, kSpanDigits),
                         flags = text.substr(kLength - 2, 2);
  const bool dashes = text[2] == '-' && text[3 + kTraceDigits] == '-' && text[kLength - 3] == '-';
  if (!dashes || !IsHex(version) || version == "ff" || !IsId(trace) || !IsId(span) || !IsHex(flags))
    return std::nullopt;
  // A later version may have more fields behind these.
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return std::nullopt;
  const size_t low = kDigits.find(flags[1]);
  return Context{std::string(trace), std::string(span), (low & 1) != 0};
}

std::string Traceparent(const Context& context) {
  if (!context.valid()) return "";
  return "00-" + context.trace_id + "-" + context.span_id + (context.sampled ? "-01" : "-00");
}

std::string RandomTraceId() {
  return RandomId(kTraceDigits);
}

std::string RandomSpanId() {
  return RandomId(kSpanDigits);
}

std::string TraceIdOf(std::string_view name) {
  return Sha256Hex("trace " + std::string(name)).substr(0, kTraceDigits);
}

std::string SpanIdOf(std::string_view name) {
  return Sha256Hex("span " + std::string(name)).substr(0, kSpanDigits);
}

Context ChildOf(const Context& parent, std::string_view name) {
  if (!parent.valid()) return {};
  return {parent.trace_id, SpanIdOf(parent.trace_id + parent.span_id + " " + std::string(name)),
          parent.sampled};
}

}  // namespace braid::trace
