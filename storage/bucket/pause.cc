#include "storage/bucket/pause.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace braid::storage {
namespace {

constexpr int64_t kTickMs = 50;  // how often a pause looks whether all has to stop

}  // namespace

bool Pause(int64_t ms, const std::function<bool()>& stopped) {
  const auto has_stopped = [&stopped] { return stopped && stopped(); };
  for (; ms > 0 && !has_stopped(); ms -= kTickMs)
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(ms, kTickMs)));
  return !has_stopped();
}

}  // namespace braid::storage
