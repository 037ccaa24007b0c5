// What is said to a client that speaks plain HTTP where HTTPS is served.
#pragma once

#include <httplib.h>

namespace braid::coordinator {

// Sends a browser that asks for a page to the same address with https; tells everybody else to use
// that, and who has shown a token, that others may have read it. The request's Host is checked
// already.
void AnswerPlain(const httplib::Request& request, httplib::Response* response);

// Asks browsers to use https for this name from now on: on every port of it, so never for a name of
// loopback, where people run other things. `days` 0: to forget that.
void SetStrictTransport(const httplib::Request& request, int days, httplib::Response* response);

}  // namespace braid::coordinator
