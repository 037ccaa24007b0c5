#include "corpus/columnar_plugin.h"

#include <dlfcn.h>

#include "base/file.h"
#include "base/process.h"

namespace braid::corpus {
namespace {

// The machine is the cause and not the file: another worker may have the plug-in.
Status Missing(std::string message) {
  return {StatusCode::kUnavailable, ErrorReason::kPluginMissing, std::move(message)};
}

Result<const ColumnarFunctions*> Load() {
  const std::string path = JoinPath(ProgramFolder(), "libbraid_arrow.so");
  if (!PathExists(path)) {
    return Missing("this installation of braid does not read it (there is no " + path +
                   "; scripts/setup and scripts/build make it)");
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Missing(std::string("the plug-in that reads Parquet and Arrow cannot be loaded (") +
                   dlerror() + "); Arrow's libraries come with Python's package pyarrow");
  }
  using Entry = const ColumnarFunctions* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "braid_columnar_functions"));
  if (entry == nullptr)
    return Missing(path + " is not braid's plug-in for Parquet; build it again");
  return entry();
}

}  // namespace

Result<const ColumnarFunctions*> LoadColumnarPlugin() {
  static const Result<const ColumnarFunctions*> functions = Load();
  return functions;
}

}  // namespace braid::corpus
