#include "trainer/collective/shared_memory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

// Bytes of a rank that are summed at a time.
constexpr int64_t kSlot = int64_t{4} << 20;
// How often a waiting rank looks for peers that have ended.
constexpr int64_t kLookMs = 50;
// Waiting ranks look this often, for some 50 us, before they sleep: peers of equal work arrive
// almost together, and to wake a sleeping one takes longer.
constexpr int kSpins = 100'000;
// Bytes of a rank that all add up by themselves: more is cheaper if each adds up one share.
constexpr int64_t kMail = int64_t{64} << 10;

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
  return WholePages(static_cast<int64_t>(sizeof(Head)) + (world + 1) * kSlot + 2 * world * kMail);
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
    if (head_ != nullptr) munmap(head_, static_cast<size_t>(size_for_all_));
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
  // The mail of a rank, of which there are two.
  char* mail(int64_t which, int64_t world, int64_t rank) const {
    return slot(world + 1) + (which * world + rank) * kMail;
  }

  // Where the memory ends: `bytes` more are put there by rank 0, and counted by all.
  int64_t end() const { return size_; }
  bool MakeRoom(int64_t bytes) const { return ftruncate(file_, size_ + bytes) == 0; }
  void Count(int64_t bytes) { size_ += bytes; }
  // Maps the buffers of all ranks, which begin at `begin`, and that of `rank` in the place of
  // `mine`, too.
  bool MapBuffers(int64_t begin, int64_t rank, int64_t world, int64_t bytes, float* mine) {
    const int64_t each = WholePages(bytes);
    void* all = mmap(nullptr, static_cast<size_t>(world * each), PROT_READ | PROT_WRITE, MAP_SHARED,
                     file_, begin);
    if (all == MAP_FAILED) return false;
    buffers_ = static_cast<char*>(all);
    buffers_size_ = world * each;
    return MapInPlace(begin + rank * each, each, mine);
  }
  // Maps whole pages of the memory in the place of what is at `place`.
  bool MapInPlace(int64_t begin, int64_t bytes, float* place) const {
    return mmap(place, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                file_, begin) != MAP_FAILED;
  }
  // Copies values to what will be mapped. Takes the memory for them first: where there is none, who
  // writes is killed.
  bool Write(int64_t begin, std::span<const float> values) const {
    const int64_t bytes = WholePages(static_cast<int64_t>(values.size_bytes()));
    int taken = EINTR;
    while (taken == EINTR) taken = posix_fallocate(file_, begin, bytes);
    if (taken != 0) return false;
    void* there = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED,
                       file_, begin);
    if (there == MAP_FAILED) return false;
    std::memcpy(there, values.data(), values.size_bytes());
    return munmap(there, static_cast<size_t>(bytes)) == 0;
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
    size_for_all_ = size_ = SizeFor(world);
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
  // Of what is mapped for slots and mail, and of the whole memory.
  int64_t size_for_all_ = 0, size_ = 0;
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
    const int64_t begin = memory_->end(), room = world_ * WholePages(bytes);
    BRAID_ASSIGN_OR_RETURN(const bool able,
                           OnAll(whole && (rank_ != 0 || memory_->MakeRoom(room))));
    if (!able) return OkStatus();
    memory_->Count(room);
    BRAID_ASSIGN_OR_RETURN(const bool mapped,
                           OnAll(memory_->MapBuffers(begin, rank_, world_, bytes, data)));
    // What was there before may be gone.
    if (!mapped) return NotMapped();
    shared_ = data;
    shared_count_ = count;
    return OkStatus();
  }

  Result<bool> ShareValues(const std::vector<std::span<float>>& buffers) override {
    bool whole = shared_ != nullptr && !buffers.empty();
    int64_t room = 0;
    for (const std::span<float> buffer : buffers) {
      whole = whole && reinterpret_cast<uintptr_t>(buffer.data()) % kPage == 0 && !buffer.empty();
      room += WholePages(static_cast<int64_t>(buffer.size_bytes()));
    }
    BRAID_ASSIGN_OR_RETURN(const bool all_whole, OnAll(whole));
    if (!all_whole) return false;
    int64_t place = memory_->end();
    BRAID_ASSIGN_OR_RETURN(const bool able, OnAll(rank_ != 0 || memory_->MakeRoom(room)));
    if (!able) return false;
    memory_->Count(room);
    // One after the other: what the ranks had for a buffer is free before the next one takes
    // memory.
    for (const std::span<float> buffer : buffers) {
      const int64_t bytes = WholePages(static_cast<int64_t>(buffer.size_bytes()));
      BRAID_ASSIGN_OR_RETURN(const bool written,
                             OnAll(rank_ != 0 || memory_->Write(place, buffer)));
      if (!written && buffer.data() == buffers.front().data()) return false;
      BRAID_ASSIGN_OR_RETURN(const bool mapped,
                             OnAll(written && memory_->MapInPlace(place, bytes, buffer.data())));
      // Weights of some ranks would be common, and of others not.
      if (!mapped) return NotMapped();
      place += bytes;
    }
    return true;
  }

  void SumPart(const std::vector<Piece>& pieces, Piece part) override {
    for (const Piece& piece : pieces) {
      const int64_t end = std::min(piece.end, part.end);
      for (int64_t first = std::max(piece.begin, part.begin); first < end; first += kSums) {
        const int64_t size = std::min(kSums, end - first);
        float sums[kSums];
        AddBuffers(first, size, sums);
        for (int64_t peer = 0; peer < world_; ++peer) {
          float* values = memory_->buffer(peer, world_) + first;
          if (peer == rank_)
            std::copy_n(sums, size, values);
          else
            std::fill_n(values, size, 0.0f);
        }
      }
    }
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
    if (count * static_cast<int64_t>(sizeof(T)) <= kMail) return SumMail(data, count);
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

  // Every rank adds up everything, in the order of the ranks. They meet once: who writes its next
  // mail, which is the other one, may be ahead of who still reads this one, but not by two.
  template <typename T>
  Status SumMail(T* data, int64_t count) {
    const int64_t which = mails_++ % 2;
    const auto mail = [&](int64_t rank) {
      return reinterpret_cast<T*>(memory_->mail(which, world_, rank));
    };
    std::copy_n(data, count, mail(rank_));
    BRAID_RETURN_IF_ERROR(Barrier());
    std::copy_n(mail(0), count, data);
    for (int64_t peer = 1; peer < world_; ++peer) {
      const T* values = mail(peer);
      for (int64_t i = 0; i < count; ++i) data[i] += values[i];
    }
    return OkStatus();
  }

  // Whether it is so on all ranks.
  Result<bool> OnAll(bool here) {
    double ranks = here ? 1 : 0;
    BRAID_RETURN_IF_ERROR(AllReduce(&ranks, 1));
    return ranks == static_cast<double>(world_);
  }

  static Status NotMapped() {
    return Aborted("the memory that ranks of one host share cannot be mapped");
  }

  // 8 KiB of sums stay in the first cache while the buffers of all peers pass by.
  static constexpr int64_t kSums = 2048;

  // The sums of `size` elements of all buffers, in the order of the ranks.
  void AddBuffers(int64_t first, int64_t size, float* sums) const {
    std::copy_n(memory_->buffer(0, world_) + first, size, sums);
    for (int64_t peer = 1; peer < world_; ++peer) {
      const float* values = memory_->buffer(peer, world_) + first;
      for (int64_t i = 0; i < size; ++i) sums[i] += values[i];
    }
  }

  // The same without copies: every rank adds up one share, and writes it to all buffers.
  Status SumInPlace(int64_t begin, int64_t count) {
    float sums[kSums];
    BRAID_RETURN_IF_ERROR(Barrier());
    const int64_t end = begin + (rank_ + 1) * count / world_;
    for (int64_t first = begin + rank_ * count / world_; first < end; first += kSums) {
      const int64_t size = std::min(kSums, end - first);
      AddBuffers(first, size, sums);
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
  // Sums by mail so far.
  int64_t mails_ = 0;
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
