// The files of the dashboard (web/), which are built into the program.
#pragma once

#include <span>
#include <string_view>

namespace braid::coordinator {

struct Asset {
  std::string_view name;  // "app.js"
  std::string_view content;
};

// All of them; made by cmake/embed_files.cmake.
std::span<const Asset> Assets();
// Null if there is no such file.
const Asset* FindAsset(std::string_view name);
// "text/javascript; charset=utf-8".
std::string_view ContentTypeOf(std::string_view name);

}  // namespace braid::coordinator
