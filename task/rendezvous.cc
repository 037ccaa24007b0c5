#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "task/channel.h"

namespace braid::task {
namespace {

// Folders on network file systems have no notification that all of them support.
constexpr auto kPollEvery = std::chrono::milliseconds(5);

class InFolder final : public Rendezvous {
 public:
  explicit InFolder(std::string folder) : folder_(std::move(folder)) {}

  Status Put(const std::string& key, std::string_view value) override {
    BRAID_RETURN_IF_ERROR(MakeFolder(folder_));
    const std::string path = PathOf(key);
    const Status created = CreateFileAtomic(path, value);
    if (created.code() != StatusCode::kAlreadyExists) return created;
    BRAID_ASSIGN_OR_RETURN(const std::string old, ReadFile(path));
    if (old == value) return OkStatus();
    return AlreadyExists("rendezvous key " + key +
                         " has another value already; give every gang its own folder");
  }

  Result<std::string> Get(const std::string& key, int64_t timeout_ms) override {
    const int64_t deadline = SystemClock().MonotonicMs() + timeout_ms;
    const std::string path = PathOf(key);
    while (!PathExists(path)) {
      if (SystemClock().MonotonicMs() >= deadline) {
        return DeadlineExceeded("no rank has put rendezvous key " + key + " into " + folder_);
      }
      std::this_thread::sleep_for(kPollEvery);
    }
    return ReadFile(path);
  }

 private:
  // Keys may contain any character, file names may not.
  std::string PathOf(const std::string& key) const { return JoinPath(folder_, Sha256Hex(key)); }
  const std::string folder_;
};

}  // namespace

std::unique_ptr<Rendezvous> FolderRendezvous(const std::string& folder, const std::string& scope) {
  return std::make_unique<InFolder>(JoinPath(folder, scope));
}

}  // namespace braid::task
