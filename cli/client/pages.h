// Lists that the API answers in pages, as a whole.
#pragma once

#include "cli/client/client.h"

namespace braid::cli {

// Calls `method` until no page is left, and answers the lists of all pages in one response. Items
// that come or go meanwhile may be missed. The first error ends it.
//
//   AllPages<v1::ListRunsResponse>(client, &v1::Runs::Stub::ListRuns, client.runs(), request)
template <typename Response, typename Stub, typename Request>
Result<Response> AllPages(Client& client,
                          grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                       Response*),
                          Stub* stub, Request request) {
  Response all;
  do {
    BRAID_ASSIGN_OR_RETURN(const Response page, (client.Call<Response>(method, stub, request)));
    all.MergeFrom(page);  // lists grow, the token is the newest page's
    all.set_next_page_token(page.next_page_token());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

}  // namespace braid::cli
