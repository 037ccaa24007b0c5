// A file at https://.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/fetch/origin.h"
#include "storage/fetch/reach.h"

namespace braid::storage {

// Follows up to five redirections, each only to where `reach` allows it, and from https:// only to
// https://. A login is sent only to the host for which `login_file` has it. `client` and `reach`
// outlive the result.
std::unique_ptr<Origin> OpenWebOrigin(const std::string& url, const std::string& login_file,
                                      const Reach& reach, HttpClient& client);

}  // namespace braid::storage
