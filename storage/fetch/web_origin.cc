#include "storage/fetch/web_origin.h"

#include <algorithm>

#include "base/endpoint.h"
#include "base/excerpt.h"
#include "base/remote_name.h"
#include "base/text.h"

namespace braid::storage {
namespace {

constexpr int kMostRedirects = 5;
constexpr int64_t kMostWaitMs = 60'000;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Seconds; servers may give a date instead, which is not worth reading.
int64_t WaitOf(const HttpAnswer& answer) {
  const Result<int64_t> seconds = ParseInt(answer.Header("retry-after"));
  return seconds.ok() && *seconds > 0 ? std::min(*seconds, kMostWaitMs / 1000) * 1000 : 0;
}

bool IsPage(const HttpAnswer& answer, const std::string& url) {
  const std::string name = FileNameOfUrl(url);
  return answer.Header("content-type").starts_with("text/html") &&
         name.find(".htm") == std::string::npos;
}

// Why the answer is not the file.
Status WebError(const HttpAnswer& answer, const std::string& what, bool has_logins) {
  const std::string said = "HTTP " + std::to_string(answer.status);
  switch (answer.status) {
    case 401:
    case 403:
    case 407:
      return PermissionDenied(
          what + ": refused (" + said + "): " +
          (has_logins ? "is the login right that the file of NETRC has for this host?"
                      : "if it wants a login, write that to a file in the form of .netrc and name "
                        "it to the worker in the variable NETRC; recipes hold none"));
    case 404:
    case 410:
      return NotFound(what + ": not there (" + said + "): mend the name in the recipe");
    case 408:
    case 425:
    case 429:
      return Unavailable(what + ": the server asks to come later (" + said + ")");
    default:
      break;
  }
  if (answer.status >= 500) return Unavailable(what + ": the server has trouble (" + said + ")");
  return FailedPrecondition(what + ": " + said + ", which is no file");
}

class WebOrigin final : public Origin {
 public:
  WebOrigin(std::string url, std::string login_file, const Reach& reach, HttpClient& client)
      : url_(std::move(url)), login_file_(std::move(login_file)), reach_(reach), client_(client) {}

  Result<HttpAnswer> Ask(const std::string& method, const std::string& range,
                         const std::string& unchanged, const Sink& sink) override {
    HttpRequest request;
    request.method = method;
    request.url = url_;
    request.login_file = login_file_;
    // What is stored is wanted, and not another form of it.
    request.headers["Accept-Encoding"] = "identity";
    if (!range.empty()) request.headers["Range"] = range;
    if (!range.empty() && !unchanged.empty()) request.headers["If-Range"] = unchanged;
    wait_ms_ = 0;
    for (int redirects = 0;; ++redirects) {
      BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Once(&request, sink));
      if (!IsRedirect(answer.status)) return Judged(answer, request.url);
      if (redirects == kMostRedirects)
        return FailedPrecondition(Name() + ": redirected more than " +
                                  std::to_string(kMostRedirects) + " times, at last from " +
                                  ShownUrl(request.url) + ": name the file where it is");
      BRAID_ASSIGN_OR_RETURN(request.url, Next(answer, request.url));
    }
  }
  int64_t wait_ms() const override { return wait_ms_; }

 private:
  std::string Name() const { return ShownUrl(url_); }

  Result<HttpAnswer> Once(HttpRequest* request, const Sink& sink) {
    BRAID_ASSIGN_OR_RETURN(const UrlHost host, HostOfUrl(request->url));
    const std::string where = request->url == url_ ? Name()
                                                   : Name() + " leads to " + ShownUrl(request->url);
    if (host.plain && !IsLoopbackHost(host.host))
      return FailedPrecondition(where + ": over http:// everybody on the way can change the text");
    if (const Status may = reach_.Check(host); !may.ok()) return may.Wrap(where);
    request->may_connect = reach_.OfHost(host);
    request->sink = [&](const HttpAnswer& answer, std::string_view piece) -> Status {
      if (IsPage(answer, url_)) return Page();
      return sink ? sink(answer, piece) : OkStatus();
    };
    Result<HttpAnswer> answer = client_.Send(*request);
    if (answer.ok()) return answer;
    const Status& status = answer.status();
    return status.message().starts_with(Name()) ? status : status.Wrap(where);
  }

  Status Page() const {
    return FailedPrecondition(
        Name() +
        ": this is a page for people and no file of text: name the file itself (on the "
        "Hugging Face Hub, /resolve/ in the place of /blob/)");
  }

  Result<HttpAnswer> Judged(const HttpAnswer& answer, const std::string& url) {
    if (IsPage(answer, url_) && answer.good()) return Page();
    if (answer.status == 200 || answer.status == 206 || answer.status == 416) return answer;
    wait_ms_ = WaitOf(answer);
    return WebError(answer, url == url_ ? Name() : Name() + " leads to " + ShownUrl(url),
                    !login_file_.empty());
  }

  Result<std::string> Next(const HttpAnswer& answer, const std::string& url) const {
    const std::string location = answer.Header("location");
    if (location.empty())
      return FailedPrecondition(Name() + ": a redirection (HTTP " + std::to_string(answer.status) +
                                ") that leads nowhere");
    Result<std::string> next = JoinUrl(url, location);
    if (!next.ok()) return next.status().Wrap(Name() + " leads to");
    if (url.starts_with("https://") && !next->starts_with("https://"))
      return FailedPrecondition(Name() + " leads to " + ShownUrl(*next) +
                                ": over http:// everybody on the way can change the text");
    return next;
  }

  const std::string url_, login_file_;
  const Reach& reach_;
  HttpClient& client_;
  int64_t wait_ms_ = 0;
};

}  // namespace

std::unique_ptr<Origin> OpenWebOrigin(const std::string& url, const std::string& login_file,
                                      const Reach& reach, HttpClient& client) {
  return std::make_unique<WebOrigin>(url, login_file, reach, client);
}

}  // namespace braid::storage
