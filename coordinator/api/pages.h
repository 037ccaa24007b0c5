// Pages of lists.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::coordinator {

// The page that a client asks for.
struct PageRequest {
  int64_t size = 0;   // of a page; 0: as many as is usual
  std::string token;  // where to go on, as the last page said; empty: at the beginning
};

// One page of a list.
template <class Row>
struct Page {
  std::vector<Row> rows;
  std::string next;  // the token of the next page; empty: this was the last
};

// The length of a page: as asked for, at most `most`; `usual` if nothing was asked for.
inline size_t LimitOf(const PageRequest& page, int64_t usual, int64_t most) {
  return static_cast<size_t>(page.size <= 0 ? usual : std::min(page.size, most));
}

// The error for a page token that no page of this list has returned.
inline Status NotOurToken(const std::string& token) {
  return InvalidArgument("page token " + token + " is not one of ours");
}

}  // namespace braid::coordinator
