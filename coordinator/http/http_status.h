// Errors of the API as HTTP shows them.
#pragma once

#include <httplib.h>

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::coordinator {

// The usual number for a code of gRPC: 404 for NOT_FOUND, 401 for an error of reason
// UNAUTHENTICATED.
int HttpStatusOf(const Status& status);

// {"code": "NOT_FOUND", "reason": "NOT_FOUND", "message": "...", "error": "..."}: `error` is the
// message under the name that it had first.
Json ErrorJson(const Status& status);

// Texts come from clients and task programs: what is not UTF-8 is shown as such.
void SetJson(const Json& json, httplib::Response* response);
// With its number, and for an unknown caller what a client may send.
void SetError(const Status& status, httplib::Response* response);
// The same with a number of its own.
void SetError(int number, const Status& status, httplib::Response* response);

}  // namespace braid::coordinator
