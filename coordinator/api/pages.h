// Lists in pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/indices.h"

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

// At most `limit` of the records in `order` that are wanted, newest first, from the one whose id is
// `token`. `find` gives the record of an id, null if there is none. Ids break ties, so that pages
// neither repeat nor leave out.
template <class Record>
Result<Page<Record>> PageNewestFirst(const Indices::ByTime& order, const std::string& token,
                                     size_t limit,
                                     const std::function<const Record*(const std::string&)>& find,
                                     const std::function<bool(const Record&)>& wanted) {
  auto it = order.rbegin();
  if (!token.empty()) {
    const Record* first = find(token);
    const auto at = first == nullptr ? order.end() : order.find({first->created_ms, first->id});
    if (at == order.end() || !wanted(*first)) return NotOurToken(token);
    it = std::make_reverse_iterator(std::next(at));
  }
  Page<Record> page;
  for (; it != order.rend(); ++it) {
    const Record* record = find(it->second);
    if (record == nullptr || !wanted(*record)) continue;
    if (page.records.size() == limit) {
      page.next = record->id;
      break;
    }
    page.records.push_back(record);
  }
  return page;
}

}  // namespace braid::coordinator
