// What a bucket answers: the elements of its XML, and its errors as sentences that say what to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "storage/bucket/http.h"
#include "storage/bucket/place.h"

namespace braid::storage {

// The contents of all <name> elements, in their order, which do not hold one another. The answers
// of S3 are flat: attributes matter in none, and braid's own names of objects need no entities.
std::vector<std::string_view> Elements(std::string_view xml, std::string_view name);
// The content of the first one; empty if there is none.
std::string Element(std::string_view xml, std::string_view name);

// The text of such a content, without entities: "a&b" of "a&amp;b".
std::string XmlText(std::string_view content);

// "2026-03-01T12:00:00.000Z" in milliseconds since 1970; 0 if it is none.
int64_t ParseUtc(const std::string& text);

// Why the request was not done. kUnavailable: a second try may do it.
//   doing:  what was tried, "putting blob abc..."
//   key_id: who asked
Status BucketError(const HttpAnswer& answer, const std::string& doing, const BucketPlace& place,
                   const std::string& key_id);

}  // namespace braid::storage
