#include "storage/fetch/reach.h"

#include <netdb.h>

#include <cstdlib>
#include <initializer_list>
#include <memory>

#include "base/endpoint.h"
#include "base/public_address.h"

namespace braid::storage {
namespace {

// The addresses of the proxy that the variable names; none if it names none that can be looked up,
// whose requests will then say so.
std::set<std::pair<std::string, int>> AddressesOfProxy(const char* variable) {
  std::set<std::pair<std::string, int>> found;
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return found;
  std::string url = value;
  if (url.find("://") == std::string::npos) url = "http://" + url;
  // The scheme of a proxy may be one of SOCKS, which have no port of their own.
  url = "http" + url.substr(url.find("://"));
  const Result<UrlHost> host = HostOfUrl(url);
  if (!host.ok()) return found;
  addrinfo hints{}, *first = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host->host.c_str(), nullptr, &hints, &first) != 0) return found;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(first, &freeaddrinfo);
  // Without a port, libcurl takes 1080.
  const bool has_port = url.find(':', url.find("://") + 3) != std::string::npos;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST] = "";
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) ==
        0)
      found.emplace(text, has_port ? host->port : 1080);
  }
  return found;
}

bool IsOfAws(const std::string& host) {
  // Below these names are servers of AWS's customers, too.
  const bool aws = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
  const bool s3 = host.starts_with("s3.") || host.starts_with("s3-") ||
                  host.find(".s3.") != std::string::npos || host.find(".s3-") != std::string::npos;
  const bool others = host.find(".elb.") != std::string::npos ||
                      host.find(".execute-api.") != std::string::npos ||
                      host.find(".compute") != std::string::npos;
  return aws && s3 && !others;
}

}  // namespace

Reach::Reach(task::FetchRules rules) : rules_(std::move(rules)) {
  for (const char* variable :
       {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"})
    proxies_.merge(AddressesOfProxy(variable));
}

Status Reach::Check(const UrlHost& host) const {
  BRAID_RETURN_IF_ERROR(rules_.Check(host.host, host.port));
  if (rules_.Trusts(host.host, host.port)) return OkStatus();
  // A proxy would ask for these in our place.
  if ((IsAddress(host.host) && !IsPublicAddress(host.host)) || IsLoopbackHost(host.host) ||
      host.host.ends_with(".localhost"))
    return task::FetchRules::IsPrivate(host.host, host.host);
  return OkStatus();
}

std::function<Status(const std::string&, int)> Reach::OfHost(const UrlHost& host) const {
  return [this, host](const std::string& address, int port) {
    if (rules_.Trusts(host.host, host.port) || IsPublicAddress(address) ||
        proxies_.contains({address, port}))
      return OkStatus();
    return task::FetchRules::IsPrivate(host.host, address);
  };
}

bool Reach::MaySeeKey(const UrlHost& host) const {
  return IsOfAws(host.host) || rules_.Trusts(host.host, host.port);
}

}  // namespace braid::storage
