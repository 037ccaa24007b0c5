#include "corpus/field_values.h"

#include "base/text.h"
#include "corpus/row.h"

namespace braid::corpus {

Result<std::vector<int32_t>> IdsOfValue(const Json& value, const std::string& place,
                                        const std::string& field, int64_t limit) {
  if (!value.is_array())
    return InvalidArgument(place + ": field \"" + field + "\" is not a list of ids, but " +
                           ShownValue(value));
  std::vector<int32_t> ids;
  for (const Json& id : value) {
    // A whole number without a sign is unsigned, so a negative one fails here too.
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(limit)) {
      return InvalidArgument(
          Format("%s: %s in field \"%s\" is no id of the tokenizer, which has 0 .. %lld; import it "
                 "with the "
                 "tokenizer that made it",
                 place.c_str(), ShownValue(id).c_str(), field.c_str(), (long long)limit - 1));
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

}  // namespace braid::corpus
