// Whether a rank here could connect to a rank on another host, asked beforehand: a worker dials
// another one at the address that the other advertises.
//
// Both prove that they know a secret that the dialled worker has drawn at its start and that the
// coordinator has passed to the dialling one. So the answer comes from that very worker, and not
// from another machine that has the same private address elsewhere, and other callers of the port
// get no answer. A probe is 56 bytes, "braidp1\n", a nonce of 16 bytes and the HMAC-SHA-256 of
// "ask" and the nonce; the answer is the HMAC of "answer" and the nonce, 32 bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "base/status.h"
#include "worker/network/address.h"

namespace braid::worker {

// The lengths of a probe and of its answer, in bytes.
inline constexpr size_t kProbeBytes = 56;
inline constexpr size_t kProbeAnswerBytes = 32;

// The probe under this key; `nonce` has 16 bytes.
std::string ProbeRequest(std::string_view key, std::string_view nonce);
// The answer to a probe; empty if the probe was not made with this key.
std::string ProbeAnswer(std::string_view key, std::string_view request);

// Dials `address`, asks, and waits for the answer, for `timeout_ms` in all. kUnavailable says for
// people what is wrong: that nothing answers, or that another program does.
Status Probe(const std::string& address, int32_t port, std::string_view key, int64_t timeout_ms);

// Answers probes, in a thread of its own, from its making to its end. Bounded: it serves
// kMostAtOnce connections, each for two seconds and one probe; others wait in the kernel's short
// queue.
class ProbeListener {
 public:
  static constexpr int kMostAtOnce = 16;

  // Listens on the address, at a port that the system chooses. `key` is the secret.
  static Result<std::unique_ptr<ProbeListener>> Listen(const std::string& address, std::string key);
  ~ProbeListener();

  // The port on which it listens.
  int32_t port() const { return port_; }

 private:
  ProbeListener(UniqueFd socket, UniqueFd wake, int32_t port, std::string key);
  // The body of the thread.
  void Serve();

  const UniqueFd socket_;
  // An eventfd that ends Serve.
  const UniqueFd wake_;
  const int32_t port_;
  const std::string key_;
  std::thread thread_;
};

}  // namespace braid::worker
