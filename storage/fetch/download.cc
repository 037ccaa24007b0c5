#include "storage/fetch/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error_reason.h"
#include "base/file.h"
#include "base/remote_name.h"
#include "base/sha256.h"
#include "base/text.h"
#include "storage/bucket/pause.h"

namespace braid::storage {
namespace {

constexpr int kNoSuchRange = 416;

// Servers in between may weaken an ETag; what it names stays the same.
std::string_view Strong(std::string_view etag) {
  return etag.starts_with("W/") ? etag.substr(2) : etag;
}

std::string Bytes(int64_t bytes) {
  return std::to_string(bytes) + " bytes";
}

class Transfer {
 public:
  Transfer(const RemoteFile& file, std::string path, Origin& origin, const DownloadOptions& options)
      : file_(file),
        path_(std::move(path)),
        origin_(origin),
        options_(options),
        name_(ShownUrl(file.url)),
        etag_(file.etag),
        modified_(file.modified),
        size_(file.size) {}

  Result<FetchedFile> Run() {
    fd_.Reset(open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd_.valid()) return ErrnoStatus(errno, "opening " + path_);
    BRAID_RETURN_IF_ERROR(All());
    FetchedFile fetched{done_, digest_.HexDigest(), etag_, modified_};
    if (!file_.sha256.empty() && fetched.sha256 != file_.sha256)
      return FailedPrecondition(name_ + " has the SHA-256 " + fetched.sha256 +
                                ", and the recipe wants " + file_.sha256 +
                                ": it is another file than when the recipe was written");
    return fetched;
  }

 private:
  Status All() {
    int64_t most = 0;
    for (int idle = 0;;) {
      const Status status = Once();
      if (status.ok()) return status;
      // What a server refuses, a full disk and a wrong file stay what they are; so does a
      // certificate.
      if (status.Is(ErrorReason::kTls)) return FailedPrecondition(status.message());
      if (status.code() != StatusCode::kUnavailable) return status;
      idle = done_ > most ? 0 : idle + 1;
      most = std::max(most, done_);
      if (idle >= options_.tries)
        return Unavailable(status.message() + " (" + std::to_string(options_.tries) +
                           " times in a row, at " + Bytes(most) +
                           (size_ >= 0 ? " of " + std::to_string(size_) : "") + ")");
      // Where something came, the network works, and only the server need not be hurried.
      const int64_t pause_ms = idle == 0 ? options_.first_pause_ms / 10
                                         : options_.first_pause_ms << std::min(idle - 1, 6);
      if (!Pause(std::max(origin_.wait_ms(), pause_ms), options_.stopped))
        return Cancelled("stopped while fetching");
    }
  }

  // One request for what is not there yet. A server that cannot say that the file is the same one
  // is asked for all of it.
  Status Once() {
    if (done_ > 0 && !Recognisable()) BRAID_RETURN_IF_ERROR(BeginAgain());
    judged_ = false;
    const std::string range = done_ > 0 ? "bytes=" + std::to_string(done_) + "-" : "";
    // Weak ETags do not promise the same bytes, so that If-Range knows none of them. The answer's
    // is compared all the same.
    const std::string unchanged = etag_.empty() || etag_.starts_with("W/") ? modified_ : etag_;
    const Result<HttpAnswer> answer = origin_.Ask(
        "GET", range, unchanged, [this](const HttpAnswer& begun, std::string_view piece) -> Status {
          if (!judged_) BRAID_RETURN_IF_ERROR(Judge(begun));
          return Take(piece);
        });
    BRAID_RETURN_IF_ERROR(answer.status());
    if (answer->status == kNoSuchRange) return NothingBehind(*answer);
    if (!judged_) BRAID_RETURN_IF_ERROR(Judge(*answer));  // of no bytes at all
    if (size_ >= 0 && done_ < size_)
      return Unavailable(name_ + " ended after " + Bytes(done_) + " of " + std::to_string(size_));
    return OkStatus();
  }

  // Whether a later answer can be told to be of the same file.
  bool Recognisable() const { return !etag_.empty() || !modified_.empty(); }

  Status BeginAgain() {
    if (ftruncate(fd_.get(), 0) != 0 || lseek(fd_.get(), 0, SEEK_SET) != 0)
      return ErrnoStatus(errno, "beginning again with " + path_);
    digest_ = Sha256();
    done_ = 0;
    return OkStatus();
  }

  // Compares the answer with what is known of the file, before its first byte is taken.
  Status Judge(const HttpAnswer& answer) {
    judged_ = true;
    const FileFacts facts = FactsOf(answer);
    const bool etag_differs = !etag_.empty() && !facts.etag.empty() &&
                              Strong(facts.etag) != Strong(etag_);
    const bool time_differs = etag_.empty() && !modified_.empty() && !facts.modified.empty() &&
                              facts.modified != modified_;
    const bool size_differs = size_ >= 0 && facts.size >= 0 && facts.size != size_;
    if (etag_differs || time_differs || size_differs) {
      // Of a file with a digest, that decides. What an earlier connection brought is of no use.
      if (file_.sha256.empty() || done_ > 0)
        return HasChanged(etag_differs   ? "its ETag was " + etag_ + " and is " + facts.etag
                          : time_differs ? "it was of " + modified_ + " and is of " + facts.modified
                                         : "it had " + Bytes(size_) + " and has " +
                                               std::to_string(facts.size));
    }
    if (!facts.etag.empty()) etag_ = facts.etag;
    if (!facts.modified.empty()) modified_ = facts.modified;
    if (facts.size >= 0) size_ = facts.size;
    if (done_ == 0 && answer.status == 200) return OkStatus();
    // All of it, from a server that knows no parts; or a part that was not asked for.
    const std::string wanted = "bytes " + std::to_string(done_) + "-";
    if (answer.status == 206 && answer.Header("content-range").starts_with(wanted))
      return OkStatus();
    if (answer.status == 200) return BeginAgain();
    return FailedPrecondition(name_ + ": the server sent another part (" +
                              answer.Header("content-range") + ") than was asked for (" + wanted +
                              "): it cannot be read over cuts");
  }

  Status HasChanged(const std::string& how) const {
    return FailedPrecondition(
        name_ + " has changed since the run was submitted (" + how +
        "): submit the recipe again to read it as it is now; #sha256=DIGEST behind a name makes "
        "sure that it is the file that you mean");
  }

  // There is nothing behind what is there: it is all, or the file has become shorter.
  Status NothingBehind(const HttpAnswer& answer) {
    const int64_t size = FactsOf(answer).size;
    if (done_ == 0 && size <= 0) return OkStatus();
    if (done_ > 0 && size == done_) return OkStatus();
    return HasChanged("it had " + Bytes(done_) + " at least and has " + std::to_string(size));
  }

  Status Take(std::string_view piece) {
    if (size_ >= 0 && done_ + static_cast<int64_t>(piece.size()) > size_)
      return HasChanged("it had " + Bytes(size_) + " and has more");
    BRAID_RETURN_IF_ERROR(WriteAll(fd_.get(), piece, path_));
    digest_.Update(piece);
    done_ += static_cast<int64_t>(piece.size());
    if (options_.progress) options_.progress(done_);
    return OkStatus();
  }

  const RemoteFile& file_;
  const std::string path_;
  Origin& origin_;
  const DownloadOptions& options_;
  const std::string name_;
  // What is known of the file: from the list, then from the server's first answer.
  std::string etag_, modified_;
  int64_t size_;
  UniqueFd fd_;
  Sha256 digest_;
  int64_t done_ = 0;
  bool judged_ = false;
};

}  // namespace

Result<FetchedFile> Download(const RemoteFile& file, const std::string& path, Origin& origin,
                             const DownloadOptions& options) {
  Result<FetchedFile> fetched = Transfer(file, path, origin, options).Run();
  if (!fetched.ok()) (void)RemoveFile(path);
  return fetched;
}

}  // namespace braid::storage
