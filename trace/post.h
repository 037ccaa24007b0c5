// A request to a collector over HTTP, by libcurl.
#pragma once

#include <functional>
#include <string>

#include "trace/delivery.h"
#include "trace/settings.h"

namespace braid::trace {

// Posts the body, which is JSON. `give_up` is asked several times a second, and ends the request
// once it is true. Blocks. Redirections are not followed: they could send credentials elsewhere.
Answer Post(const Settings& settings, const std::string& body,
            const std::function<bool()>& give_up);

// The address without a user's name, password and query, for people.
std::string ShownUrl(const std::string& url);

}  // namespace braid::trace
