// Sending over HTTP and SMTP, by libcurl.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "alert/messages.h"

namespace braid::alert {

// What one try has come to.
enum class Verdict {
  kDelivered,
  kFailed,  // may succeed later
  kRefused  // of this alert alone: it would be refused again
};
struct Outcome {
  Verdict verdict = Verdict::kFailed;
  // What the other side said, or why there was no answer; without secrets.
  std::string answer;
  // The other side asks not to be tried again before; 0: it does not say.
  int64_t retry_after_ms = 0;
};

// How a transfer is made.
struct Transfer {
  std::string url;
  std::string ca_file;                      // empty: the system's
  int64_t timeout_ms = 20'000;              // of all of it
  const std::atomic<bool>* stop = nullptr;  // ends it within about a second
};

// Delivered by a status of 2xx. Redirections are not followed: they would lead a secret elsewhere.
Outcome Post(const Transfer& transfer, const HttpMessage& message);

// Hands the message to the server of the channel.
Outcome Mail(const Transfer& transfer, const Channel& channel, const std::string& password,
             const std::string& message);

}  // namespace braid::alert
