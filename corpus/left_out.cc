#include "corpus/left_out.h"

#include <algorithm>

#include "base/text.h"

namespace braid::corpus {
namespace {

// As many as an error has room for: a row's own may be some hundred bytes long.
constexpr size_t kNamedRows = 3;

}  // namespace

Status CheckBadRows(const spec::Corpus& spec, const LeftOut& left_out) {
  if (!spec.max_bad_share || left_out.bad_rows == 0) return OkStatus();
  const double share = static_cast<double>(left_out.bad_rows) / static_cast<double>(left_out.rows);
  if (share <= *spec.max_bad_share) return OkStatus();
  const size_t named = std::min(left_out.first_bad_rows.size(), kNamedRows);
  return InvalidArgument(
      Format("corpus %s: %lld of %lld rows (%.4g %%) could not be read, and max_bad_share allows "
             "%.4g %%; correct them or allow more; the first: ",
             spec.name.c_str(), (long long)left_out.bad_rows, (long long)left_out.rows, 100 * share,
             100 * *spec.max_bad_share) +
      Join({left_out.first_bad_rows.begin(), left_out.first_bad_rows.begin() + named}, "; "));
}

}  // namespace braid::corpus
