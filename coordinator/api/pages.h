// Lists in pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::coordinator {

struct PageRequest {
  int64_t size = 0;   // of a page; 0: as many as is usual
  std::string token;  // where to go on, as the last page said; empty: at the beginning
};

// Records of the state, which they are only valid with.
template <class Record>
struct Page {
  std::vector<const Record*> records;
  std::string next;  // the token of the next page; empty: this was the last
};

// The length of a page: as asked for, at most `most`; `usual` if nothing was asked for.
inline size_t LimitOf(const PageRequest& page, int64_t usual, int64_t most) {
  return static_cast<size_t>(page.size <= 0 ? usual : std::min(page.size, most));
}

// kInvalidArgument for a token that no page of this list has given out.
inline Status NotOurToken(const std::string& token) {
  return InvalidArgument("page token " + token + " is not one of ours");
}

// At most `limit` of `all` from the one whose id is `token`.
template <class Record>
Result<Page<Record>> PageById(const std::vector<const Record*>& all, const std::string& token,
                              size_t limit) {
  auto it = all.begin();
  if (!token.empty())
    it = std::find_if(all.begin(), all.end(), [&](const auto* one) { return one->id == token; });
  if (it == all.end() && !token.empty()) return NotOurToken(token);
  Page<Record> page;
  for (; it != all.end() && page.records.size() < limit; ++it) page.records.push_back(*it);
  if (it != all.end()) page.next = (*it)->id;
  return page;
}

}  // namespace braid::coordinator
