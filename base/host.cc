#include "base/host.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

namespace braid {

std::string LoopbackName() {
  // The number of a network namespace is unique until the next boot of one kernel only.
  const Result<std::string> boot = ReadFile("/proc/sys/kernel/random/boot_id");
  char space[64];
  const ssize_t n = readlink("/proc/self/ns/net", space, sizeof space);
  if (!boot.ok() || n <= 0) return "";
  return std::string(Trim(*boot)) + " " + std::string(space, static_cast<size_t>(n));
}

std::string HostName() {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

}  // namespace braid
