// What a stream sends to a client, piece by piece: logs, metrics, events, blobs. A stream looks at
// the state in the core's thread and reads files in a thread for files, and no thread waits in
// between; services/stream_call.h carries the pieces to the client, at the client's pace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "coordinator/api/backend.h"
#include "coordinator/bulk/log_reader.h"
#include "coordinator/bulk/metric_lines.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

// The result of Stream::Next.
enum class StreamState {
  kPiece,       // `piece` is to be sent, and Next asked again
  kNothingYet,  // all is sent that there was; the next wake-up says when to look again
  kEnd,
};

// The calls come one after another, in several threads. An error of Look or Next ends the stream.
template <class Piece>
class Stream {
 public:
  virtual ~Stream() = default;

  // In the core's thread, before the first Next and after each wake-up.
  virtual Status Look(const State& state) = 0;
  // Called once, after the first Look: subscribes to everything that may wake the stream. Another
  // Look follows, for changes in between.
  virtual std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake wake) = 0;
  // In a thread for files.
  virtual Result<StreamState> Next(Piece* piece) = 0;
  // Whether Next asks another machine, and may take long: it has threads of its own then.
  virtual bool Remote() const { return false; }
  // The longest time in ms without a wake-up, after which the stream is woken anyway; 0: no limit.
  virtual int64_t LongestSilenceMs() const { return 0; }
};

// The log of one attempt, or of a job's attempts one after another (ReadLog of the API).
class LogStream final : public Stream<LogReader::Next> {
 public:
  // `run` is an id, a prefix or a name. kNotFound from the first Look if there is no such run or
  // job.
  LogStream(Backend* backend, std::string run, std::string job, const LogReader::Options& options);
  Status Look(const State& state) override;
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake wake) override;
  Result<StreamState> Next(LogReader::Next* piece) override;

 private:
  Backend* const backend_;
  std::string run_;  // as it was asked for; after the first Look an id
  const std::string job_;
  const bool follow_;
  LogReader reader_;
  bool begun_ = false;
  JobStanding standing_;
};

// The metric points of a job (ReadMetrics). The points that are new at one time are sent in the
// order of their steps.
class MetricStream final : public Stream<std::vector<MetricPoint>> {
 public:
  static constexpr size_t kMostPoints = 1000;  // of one piece
  MetricStream(Backend* backend, std::string run, std::string job, int64_t since_step, bool follow);
  Status Look(const State& state) override;
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake wake) override;
  Result<StreamState> Next(std::vector<MetricPoint>* piece) override;

 private:
  Backend* const backend_;
  std::string run_;  // as it was asked for; after the first Look an id
  const std::string job_;
  const int64_t since_step_;
  const bool follow_;
  std::optional<MetricReader> reader_;
  JobStanding standing_;
  std::vector<MetricPoint> points_;  // read and not sent, from sent_ on
  size_t sent_ = 0;
};

// All events, or those of a run, from `since_seq` on, without end (WatchEvents). An event without a
// kind is a bookmark: nothing happened up to its seq.
class EventStream final : public Stream<catalog::EventRecord> {
 public:
  static constexpr int64_t kBookmarkMs = 15'000;
  EventStream(Backend* backend, std::string run, int64_t since_seq);
  Status Look(const State& state) override;
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake wake) override;
  Result<StreamState> Next(catalog::EventRecord* piece) override;
  int64_t LongestSilenceMs() const override { return kBookmarkMs; }

 private:
  Result<bool> ReadMore();

  Backend* const backend_;
  std::string run_;  // as it was asked for; after Look an id, or empty
  bool looked_ = false;
  int64_t durable_seq_ = 0;  // at the last Look
  int64_t seq_;              // up to which all is sent, or belongs to other runs
  int64_t spoke_ms_;
  std::vector<catalog::EventRecord> events_;  // read and not sent, from sent_ on
  size_t sent_ = 0;
};

// What is asked of a blob.
struct BlobWanted {
  std::string sha256;
  uint64_t offset = 0;
  bool direct = false;        // a URL will do
  uint64_t got_directly = 0;  // bytes in front of the offset that came from one
};

// Bytes of a blob, or a URL where all of them are.
struct DownloadPiece {
  std::string data;
  std::string url;    // a secret
  uint64_t size = 0;  // of the blob, with a URL
};

// The bytes of a blob (DownloadBlob), or a URL alone. Never waits.
class BlobStream final : public Stream<DownloadPiece> {
 public:
  // Less than this comes as bytes: one more way there and back takes longer.
  static constexpr uint64_t kLeastDirect = uint64_t{64} << 10;
  // Says what the bytes are counted as; nullopt: they are not counted.
  using Counted = std::function<std::optional<catalog::TrafficKey>(const State&)>;
  // Told after each piece: how many bytes the caller reads by the URL that it was given, or 0.
  using Moved = std::function<void(int64_t directly)>;
  // `allowed` and `counted` are called in the core's thread. The first may refuse the stream; null:
  // it is allowed. The others may be null.
  BlobStream(Backend* backend, BlobWanted wanted,
             std::function<Status(const State&)> allowed = nullptr, Counted counted = nullptr,
             Moved moved = nullptr);
  ~BlobStream() override;
  Status Look(const State& state) override;
  std::vector<std::unique_ptr<Wakeups::Subscription>> Subscribe(Wakeups::Wake) override {
    return {};
  }
  Result<StreamState> Next(DownloadPiece* piece) override;
  bool Remote() const override { return backend_->copier != nullptr; }

 private:
  Status Open();
  // The URL, if that is what the caller is to be given.
  std::string Url() const;

  Backend* const backend_;
  const BlobWanted wanted_;
  const std::function<Status(const State&)> allowed_;
  const Counted counted_;
  const Moved moved_;
  uint64_t offset_;
  std::optional<catalog::TrafficKey> traffic_;
  int64_t sent_ = 0;
  int64_t direct_ = 0;  // bytes of which the caller tells that it has them from a URL
  bool all_said_ = false;
  std::unique_ptr<storage::BlobStore::Reader> reader_;
};

}  // namespace braid::coordinator
