#include <gloo/allreduce.h>
#include <gloo/barrier.h>
#include <gloo/gather.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include <chrono>
#include <exception>

#include "trainer/collective/collective.h"

namespace braid::trainer {
namespace {

// As gloo::sum, of numbers that Gloo does not know.
void SumBf16(void* sums, const void* first, const void* second, size_t count) {
  auto* const out = static_cast<Bf16*>(sums);
  const auto* const a = static_cast<const Bf16*>(first);
  const auto* const b = static_cast<const Bf16*>(second);
  for (size_t i = 0; i < count; ++i) {
    Bf16 sum = a[i];
    out[i] = sum += b[i];
  }
}

// Implements the store in which Gloo's ranks exchange their addresses, by the rendezvous of the
// gang. Gloo's interface reports errors by exceptions.
class KeyStore final : public gloo::rendezvous::Store {
 public:
  KeyStore(task::Rendezvous& rendezvous, int64_t timeout_ms)
      : rendezvous_(rendezvous), timeout_ms_(timeout_ms) {}

  // The prefix keeps Gloo's keys apart from those that braid puts itself.
  void set(const std::string& key, const std::vector<char>& data) override {
    Throw(rendezvous_.Put("gloo/" + key, {data.data(), data.size()}));
  }
  std::vector<char> get(const std::string& key) override {
    const Result<std::string> value = rendezvous_.Get("gloo/" + key, timeout_ms_);
    Throw(value.status());
    return {value->begin(), value->end()};
  }
  void wait(const std::vector<std::string>& keys) override {
    wait(keys, std::chrono::milliseconds(timeout_ms_));
  }
  void wait(const std::vector<std::string>& keys,
            const std::chrono::milliseconds& timeout) override {
    for (const std::string& key : keys)
      Throw(rendezvous_.Get("gloo/" + key, timeout.count()).status());
  }

 private:
  static void Throw(const Status& status) {
    if (!status.ok()) throw std::runtime_error(status.message());
  }
  task::Rendezvous& rendezvous_;
  const int64_t timeout_ms_;
};

class Gloo final : public Collective {
 public:
  explicit Gloo(std::shared_ptr<gloo::rendezvous::Context> context)
      : context_(std::move(context)) {}
  int64_t rank() const override { return context_->rank; }
  int64_t world() const override { return context_->size; }

  Status AllReduce(float* data, int64_t count) override {
    return Sum(data, count, &gloo::sum<float>);
  }
  Status AllReduce(double* data, int64_t count) override {
    return Sum(data, count, &gloo::sum<double>);
  }
  Status AllReduce(Bf16* data, int64_t count) override {
    return Sum(reinterpret_cast<uint16_t*>(data), count, &SumBf16);
  }

  Status Gather(const float* data, int64_t count, float* all) override {
    if (count == 0) return OkStatus();
    return Guard([&] {
      gloo::GatherOptions options(context_);
      options.setInput(const_cast<float*>(data), static_cast<size_t>(count));
      if (rank() == 0) options.setOutput(all, static_cast<size_t>(count * world()));
      options.setRoot(0);
      gloo::gather(options);
    });
  }

  Status Barrier() override {
    return Guard([&] {
      gloo::BarrierOptions options(context_);
      gloo::barrier(options);
    });
  }

 private:
  template <typename T>
  Status Sum(T* data, int64_t count, void (*sum)(void*, const void*, const void*, size_t)) {
    return Guard([&] {
      gloo::AllreduceOptions options(context_);
      options.setOutput(data, static_cast<size_t>(count));
      options.setReduceFunction(sum);
      gloo::allreduce(options);
    });
  }

  // Gloo throws when a connection to a peer breaks or times out, and cannot be used afterwards.
  template <typename Body>
  Status Guard(Body body) {
    try {
      body();
      return OkStatus();
    } catch (const std::exception& error) {
      return Aborted(std::string("a rank of the gang was lost: ") + error.what());
    }
  }

  std::shared_ptr<gloo::rendezvous::Context> context_;
};

}  // namespace

Result<std::unique_ptr<Collective>> GlooCollective(task::Rendezvous& rendezvous, int64_t rank,
                                                   int64_t world, const std::string& address,
                                                   int64_t timeout_ms) {
  try {
    gloo::transport::tcp::attr attr;
    // The loopback interface needs neither a reachable address nor an open port.
    attr.hostname = address.empty() ? "127.0.0.1" : address;
    std::shared_ptr<gloo::transport::Device> device;
    try {
      device = gloo::transport::tcp::CreateDevice(attr);
    } catch (const std::exception& error) {
      return Aborted("this rank cannot listen at " + attr.hostname + ": " + error.what());
    }
    auto context = std::make_shared<gloo::rendezvous::Context>(static_cast<int>(rank),
                                                               static_cast<int>(world));
    context->setTimeout(std::chrono::milliseconds(timeout_ms));
    // Each rank opens a connection to every other one, here and never again. A rank that does not
    // come is noticed by the timeout, and later reductions have the same one.
    KeyStore store(rendezvous, timeout_ms);
    context->connectFullMesh(store, device);
    return std::unique_ptr<Collective>(new Gloo(std::move(context)));
  } catch (const std::exception& error) {
    return Aborted("the gang did not meet: " + std::string(error.what()));
  }
}

}  // namespace braid::trainer
