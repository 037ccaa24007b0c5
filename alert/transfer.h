// Sending over HTTP and SMTP, by libcurl.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "alert/messages.h"

namespace braid::alert {

// The result of one attempt.
enum class Verdict {
  kDelivered,
  kFailed,  // may succeed later
  kRefused  // of this alert alone: it would be refused again
};
// The result of one attempt, with details.
struct Outcome {
  Verdict verdict = Verdict::kFailed;
  // The receiver's answer, or why there was none; without secrets.
  std::string answer;
  // The pause for which the receiver has asked, in milliseconds; 0: none.
  int64_t retry_after_ms = 0;
};

// How a transfer is made.
struct Transfer {
  std::string url;
  std::string ca_file;                      // empty: the system's
  int64_t timeout_ms = 20'000;              // of all of it
  const std::atomic<bool>* stop = nullptr;  // ends it within about a second
};

// Sends an HTTP POST. A status of 2xx is kDelivered. Redirections are not followed, since they
// could send a secret to another server.
Outcome Post(const Transfer& transfer, const HttpMessage& message);

// Sends the message by SMTP to the server of the channel.
Outcome Mail(const Transfer& transfer, const Channel& channel, const std::string& password,
             const std::string& message);

}  // namespace braid::alert
