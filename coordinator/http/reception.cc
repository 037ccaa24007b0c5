#include "coordinator/http/reception.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/strip.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace braid::coordinator {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr size_t kReadBytes = 64 << 10;  // more than a record of TLS holds
constexpr int kReadsInARow = 16;

// The value of the first header of this name, which is in lower case; empty if there is none.
std::string_view HeaderOf(std::string_view head, std::string_view name) {
  for (size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    const std::string_view line = head.substr(at + 1);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    const std::string_view found = line.substr(0, name.size());
    if (!absl::EqualsIgnoreCase(absl::string_view(found.data(), found.size()),
                                absl::string_view(name.data(), name.size())))
      continue;
    return Trim(line.substr(name.size() + 1, line.find('\n') - name.size() - 1));
  }
  return "";
}

}  // namespace

Reception::Reception(std::function<void(Received)> hand_over)
    : hand_over_(std::move(hand_over)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { Run(); });
}

void Reception::Add(std::unique_ptr<Connection> connection) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || count_ >= kMaxConnections) return;
    ++count_;
    added_.push_back(std::move(connection));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Reception::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void Reception::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      for (std::unique_ptr<Connection>& connection : std::exchange(added_, {})) {
        Arrival arrival;
        arrival.received.connection = std::move(connection);
        arrival.events = POLLIN;
        arrival.deadline_ms = SystemClock().MonotonicMs() + kHeadMs;
        arrivals_.push_back(std::move(arrival));
      }
      if (stopping_) break;
    }
    Wait();
  }
  arrivals_.clear();
}

void Reception::Wait() {
  std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0}};
  int64_t next_ms = SystemClock().MonotonicMs() + kBodyMs;
  for (const Arrival& arrival : arrivals_) {
    polled.push_back({arrival.received.connection->socket(), arrival.events, 0});
    next_ms = std::min(next_ms, arrival.deadline_ms);
  }
  const int64_t wait_ms = std::max<int64_t>(0, next_ms - SystemClock().MonotonicMs());
  (void)poll(polled.data(), polled.size(), static_cast<int>(wait_ms) + 1);
  uint64_t count = 0;
  if (polled[0].revents != 0) (void)!::read(wake_.get(), &count, sizeof count);
  std::vector<bool> readable(arrivals_.size());
  for (size_t i = 0; i < arrivals_.size(); ++i) readable[i] = polled[i + 1].revents != 0;
  ReadAll(readable);
}

void Reception::ReadAll(const std::vector<bool>& readable) {
  const int64_t now_ms = SystemClock().MonotonicMs();
  std::vector<Arrival> kept;
  for (size_t i = 0; i < arrivals_.size(); ++i) {
    Arrival& arrival = arrivals_[i];
    const size_t before = arrival.bytes.size();
    Step step = readable[i] ? ReadOne(&arrival) : Step::kMore;
    held_bytes_ += arrival.bytes.size() - before;
    if (step == Step::kMore && (arrival.deadline_ms <= now_ms || held_bytes_ > kMaxHeldBytes))
      step = Step::kGone;
    if (step == Step::kMore) {
      kept.push_back(std::move(arrival));
      continue;
    }
    held_bytes_ -= arrival.bytes.size();
    {
      MutexLock lock(mutex_);
      --count_;
    }
    if (step == Step::kWhole) Finish(&arrival);
  }
  arrivals_ = std::move(kept);
}

// What is there, a bounded part of it: others wait, too. The rest makes the next poll() return, as
// a piece has room for whatever TLS decrypts at once.
Reception::Step Reception::ReadOne(Arrival* arrival) {
  char piece[kReadBytes];
  Step step = Step::kMore;
  for (int reads = 0; step == Step::kMore && reads < kReadsInARow; ++reads) {
    const rpc::Moved moved = arrival->received.connection->Read(piece, sizeof piece);
    if (moved.state == rpc::Moved::State::kOver) return Step::kGone;
    if (moved.state == rpc::Moved::State::kLater) {
      arrival->events = moved.events;
      return Step::kMore;
    }
    step = Take({piece, moved.bytes}, arrival);
  }
  return step;
}

Reception::Step Reception::Take(std::string_view piece, Arrival* arrival) {
  arrival->bytes += piece;
  if (arrival->bytes.front() == rpc::ServerSession::kFirstByte) {
    arrival->received.wrong = Received::Wrong::kTls;
    return Step::kWhole;
  }
  if (arrival->head_bytes == 0) {
    const size_t end = arrival->bytes.find(kHeadEnd);
    if (end == std::string::npos && arrival->bytes.size() <= kMaxHeadBytes) return Step::kMore;
    arrival->head_bytes = end == std::string::npos ? arrival->bytes.size() : end + kHeadEnd.size();
    if (arrival->head_bytes > kMaxHeadBytes) {
      arrival->received.wrong = Received::Wrong::kHeadTooLarge;
      return Step::kWhole;
    }
    if (const Step step = HeadEnded(arrival); step == Step::kWhole) return step;
  }
  const size_t whole = arrival->head_bytes + arrival->body_bytes;
  return arrival->bytes.size() >= whole ? Step::kWhole : Step::kMore;
}

// What is said of the body. kWhole: nothing of it is read.
Reception::Step Reception::HeadEnded(Arrival* arrival) {
  const std::string_view head = std::string_view(arrival->bytes).substr(0, arrival->head_bytes);
  if (!HeaderOf(head, "transfer-encoding").empty()) {
    arrival->received.wrong = Received::Wrong::kNoLength;
    return Step::kWhole;
  }
  const std::string_view text = HeaderOf(head, "content-length");
  uint64_t length = 0;
  if (text.empty()) return Step::kMore;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &length) ||
      length > kMaxBodyBytes) {
    arrival->received.wrong = Received::Wrong::kBodyTooLarge;
    return Step::kWhole;
  }
  arrival->body_bytes = static_cast<size_t>(length);
  arrival->deadline_ms = SystemClock().MonotonicMs() + kBodyMs;
  const std::string_view expect = HeaderOf(head, "expect");
  if (absl::EqualsIgnoreCase(absl::string_view(expect.data(), expect.size()), "100-continue")) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)arrival->received.connection->Write(kContinue);
  }
  return Step::kMore;
}

void Reception::Finish(Arrival* arrival) {
  Received received = std::move(arrival->received);
  received.head = arrival->bytes.substr(0, arrival->head_bytes);
  if (received.wrong == Received::Wrong::kNothing)
    received.body = arrival->bytes.substr(arrival->head_bytes, arrival->body_bytes);
  hand_over_(std::move(received));
}

}  // namespace braid::coordinator
