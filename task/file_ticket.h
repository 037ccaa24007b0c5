// The right of one worker to read one file in the cache of another worker of its site, for a short
// time. The coordinator gives it out; the worker that serves the file checks it and keeps nothing
// of it. Both know a key that the serving worker has drawn at its start and that nobody else is
// told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::task {

// The length of a key, in bytes.
inline constexpr size_t kTicketKeyBytes = 32;

// What a ticket allows.
struct FileTicket {
  // The file, by its SHA-256.
  std::string sha256;
  // The SHA-256 of the certificate that the reader has to show.
  std::string reader;
  // Until when, by the monotonic clock of the worker that serves the file: no other clock need be
  // right.
  int64_t until_ms = 0;
};

// The ticket as text: its end and a message authentication code (HMAC-SHA-256) of all of it.
std::string SealTicket(const FileTicket& ticket, std::string_view key);

// OK if the text is a ticket for this file and this reader that was made with this key and has not
// ended at `now_ms`; otherwise kPermissionDenied.
Status CheckTicket(const std::string& text, std::string_view key, const std::string& sha256,
                   const std::string& reader, int64_t now_ms);

}  // namespace braid::task
