#include "coordinator/http/assets.h"

#include <algorithm>

namespace braid::coordinator {

const Asset* FindAsset(std::string_view name) {
  const auto all = Assets();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Asset& asset) { return asset.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const Asset& OpenApiDocument() {
  return Documents().front();
}

std::string_view ContentTypeOf(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".json")) return "application/json";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

}  // namespace braid::coordinator
