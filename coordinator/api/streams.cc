#include "coordinator/api/streams.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "coordinator/api/queries.h"
#include "coordinator/api/uploads.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/core/traffic.h"

namespace braid::coordinator {
namespace {

// Sizes for which the cost of a message does not matter, and which bound the memory of a slow
// client.
constexpr uint64_t kBlobPiece = uint64_t{1} << 20;
constexpr int64_t kEventsAtOnce = 500;

// Wake-ups for news of a job: new lines, and new attempts and its end, which are events of its run.
std::vector<std::unique_ptr<Wakeups::Subscription>> SubscribeToJob(Backend* backend,
                                                                   AppendFiles* files,
                                                                   const catalog::JobKey& job,
                                                                   const Wakeups::Wake& wake) {
  std::vector<std::unique_ptr<Wakeups::Subscription>> subscriptions;
  subscriptions.push_back(files->changed().Subscribe(BulkFolder(job), wake));
  subscriptions.push_back(backend->core->events().Subscribe(job.run, wake));
  return subscriptions;
}

}  // namespace

LogStream::LogStream(Backend* backend, std::string run, std::string job,
                     const LogReader::Options& options)
    : backend_(backend),
      run_(std::move(run)),
      job_(std::move(job)),
      follow_(options.follow),
      reader_(backend->logs, options) {}

Status LogStream::Look(const State& state) {
  BRAID_ASSIGN_OR_RETURN(standing_, StandingOf(run_, job_, state));
  run_ = standing_.key.run;  // a later run may have the same name
  return OkStatus();
}

std::vector<std::unique_ptr<Wakeups::Subscription>> LogStream::Subscribe(Wakeups::Wake wake) {
  if (!follow_) return {};
  return SubscribeToJob(backend_, backend_->logs, standing_.key, wake);
}

Result<StreamState> LogStream::Next(LogReader::Next* piece) {
  if (!begun_) {
    BRAID_RETURN_IF_ERROR(reader_.Begin(standing_));
    begun_ = true;
  }
  BRAID_ASSIGN_OR_RETURN(*piece, reader_.Read(standing_));
  switch (piece->state) {
    case LogReader::State::kPiece:
      return StreamState::kPiece;
    case LogReader::State::kNothingYet:
      return StreamState::kNothingYet;
    case LogReader::State::kEnd:
      break;
  }
  return StreamState::kEnd;
}

MetricStream::MetricStream(Backend* backend, std::string run, std::string job, int64_t since_step,
                           bool follow)
    : backend_(backend),
      run_(std::move(run)),
      job_(std::move(job)),
      since_step_(since_step),
      follow_(follow) {}

Status MetricStream::Look(const State& state) {
  BRAID_ASSIGN_OR_RETURN(standing_, StandingOf(run_, job_, state));
  run_ = standing_.key.run;  // a later run may have the same name
  return OkStatus();
}

std::vector<std::unique_ptr<Wakeups::Subscription>> MetricStream::Subscribe(Wakeups::Wake wake) {
  if (!follow_) return {};
  return SubscribeToJob(backend_, backend_->metrics, standing_.key, wake);
}

Result<StreamState> MetricStream::Next(std::vector<MetricPoint>* piece) {
  if (!reader_.has_value()) reader_.emplace(backend_->metrics, standing_.key);
  if (sent_ == points_.size()) {
    BRAID_ASSIGN_OR_RETURN(points_, reader_->Next(standing_.epoch));
    // Files have no index of steps: points before the first that is wanted are read and dropped.
    std::erase_if(points_, [&](const MetricPoint& point) { return point.step < since_step_; });
    sent_ = 0;
  }
  if (points_.empty())
    return follow_ && !standing_.ended ? StreamState::kNothingYet : StreamState::kEnd;
  const size_t end = std::min(points_.size(), sent_ + kMostPoints);
  const auto at = [&](size_t place) {
    return points_.begin() + static_cast<std::ptrdiff_t>(place);
  };
  piece->assign(std::make_move_iterator(at(sent_)), std::make_move_iterator(at(end)));
  sent_ = end;
  return StreamState::kPiece;
}

EventStream::EventStream(Backend* backend, std::string run, int64_t since_seq)
    : backend_(backend),
      run_(std::move(run)),
      seq_(since_seq),
      spoke_ms_(backend->core->options().clock->MonotonicMs()) {}

Status EventStream::Look(const State& state) {
  if (!looked_) {
    BRAID_ASSIGN_OR_RETURN(run_, RunFilterOf(run_, state));
    looked_ = true;
  }
  durable_seq_ = state.image().last_seq;
  return CheckNotCompacted(seq_, state);
}

std::vector<std::unique_ptr<Wakeups::Subscription>> EventStream::Subscribe(Wakeups::Wake wake) {
  std::vector<std::unique_ptr<Wakeups::Subscription>> subscriptions;
  // An empty run is the topic of all events.
  subscriptions.push_back(backend_->core->events().Subscribe(run_, std::move(wake)));
  return subscriptions;
}

// False: there are no more.
Result<bool> EventStream::ReadMore() {
  // Everything up to here was there before the read; what it leaves out belongs to other runs.
  const int64_t durable_seq = durable_seq_;
  BRAID_ASSIGN_OR_RETURN(events_, backend_->store->ReadEvents({seq_, run_, kEventsAtOnce, false}));
  sent_ = 0;
  if (events_.empty()) seq_ = std::max(seq_, durable_seq);
  return !events_.empty();
}

Result<StreamState> EventStream::Next(catalog::EventRecord* piece) {
  const int64_t now_ms = backend_->core->options().clock->MonotonicMs();
  if (sent_ == events_.size()) {
    BRAID_ASSIGN_OR_RETURN(const bool more, ReadMore());
    if (!more && now_ms - spoke_ms_ < kBookmarkMs) return StreamState::kNothingYet;
  }
  spoke_ms_ = now_ms;
  if (events_.empty()) {
    // A bookmark: how far all events were looked through, so that a client of one run need not
    // begin far back when it comes again.
    *piece = {};
    piece->seq = seq_;
    return StreamState::kPiece;
  }
  *piece = std::move(events_[sent_++]);
  seq_ = piece->seq;
  return StreamState::kPiece;
}

BlobStream::BlobStream(Backend* backend, BlobWanted wanted,
                       std::function<Status(const State&)> allowed, Counted counted, Moved moved)
    : backend_(backend),
      wanted_(std::move(wanted)),
      allowed_(std::move(allowed)),
      counted_(std::move(counted)),
      moved_(std::move(moved)),
      offset_(wanted_.offset) {}

// Also of a stream that was cut.
BlobStream::~BlobStream() {
  if (!traffic_.has_value()) return;
  catalog::TrafficKey directly = *traffic_;
  directly.way = catalog::TrafficWay::kDirect;
  backend_->core->Post(
      {[key = *traffic_, directly, bytes = sent_, direct = direct_](Transaction& tx) {
         CountTraffic(key, bytes, tx);
         CountTraffic(directly, direct, tx);
         return OkStatus();
       },
       nullptr, nullptr});
}

Status BlobStream::Look(const State& state) {
  if (allowed_) BRAID_RETURN_IF_ERROR(allowed_(state));
  if (counted_) traffic_ = counted_(state);
  return OkStatus();
}

Status BlobStream::Open() {
  const std::string& sha256 = wanted_.sha256;
  BRAID_RETURN_IF_ERROR(CheckDigest(sha256));
  if (!backend_->blobs->Has(sha256))
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound, "there is no blob " + sha256);
  BRAID_ASSIGN_OR_RETURN(reader_, backend_->blobs->OpenBlob(sha256));
  direct_ = static_cast<int64_t>(std::min({wanted_.got_directly, wanted_.offset, reader_->size()}));
  return OkStatus();
}

std::string BlobStream::Url() const {
  const uint64_t left = reader_->size() - std::min(offset_, reader_->size());
  if (!wanted_.direct || left < kLeastDirect) return "";
  // Without one, the bytes come from here, and what is wrong with the bucket is said elsewhere.
  const Result<std::string> url = backend_->blobs->UrlOf(wanted_.sha256);
  return url.ok() ? *url : "";
}

Result<StreamState> BlobStream::Next(DownloadPiece* piece) {
  *piece = {};
  if (all_said_) return StreamState::kEnd;
  if (reader_ == nullptr) {
    BRAID_RETURN_IF_ERROR(Open());
    piece->url = Url();
    piece->size = reader_->size();
    all_said_ = !piece->url.empty();
    if (all_said_) {
      if (moved_) moved_(static_cast<int64_t>(reader_->size() - offset_));
      return StreamState::kPiece;
    }
  }
  if (offset_ >= reader_->size()) return StreamState::kEnd;
  BRAID_ASSIGN_OR_RETURN(piece->data,
                         reader_->Read(offset_, std::min(kBlobPiece, reader_->size() - offset_)));
  offset_ += piece->data.size();
  sent_ += static_cast<int64_t>(piece->data.size());
  if (moved_) moved_(0);
  return StreamState::kPiece;
}

}  // namespace braid::coordinator
