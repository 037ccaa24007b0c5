#include "corpus/tar_reader.h"

#ifndef BRAID_WITHOUT_ARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/excerpt.h"
#include "base/file.h"
#include "corpus/decoder.h"
#include "corpus/foreign.h"

namespace braid::corpus {
namespace {

#ifndef BRAID_WITHOUT_ARCHIVE

constexpr size_t kFileBytes = size_t{256} << 10;
// Of which archives consist.
constexpr size_t kBlock = 512;
// Decoded at a time: four bytes of zstd may become 128 KiB, so that this bounds the memory.
constexpr size_t kDecodedBytes = size_t{4} << 10;

struct Close {
  void operator()(archive* open) const { archive_read_free(open); }
};

class LibarchiveReader final : public TarReader {
 public:
  explicit LibarchiveReader(std::string path) : path_(std::move(path)), piece_(kFileBytes) {}

  Status Begin() {
    file_.Reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) return ErrnoStatus(errno, "opening " + path_);
    archive_.reset(archive_read_new());
    if (archive_ == nullptr) return ResourceExhausted(path_ + ": no memory to read it");
    archive_read_support_format_tar(archive_.get());
    // Archives that were joined (cat a.tar b.tar) are read to the end of the last one.
    if (archive_read_set_format_option(archive_.get(), "tar", "read_concatenated_archives", "1") !=
        ARCHIVE_OK)
      return Fault();
    const int opened = archive_read_open(archive_.get(), this, nullptr, &Pull, nullptr);
    return opened == ARCHIVE_OK ? OkStatus() : Fault();
  }

  Result<std::optional<Member>> Next() override {
    while (true) {
      archive_entry* entry = nullptr;
      const int code = archive_read_next_header(archive_.get(), &entry);
      if (code == ARCHIVE_EOF) {
        BRAID_RETURN_IF_ERROR(CheckEnd());
        return std::optional<Member>();
      }
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Fault();
      if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr)
        continue;
      // libarchive may have a name in one of the two forms alone.
      const char* name = archive_entry_pathname(entry);
      if (name == nullptr) name = archive_entry_pathname_utf8(entry);
      if (name == nullptr) return DataLoss(path_ + ": the name of a member cannot be read");
      size_ = static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(entry), 0));
      return std::optional<Member>({name, size_});
    }
  }

  Result<std::string> Read() override {
    std::string content(size_, '\0');
    size_t done = 0;
    while (done < content.size()) {
      const la_ssize_t count = archive_read_data(archive_.get(), content.data() + done,
                                                 content.size() - done);
      if (count < 0) return Fault();
      if (count == 0) return DataLoss(path_ + ": a member ends before its size");
      done += static_cast<size_t>(count);
    }
    return content;
  }

  uint64_t consumed() const override { return consumed_ - rest_.size(); }

 private:
  // The reason that Pull had, or what libarchive says.
  Status Fault() const {
    if (!status_.ok()) return status_;
    const char* why = archive_error_string(archive_.get());
    return DataLoss(path_ + ": the tar archive is damaged or cut short (" +
                    Excerpt(why == nullptr ? "no details" : why) + ")");
  }

  // What libarchive does not ask: whether the compressed data is whole up to its checksum, and
  // whether the archive ends with its mark, blocks of zeros. A file that is cut between two members
  // has none.
  Status CheckEnd() {
    while (true) {
      BRAID_ASSIGN_OR_RETURN(const std::string_view bytes, Decoded());
      if (bytes.empty()) break;
    }
    const bool marked = last_.size() == kBlock &&
                        last_.find_first_not_of('\0') == std::string::npos;
    return marked ? OkStatus()
                  : DataLoss(path_ + ": the tar archive is cut short: its end mark is missing");
  }

  // Hands libarchive the next decompressed bytes; none is the end.
  static la_ssize_t Pull(archive* open, void* self, const void** buffer) {
    auto* reader = static_cast<LibarchiveReader*>(self);
    const Result<std::string_view> bytes = reader->Decoded();
    if (bytes.ok()) {
      *buffer = bytes->data();
      return static_cast<la_ssize_t>(bytes->size());
    }
    reader->status_ = bytes.status();
    archive_set_error(open, EIO, "%s", bytes.status().message().c_str());
    return -1;
  }

  Result<std::string_view> Decoded() {
    decoded_.clear();
    while (decoded_.empty()) {
      if (rest_.empty()) BRAID_RETURN_IF_ERROR(ReadPiece());
      if (rest_.empty()) {
        if (decoder_ != nullptr && !decoder_->complete()) return CutShort(path_);
        return std::string_view();
      }
      if (decoder_ == nullptr) decoder_ = DecoderFor(rest_);
      const std::string_view next = rest_.substr(0, kDecodedBytes);
      rest_.remove_prefix(next.size());
      BRAID_RETURN_IF_ERROR(decoder_->Feed(path_, next, [this](std::string_view bytes) {
        decoded_ += bytes;
        return OkStatus();
      }));
    }
    last_ += decoded_.substr(decoded_.size() - std::min(decoded_.size(), kBlock));
    last_.erase(0, last_.size() - std::min(last_.size(), kBlock));
    return std::string_view(decoded_);
  }

  // Sets `rest_` to the next piece of the file, empty at its end.
  Status ReadPiece() {
    ssize_t count = -1;
    do {
      count = ::read(file_.get(), piece_.data(), piece_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) return ErrnoStatus(errno, "reading " + path_);
    consumed_ += static_cast<uint64_t>(count);
    rest_ = {piece_.data(), static_cast<size_t>(count)};
    return OkStatus();
  }

  const std::string path_;
  UniqueFd file_;
  std::vector<char> piece_;
  std::string_view rest_;  // of piece_, what is not decoded yet
  std::unique_ptr<Decoder> decoder_;
  std::string decoded_;
  // The last bytes that were decoded, a block at most.
  std::string last_;
  std::unique_ptr<archive, Close> archive_;
  Status status_;
  uint64_t size_ = 0;
  uint64_t consumed_ = 0;
};

#endif

}  // namespace

bool IsTarFile(const std::string& path) {
  std::string head;
  std::unique_ptr<Decoder> decoder;
  (void)ReadFileInPieces(path, kForeignBytes, [&](std::string_view piece) {
    if (decoder == nullptr) decoder = DecoderFor(piece);
    return decoder->Feed(path, piece, [&head](std::string_view bytes) {
      head += bytes.substr(0, kForeignBytes - head.size());
      return head.size() < kForeignBytes ? OkStatus() : Cancelled("enough");
    });
  });
  return LooksLikeTar(head);
}

Result<std::unique_ptr<TarReader>> TarReader::Open(const std::string& path) {
#ifdef BRAID_WITHOUT_ARCHIVE
  return FailedPrecondition(path + ": this braid is built without libarchive and reads no tar");
#else
  auto reader = std::make_unique<LibarchiveReader>(path);
  BRAID_RETURN_IF_ERROR(reader->Begin());
  return std::unique_ptr<TarReader>(std::move(reader));
#endif
}

}  // namespace braid::corpus
