// Whom requests may reach: the rules of the worker, applied to names before they are looked up, and
// to addresses before they are connected to. A name that leads into a private network, at once or
// at a second look, reaches nothing there.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "base/status.h"
#include "storage/bucket/http.h"
#include "task/fetch_rules.h"

namespace braid::storage {

// Immutable once made, hence thread-safe.
class Reach {
 public:
  // Looks the proxies of the environment up, whose addresses may be private.
  explicit Reach(task::FetchRules rules);

  // OK if the host of the URL may be asked. kFailedPrecondition says which flag would allow it.
  Status Check(const UrlHost& host) const;
  // The check of addresses for requests to the host (HttpRequest::may_connect). Refers to this.
  std::function<Status(const std::string&, int)> OfHost(const UrlHost& host) const;
  // Whether the worker's key for buckets may be shown to the host: it is of AWS, or named by the
  // worker's owner.
  bool MaySeeKey(const UrlHost& host) const;

 private:
  const task::FetchRules rules_;
  std::set<std::pair<std::string, int>> proxies_;
};

}  // namespace braid::storage
