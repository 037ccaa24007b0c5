#include "task/fetch_rules.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/text.h"

namespace braid::task {
namespace {

constexpr char kFlag[] = "--fetch-from HOST (braid up --fetch-from HOST)";

Status Wrong(const std::string& word, const std::string& why) {
  return InvalidArgument("--fetch-from \"" + Excerpt(word) + "\": " + why +
                         "; expected public, none, HOST, HOST:PORT or *.DOMAIN");
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

// Takes ":PORT" off the end of the word; 0 if there is none.
Result<int> TakePort(const std::string& word, std::string* host) {
  const size_t colon = host->rfind(':');
  // The colons of an address of IPv6 stand in brackets.
  if (colon == std::string::npos || host->find(']', colon) != std::string::npos) return 0;
  const Result<int64_t> port = ParseInt(host->substr(colon + 1));
  if (!port.ok() || *port < 1 || *port > 65535) return Wrong(word, "this is no port");
  host->resize(colon);
  return static_cast<int>(*port);
}

}  // namespace

Result<FetchRules> FetchRules::Parse(const std::vector<std::string>& words) {
  FetchRules rules;
  rules.anywhere_ = false;
  rules.public_ = words.empty();
  for (const std::string& word : words) {
    if (word == "none" && words.size() > 1) return Wrong(word, "none allows nothing beside it");
    if (word == "none") continue;
    if (word == "public") {
      rules.public_ = true;
      continue;
    }
    Named named{Lower(word)};
    if (word.find("://") != std::string::npos)
      return Wrong(word, "a host is named without https:// and without a path");
    BRAID_ASSIGN_OR_RETURN(named.port, TakePort(word, &named.host));
    std::string& host = named.host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.starts_with("*.")) host.erase(0, 1);
    if (host.size() < 2 || host.find_first_of("*/@?# []") != std::string::npos)
      return Wrong(word, "this is no host");
    rules.named_.push_back(std::move(named));
  }
  return rules;
}

bool FetchRules::Trusts(const std::string& host, int port) const {
  if (anywhere_) return true;
  return std::any_of(named_.begin(), named_.end(), [&](const Named& named) {
    const bool same = named.host.starts_with('.')
                          ? host.size() > named.host.size() && host.ends_with(named.host)
                          : host == named.host;
    return same && (named.port == 0 || named.port == port);
  });
}

Status FetchRules::Check(const std::string& host, int port) const {
  if (public_ || Trusts(host, port)) return OkStatus();
  if (named_.empty()) {
    return FailedPrecondition("this worker fetches nothing (--fetch-from none): start it with " +
                              std::string(kFlag) + " to let it fetch from " + Excerpt(host) +
                              ", or prepare the corpus at another `site`");
  }
  return FailedPrecondition("this worker does not fetch from " + Excerpt(host) + ":" +
                            std::to_string(port) + ": start it with " + kFlag +
                            " too, HOST being that one, or `public` for all of the internet");
}

Status FetchRules::IsPrivate(const std::string& host, const std::string& address) {
  return FailedPrecondition(Excerpt(host) + " has the address " + address +
                            ", which is not of the public internet, and this worker was not told "
                            "that recipes may read from there: start it with " +
                            kFlag + ", HOST being that one");
}

}  // namespace braid::task
