#include "trainer/collective/shared_memory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

// Bytes of a rank that are summed at a time.
constexpr int64_t kSlot = int64_t{4} << 20;
// How often a waiting rank looks for peers that have ended.
constexpr int64_t kLookMs = 50;
// Waiting ranks look this often before they sleep: peers of equal work arrive almost together.
constexpr int kSpins = 2000;

struct alignas(64) Head {
  char token[40];  // of this gang: a process id may name another process on another host
  alignas(64) std::atomic<uint32_t> arrived;
  alignas(64) std::atomic<uint32_t> generation;
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

constexpr int64_t kPage = 4096;

int64_t WholePages(int64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

int64_t SizeFor(int64_t world) {
  return WholePages(static_cast<int64_t>(sizeof(Head)) + (world + 1) * kSlot);
}

struct flock LockOf(int64_t rank) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = rank;
  lock.l_len = 1;
  return lock;
}

// The memory, mapped. Each rank has a lock on a byte of the file, which ends with it, however it
// ends.
class Memory {
 public:
  // A new piece; invalid if the system has none.
  static std::unique_ptr<Memory> Make(int64_t world) {
    const int file = memfd_create("braid-gang", MFD_CLOEXEC);
    if (file < 0) return nullptr;
    auto memory = std::unique_ptr<Memory>(new Memory(file));
    if (ftruncate(file, SizeFor(world)) != 0 || !memory->Map(world)) return nullptr;
    std::snprintf(memory->head_->token, sizeof(Head::token), "%s", RandomUuid().c_str());
    return memory->Lock(0) ? std::move(memory) : nullptr;
  }

  // That of which Place() was `place`; null if it cannot be opened here.
  static std::unique_ptr<Memory> Open(const std::string& place, int64_t rank, int64_t world) {
    const size_t space = place.find(' ');
    if (space == std::string::npos) return nullptr;
    const int file = open(place.substr(0, space).c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) return nullptr;
    auto memory = std::unique_ptr<Memory>(new Memory(file));
    if (lseek(file, 0, SEEK_END) != SizeFor(world) || !memory->Map(world)) return nullptr;
    if (place.substr(space + 1) != memory->head_->token) return nullptr;
    return memory->Lock(rank) ? std::move(memory) : nullptr;
  }

  ~Memory() {
    if (head_ != nullptr) munmap(head_, static_cast<size_t>(size_));
    if (buffers_ != nullptr) munmap(buffers_, static_cast<size_t>(buffers_size_));
    close(file_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::string Place() const {
    return Format("/proc/%d/fd/%d %s", static_cast<int>(getpid()), file_, head_->token);
  }
  Head& head() const { return *head_; }
  // Of a rank; that of number `world` is for the sums.
  char* slot(int64_t number) const { return reinterpret_cast<char*>(head_ + 1) + number * kSlot; }

  // Room for a buffer of `bytes` of every rank, behind the slots. To be called by rank 0, before
  // the others call MapBuffers.
  bool MakeRoom(int64_t world, int64_t bytes) const {
    return ftruncate(file_, SizeFor(world) + world * WholePages(bytes)) == 0;
  }
  // Maps the buffers of all ranks, and that of `rank` in the place of `mine`, too.
  bool MapBuffers(int64_t rank, int64_t world, int64_t bytes, float* mine) {
    const int64_t each = WholePages(bytes), begin = SizeFor(world);
    const int access = PROT_READ | PROT_WRITE;
    void* all = mmap(nullptr, static_cast<size_t>(world * each), access, MAP_SHARED, file_, begin);
    if (all == MAP_FAILED) return false;
    buffers_ = static_cast<char*>(all);
    buffers_size_ = world * each;
    return mmap(mine, static_cast<size_t>(each), access, MAP_SHARED | MAP_FIXED, file_,
                begin + rank * each) != MAP_FAILED;
  }
  float* buffer(int64_t rank, int64_t world) const {
    return reinterpret_cast<float*>(buffers_ + rank * (buffers_size_ / world));
  }

  // A rank has ended, or closed its memory.
  bool HasLost(int64_t rank) const {
    struct flock lock = LockOf(rank);
    return fcntl(file_, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
  }

 private:
  explicit Memory(int file) : file_(file) {}

  bool Map(int64_t world) {
    size_ = SizeFor(world);
    void* memory = mmap(nullptr, static_cast<size_t>(size_), PROT_READ | PROT_WRITE, MAP_SHARED,
                        file_, 0);
    if (memory == MAP_FAILED) return false;
    head_ = static_cast<Head*>(memory);
    return true;
  }
  bool Lock(int64_t rank) {
    struct flock lock = LockOf(rank);
    return fcntl(file_, F_OFD_SETLK, &lock) == 0;
  }

  const int file_;
  int64_t size_ = 0;
  Head* head_ = nullptr;
  char* buffers_ = nullptr;
  int64_t buffers_size_ = 0;
};

class SharedMemory final : public Collective {
 public:
  SharedMemory(std::unique_ptr<Memory> memory, int64_t rank, int64_t world, int64_t timeout_ms)
      : memory_(std::move(memory)), rank_(rank), world_(world), timeout_ms_(timeout_ms) {}

  int64_t rank() const override { return rank_; }
  int64_t world() const override { return world_; }
  Status AllReduce(float* data, int64_t count) override {
    const bool shared = shared_ != nullptr && data >= shared_ &&
                        data + count <= shared_ + shared_count_;
    return shared ? SumInPlace(data - shared_, count) : Sum(data, count);
  }
  Status AllReduce(double* data, int64_t count) override { return Sum(data, count); }
  Status AllReduce(Bf16* data, int64_t count) override { return Sum(data, count); }

  Status Gather(const float* data, int64_t count, float* all) override {
    constexpr int64_t kElements = kSlot / static_cast<int64_t>(sizeof(float));
    for (int64_t begin = 0; begin < count; begin += kElements) {
      const int64_t size = std::min(kElements, count - begin);
      std::copy_n(data + begin, size, Slot<float>(rank_));
      BRAID_RETURN_IF_ERROR(Barrier());
      for (int64_t peer = 0; peer < world_ && rank_ == 0; ++peer)
        std::copy_n(Slot<float>(peer), size, all + peer * count + begin);
      // Before a rank writes its next floats there.
      BRAID_RETURN_IF_ERROR(Barrier());
    }
    return OkStatus();
  }

  Status Share(float* data, int64_t count) override {
    const int64_t bytes = count * static_cast<int64_t>(sizeof(float));
    const bool whole = reinterpret_cast<uintptr_t>(data) % kPage == 0 && count > 0;
    bool room = true;
    if (rank_ == 0) room = memory_->MakeRoom(world_, bytes);
    double able = whole && room ? 1 : 0;
    BRAID_RETURN_IF_ERROR(AllReduce(&able, 1));
    if (able < static_cast<double>(world_)) return OkStatus();
    double mapped = memory_->MapBuffers(rank_, world_, bytes, data) ? 1 : 0;
    BRAID_RETURN_IF_ERROR(AllReduce(&mapped, 1));
    // A rank that could not leaves the others with memory that is shared for nothing.
    if (mapped < static_cast<double>(world_)) return OkStatus();
    shared_ = data;
    shared_count_ = count;
    return OkStatus();
  }

  Status Barrier() override {
    Head& head = memory_->head();
    const uint32_t generation = head.generation.load();
    if (head.arrived.fetch_add(1) + 1 == static_cast<uint32_t>(world_)) {
      head.arrived.store(0);
      head.generation.fetch_add(1);
      Futex(FUTEX_WAKE, INT32_MAX, nullptr);
      return OkStatus();
    }
    return Wait(generation);
  }

 private:
  long Futex(int operation, uint32_t value, const timespec* timeout) {
    return syscall(SYS_futex, &memory_->head().generation, operation, value, timeout, nullptr, 0);
  }

  Status Wait(uint32_t generation) {
    const std::atomic<uint32_t>& now = memory_->head().generation;
    for (int i = 0; i < kSpins; ++i) {
      if (now.load() != generation) return OkStatus();
    }
    const int64_t end_ms = SystemClock().MonotonicMs() + timeout_ms_;
    const timespec look{0, kLookMs * 1'000'000};
    while (now.load() == generation) {
      Futex(FUTEX_WAIT, generation, &look);
      for (int64_t peer = 0; peer < world_; ++peer) {
        // One that has arrived may have gone since.
        if (peer != rank_ && memory_->HasLost(peer) && now.load() == generation)
          return Aborted(
              Format("a rank of the gang was lost: rank %lld has ended", (long long)peer));
      }
      if (now.load() == generation && SystemClock().MonotonicMs() >= end_ms)
        return Aborted("a rank of the gang was lost: it did not come in time");
    }
    return OkStatus();
  }

  // Every rank adds up one share, in the order of the ranks, for all.
  template <typename T>
  Status Sum(T* data, int64_t count) {
    constexpr int64_t kElements = kSlot / static_cast<int64_t>(sizeof(T));
    for (int64_t begin = 0; begin < count; begin += kElements) {
      const int64_t size = std::min(kElements, count - begin);
      std::copy_n(data + begin, size, Slot<T>(rank_));
      BRAID_RETURN_IF_ERROR(Barrier());
      T* sums = Slot<T>(world_);
      const int64_t first = rank_ * size / world_, last = (rank_ + 1) * size / world_;
      std::copy(Slot<T>(0) + first, Slot<T>(0) + last, sums + first);
      for (int64_t peer = 1; peer < world_; ++peer) {
        const T* values = Slot<T>(peer);
        for (int64_t i = first; i < last; ++i) sums[i] += values[i];
      }
      BRAID_RETURN_IF_ERROR(Barrier());
      std::copy_n(sums, size, data + begin);
    }
    return OkStatus();
  }

  // The same without copies: every rank adds up one share, and writes it to all buffers.
  Status SumInPlace(int64_t begin, int64_t count) {
    // 8 KiB of sums stay in the first cache while the buffers of all peers pass by.
    constexpr int64_t kPiece = 2048;
    float sums[kPiece];
    BRAID_RETURN_IF_ERROR(Barrier());
    const int64_t end = begin + (rank_ + 1) * count / world_;
    for (int64_t first = begin + rank_ * count / world_; first < end; first += kPiece) {
      const int64_t size = std::min(kPiece, end - first);
      std::copy_n(memory_->buffer(0, world_) + first, size, sums);
      for (int64_t peer = 1; peer < world_; ++peer) {
        const float* values = memory_->buffer(peer, world_) + first;
        for (int64_t i = 0; i < size; ++i) sums[i] += values[i];
      }
      for (int64_t peer = 0; peer < world_; ++peer)
        std::copy_n(sums, size, memory_->buffer(peer, world_) + first);
    }
    return Barrier();
  }

  template <typename T>
  T* Slot(int64_t number) const {
    return reinterpret_cast<T*>(memory_->slot(number));
  }

  const std::unique_ptr<Memory> memory_;
  const int64_t rank_, world_, timeout_ms_;
  // Of Share, or null.
  const float* shared_ = nullptr;
  int64_t shared_count_ = 0;
};

Status NotMet(const Status& status) {
  return Aborted("the gang did not meet: " + status.message());
}

}  // namespace

Result<std::unique_ptr<Collective>> SharedMemoryCollective(task::Rendezvous& rendezvous,
                                                           int64_t rank, int64_t world,
                                                           int64_t timeout_ms) {
  std::unique_ptr<Memory> memory;
  if (rank == 0) {
    memory = Memory::Make(world);
    const Status put = rendezvous.Put("shm/place", memory != nullptr ? memory->Place() : "none");
    if (!put.ok()) return NotMet(put);
  } else {
    const Result<std::string> place = rendezvous.Get("shm/place", timeout_ms);
    if (!place.ok()) return NotMet(place.status());
    memory = Memory::Open(*place, rank, world);
  }
  const Status put = rendezvous.Put("shm/" + std::to_string(rank),
                                    memory != nullptr ? "open" : "none");
  if (!put.ok()) return NotMet(put);
  bool all = true;
  for (int64_t peer = 0; peer < world; ++peer) {
    const Result<std::string> answer = rendezvous.Get("shm/" + std::to_string(peer), timeout_ms);
    if (!answer.ok()) return NotMet(answer.status());
    all = all && *answer == "open";
  }
  if (!all) return std::unique_ptr<Collective>();
  return std::unique_ptr<Collective>(new SharedMemory(std::move(memory), rank, world, timeout_ms));
}

}  // namespace braid::trainer
