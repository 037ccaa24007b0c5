// The files of the dashboard (web/), and the description of the API (docs/openapi.json), which are
// built into the program.
#pragma once

#include <span>
#include <string_view>

namespace braid::coordinator {

struct Asset {
  std::string_view name;  // "app.js"
  std::string_view content;
};

// All of the dashboard; made by cmake/embed_files.cmake.
std::span<const Asset> Assets();
// docs/, as far as it is served; made in the same way.
std::span<const Asset> Documents();
const Asset& OpenApiDocument();
// Null if there is no such file.
const Asset* FindAsset(std::string_view name);
// "text/javascript; charset=utf-8".
std::string_view ContentTypeOf(std::string_view name);

}  // namespace braid::coordinator
