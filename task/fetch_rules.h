// From where a worker fetches files that recipes name by URLs: what its --fetch-from says. A recipe
// must not make a worker read from a network in which only the worker is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::task {

// Immutable, hence thread-safe.
class FetchRules {
 public:
  // From anywhere, as of a task that a person starts, and of a person's own commands.
  FetchRules() = default;
  // By the words of --fetch-from:
  //
  //   public                          any host with an address of the public internet
  //   none                            nothing; alone
  //   HOST, HOST:PORT, [ADDRESS]:PORT this host, whatever address it has
  //   *.DOMAIN, *.DOMAIN:PORT         each host below the domain
  //
  // No words at all mean `public`. kInvalidArgument names the word.
  static Result<FetchRules> Parse(const std::vector<std::string>& words);

  // OK if files may be fetched from the host, given in lower case without brackets. Otherwise
  // kFailedPrecondition names it and the flag.
  Status Check(const std::string& host, int port) const;
  // Whether the owner has named the host, so that it may have any address and see the worker's key.
  bool Trusts(const std::string& host, int port) const;
  // The error for a host that has an address of a private network and is not named.
  static Status IsPrivate(const std::string& host, const std::string& address);

 private:
  struct Named {
    std::string host;  // of *.DOMAIN: ".DOMAIN"
    int port = 0;      // 0: any
  };

  bool anywhere_ = true;
  bool public_ = false;
  std::vector<Named> named_;
};

}  // namespace braid::task
