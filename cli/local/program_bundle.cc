#include "cli/local/program_bundle.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "pool/command.h"

namespace braid::cli {
namespace {

constexpr const char* kBundled[] = {"braid-worker", "braid-prepare", "braid-trainer", "braid-merge",
                                    "braid-report"};
// For GPUs, and for Parquet and Arrow files; a build without CUDA or pyarrow has none.
constexpr const char* kPlugIns[] = {"libbraid_trainer_cuda.so", "libbraid_arrow.so"};
// Of the C and C++ library: those of the host itself are the right ones.
constexpr const char* kOfEveryLinux[] = {"libc.so",      "libm.so",       "libdl.so",
                                         "librt.so",     "libpthread.so", "libutil.so",
                                         "libresolv.so", "libgcc_s.so",   "libstdc++.so"};

bool IsOfEveryLinux(std::string_view name) {
  for (const char* one : kOfEveryLinux) {
    if (name.starts_with(one)) return true;
  }
  return false;
}

// The libraries that a program loads here, by name, without those of the folder with torch.
Result<std::map<std::string, std::string>> LibrariesOf(const std::string& program) {
  BRAID_ASSIGN_OR_RETURN(const pool::CommandResult said,
                         pool::RunCommand({"ldd", program}, 60'000));
  if (said.code != 0) return Internal("ldd " + program + ": " + said.err);
  std::map<std::string, std::string> libraries;
  std::set<std::string> of_torch;
  // "	libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f...)"
  for (const std::string& line : Split(said.out, '\n')) {
    const size_t arrow = line.find(" => "), end = line.rfind(" (0x");
    if (arrow == std::string::npos || end == std::string::npos || end < arrow + 4) continue;
    const std::string name(Trim(line.substr(0, arrow)));
    const std::string path = line.substr(arrow + 4, end - arrow - 4);
    if (name == "libtorch_cpu.so") of_torch.insert(std::string(FolderOf(path)));
    if (!IsOfEveryLinux(name)) libraries[name] = path;
  }
  // A wheel has braid's own libraries below site-packages, too.
  const std::string own = JoinPath(FolderOf(ProgramFolder()), "lib/");
  std::erase_if(libraries, [&](const auto& one) {
    return of_torch.contains(std::string(FolderOf(one.second))) ||
           (one.second.find("/site-packages/") != std::string::npos &&
            !std::filesystem::path(one.second).lexically_normal().string().starts_with(own));
  });
  return libraries;
}

Status Add(const std::string& from, const std::string& name, ProgramBundle* bundle,
           std::string* digests) {
  const std::string to = JoinPath(bundle->folder, name);
  if (symlink(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "linking " + to);
  BRAID_ASSIGN_OR_RETURN(const std::string content, ReadFile(from));
  bundle->bytes += static_cast<int64_t>(content.size());
  *digests += name + " " + Sha256Hex(content) + "\n";
  return OkStatus();
}

}  // namespace

Result<ProgramBundle> MakeProgramBundle(const std::string& folder) {
  ProgramBundle bundle{folder, "", 0};
  std::string digests;
  for (const char* name : {"bin", "lib"}) BRAID_RETURN_IF_ERROR(MakeFolder(JoinPath(folder, name)));
  std::map<std::string, std::string> libraries;
  for (const char* program : kBundled) {
    const std::string path = JoinPath(ProgramFolder(), program);
    if (!PathExists(path)) {
      return NotFound(path +
                      " is not there: the programs that a worker needs stand beside `braid`");
    }
    BRAID_RETURN_IF_ERROR(Add(path, "bin/" + std::string(program), &bundle, &digests));
    BRAID_ASSIGN_OR_RETURN(const auto more, LibrariesOf(path));
    libraries.insert(more.begin(), more.end());
  }
  for (const char* name : kPlugIns) {
    if (const std::string path = JoinPath(ProgramFolder(), name); PathExists(path))
      BRAID_RETURN_IF_ERROR(Add(path, "bin/" + std::string(name), &bundle, &digests));
  }
  for (const auto& [name, path] : libraries)
    BRAID_RETURN_IF_ERROR(Add(path, "lib/" + name, &bundle, &digests));
  constexpr size_t kDigits = 16;
  bundle.digest = Sha256Hex(digests).substr(0, kDigits);
  return bundle;
}

}  // namespace braid::cli
