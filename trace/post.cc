#include "trace/post.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "base/excerpt.h"
#include "base/text.h"
#include "base/version.h"

namespace braid::trace {
namespace {

constexpr size_t kAnswerBytes = 4096;  // of what a collector says, the rest is read and dropped
constexpr size_t kShownBytes = 300;
constexpr long kConnectMs = 5'000;
constexpr int64_t kLongestAskedS = 86'400;

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

size_t TakeAnswer(char* data, size_t, size_t bytes, void* answer) {
  auto* text = static_cast<std::string*>(answer);
  text->append(data, std::min(bytes, kAnswerBytes - std::min(text->size(), kAnswerBytes)));
  return bytes;
}

int AskGiveUp(void* give_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const std::function<bool()>*>(give_up))() ? 1 : 0;
}

std::unique_ptr<curl_slist, FreeList> HeadersOf(const Settings& settings) {
  curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/json");
  // Without this, libcurl would wait for the collector's consent before a large body.
  list = curl_slist_append(list, "Expect:");
  for (const auto& [key, value] : settings.headers)
    list = curl_slist_append(list, (key + ": " + value).c_str());
  return std::unique_ptr<curl_slist, FreeList>(list);
}

std::string Trouble(CURLcode code, const char* error, const Settings& settings) {
  if (code == CURLE_OPERATION_TIMEDOUT)
    return "no answer within " + FormatDuration(static_cast<double>(settings.timeout_ms) / 1000);
  if (code == CURLE_ABORTED_BY_CALLBACK) return "no answer before the end of the program";
  std::string text = *error != '\0' ? error : curl_easy_strerror(code);
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    text +=
        "; if the collector's authority is your own, name its file in "
        "OTEL_EXPORTER_OTLP_CERTIFICATE";
  return Excerpt(text, kShownBytes);
}

}  // namespace

std::string ShownUrl(const std::string& url) {
  std::string shown = url.substr(0, url.find_first_of("?#"));
  const size_t host = shown.find("://");
  if (host == std::string::npos) return shown;
  const size_t path = shown.find('/', host + 3);
  const size_t at = shown.rfind('@', path);
  if (at != std::string::npos && at > host) shown.erase(host + 3, at - host - 2);
  return Excerpt(shown, kShownBytes);
}

Answer Post(const Settings& settings, const std::string& body,
            const std::function<bool()>& give_up) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, CloseHandle> handle(curl_easy_init());
  CURL* curl = handle.get();
  if (curl == nullptr) return {0, 0, "no memory for a request"};
  std::string answer;
  char error[CURL_ERROR_SIZE] = "";
  const auto headers = HeadersOf(settings);
  curl_easy_setopt(curl, CURLOPT_URL, settings.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A name that is being resolved does not hold up the end of a request.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout_ms));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeAnswer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, AskGiveUp);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::function<bool()>*>(&give_up));
  curl_easy_setopt(curl, CURLOPT_USERAGENT,
                   ("OTel-OTLP-Exporter-braid/" + std::string(kVersion)).c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  if (!settings.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, settings.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK)
    return {0, 0, Trouble(code, error, settings)};
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t asked_s = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &asked_s);
  return {static_cast<int>(status), std::clamp<int64_t>(asked_s, 0, kLongestAskedS) * 1000, answer};
}

}  // namespace braid::trace
