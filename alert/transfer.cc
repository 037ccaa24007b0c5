#include "alert/transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "base/excerpt.h"
#include "base/text.h"
#include "base/version.h"

namespace braid::alert {
namespace {

constexpr size_t kAnswerBytes = 300;  // of what the other side says, for people
// A receiver may ask for a pause, but not for one that makes the alert useless.
constexpr int64_t kMaxRetryAfterMs = 3'600'000;

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;
using List = std::unique_ptr<curl_slist, FreeList>;

List ListOf(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const std::string& line : lines) list = curl_slist_append(list, line.c_str());
  return List(list);
}

// The beginning of the answer is kept, the rest is read and dropped.
size_t TakeAnswer(char* data, size_t, size_t bytes, void* answer) {
  auto* text = static_cast<std::string*>(answer);
  text->append(data, std::min(bytes, 4 * kAnswerBytes - std::min(text->size(), 4 * kAnswerBytes)));
  return bytes;
}

int StopAsked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* flag = static_cast<const std::atomic<bool>*>(stop);
  return flag != nullptr && *flag ? 1 : 0;
}

struct Unsent {
  std::string_view rest;
};
size_t GiveMail(char* into, size_t size, size_t count, void* unsent) {
  std::string_view& rest = static_cast<Unsent*>(unsent)->rest;
  const size_t bytes = std::min(size * count, rest.size());
  rest.copy(into, bytes);
  rest.remove_prefix(bytes);
  return bytes;
}

// A handle with what all transfers have in common. `error` has CURL_ERROR_SIZE bytes.
Handle MakeHandle(const Transfer& transfer, const char* protocols, std::string* answer,
                  char* error) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  Handle handle(curl_easy_init());
  CURL* curl = handle.get();
  if (curl == nullptr) return handle;
  curl_easy_setopt(curl, CURLOPT_URL, transfer.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A name that is being resolved does not hold up the end of a transfer.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(transfer.timeout_ms));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeAnswer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, StopAsked);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(transfer.stop));
  if (!transfer.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, transfer.ca_file.c_str());
  return handle;
}

// The error of a transfer, with advice.
std::string Trouble(CURLcode code, const char* error, const Transfer& transfer) {
  if (code == CURLE_OPERATION_TIMEDOUT)
    return "no answer within " + FormatDuration(static_cast<double>(transfer.timeout_ms) / 1000);
  if (code == CURLE_ABORTED_BY_CALLBACK) return "the coordinator stops";
  std::string text = *error != '\0' ? error : curl_easy_strerror(code);
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    text += "; if the server's authority is your own, name it with ca_file";
  return Excerpt(text, kAnswerBytes);
}

std::string Said(const std::string& answer) {
  const std::string_view text = Trim(answer);
  return text.empty() ? "" : ": " + Excerpt(text, kAnswerBytes);
}

Outcome OfStatus(CURL* curl, const std::string& answer) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  Outcome outcome{Verdict::kFailed, "HTTP " + std::to_string(status) + Said(answer)};
  if (status >= 200 && status < 300) outcome.verdict = Verdict::kDelivered;
  if (status >= 300 && status < 400)
    outcome.answer += "; redirections are not followed: name the address where it leads";
  // The alert itself is at fault and not the credentials: other alerts may be accepted.
  if (status == 400 || status == 413 || status == 422) outcome.verdict = Verdict::kRefused;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
  outcome.retry_after_ms = std::clamp<int64_t>(retry_after_s, 0, kMaxRetryAfterMs / 1000) * 1000;
  return outcome;
}

}  // namespace

Outcome Post(const Transfer& transfer, const HttpMessage& message) {
  std::string answer;
  char error[CURL_ERROR_SIZE] = "";
  const Handle handle = MakeHandle(transfer, "http,https", &answer, error);
  if (handle == nullptr) return {Verdict::kFailed, "no memory for a transfer"};
  CURL* curl = handle.get();
  const List headers = ListOf(message.headers);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, ("braid/" + std::string(kVersion)).c_str());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(message.body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, message.body.c_str());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return {Verdict::kFailed, Trouble(code, error, transfer)};
  return OfStatus(curl, answer);
}

Outcome Mail(const Transfer& transfer, const Channel& channel, const std::string& password,
             const std::string& message) {
  std::string answer;
  char error[CURL_ERROR_SIZE] = "";
  const Handle handle = MakeHandle(transfer, "smtp,smtps", &answer, error);
  if (handle == nullptr) return {Verdict::kFailed, "no memory for a transfer"};
  CURL* curl = handle.get();
  const List to = ListOf(channel.to);
  Unsent unsent{message};
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, channel.from.c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(curl, CURLOPT_USE_SSL,
                   static_cast<long>(channel.tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, GiveMail);
  curl_easy_setopt(curl, CURLOPT_READDATA, &unsent);
  if (!channel.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, channel.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, password.c_str());
  }
  // The last answer of the server is the one that counts, but for that to the QUIT after a refusal.
  curl_easy_setopt(
      curl, CURLOPT_HEADERFUNCTION, +[](char* data, size_t, size_t bytes, void* last) -> size_t {
        auto* kept = static_cast<std::string*>(last);
        const bool refused = kept->starts_with('4') || kept->starts_with('5');
        if (!refused) kept->assign(data, bytes);
        return bytes;
      });
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) return {Verdict::kDelivered, Excerpt(Trim(answer))};
  Outcome outcome{Verdict::kFailed, Trouble(code, error, transfer)};
  if (code != CURLE_OPERATION_TIMEDOUT && code != CURLE_ABORTED_BY_CALLBACK)
    outcome.answer += Said(answer);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // libcurl says so of the answer to the message itself, which would be the same again. That a
  // receiver or the login is refused has other codes, and somebody can mend it.
  const bool of_message = code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_REMOTE_DISK_FULL;
  if (of_message && status / 100 == 5) outcome.verdict = Verdict::kRefused;
  if (code == CURLE_USE_SSL_FAILED)
    outcome.answer += "; a server that speaks no TLS needs tls: false";
  return outcome;
}

}  // namespace braid::alert
