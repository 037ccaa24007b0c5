#include "corpus/lines.h"

#include <memory>

#include "base/file.h"
#include "corpus/decoder.h"
#include "corpus/foreign.h"

namespace braid::corpus {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr size_t kMaxLine = size_t{256} << 20;

using Use = std::function<Status(std::string_view)>;

// Holds the first bytes back until they are enough to recognise files that are not text.
class Entrance {
 public:
  Entrance(const std::string& path, const Use& use) : path_(path), use_(use) {}

  Status Take(std::string_view piece) {
    if (passed_) return use_(piece);
    head_ += piece;
    return head_.size() < kForeignBytes ? OkStatus() : Pass();
  }
  Status End() { return passed_ ? OkStatus() : Pass(); }

 private:
  Status Pass() {
    passed_ = true;
    BRAID_RETURN_IF_ERROR(CheckForeign(path_, std::string_view(head_).substr(0, kForeignBytes)));
    return use_(head_);
  }

  const std::string& path_;
  const Use& use_;
  std::string head_;
  bool passed_ = false;
};

}  // namespace

Status ReadDecompressed(const std::string& path, const Use& use) {
  Entrance entrance(path, use);
  const Use enter = [&](std::string_view piece) { return entrance.Take(piece); };
  std::unique_ptr<Decoder> decoder;
  BRAID_RETURN_IF_ERROR(ReadFileInPieces(path, kPiece, [&](std::string_view piece) {
    if (decoder == nullptr) decoder = DecoderFor(piece);
    return decoder->Feed(path, piece, enter);
  }));
  BRAID_RETURN_IF_ERROR(entrance.End());
  if (decoder != nullptr && !decoder->complete()) return CutShort(path);
  return OkStatus();
}

Status ReadLines(const std::string& path,
                 const std::function<Status(std::string_view, int64_t)>& use) {
  std::string rest;
  int64_t number = 0;
  const auto emit = [&](std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return use(line, ++number);
  };
  const Status status = ReadDecompressed(path, [&](std::string_view piece) -> Status {
    for (size_t end; (end = piece.find('\n')) != std::string_view::npos;
         piece.remove_prefix(end + 1)) {
      if (rest.empty()) {
        BRAID_RETURN_IF_ERROR(emit(piece.substr(0, end)));
        continue;
      }
      rest += piece.substr(0, end);
      const std::string line = std::move(rest);
      rest.clear();
      BRAID_RETURN_IF_ERROR(emit(line));
    }
    rest += piece;
    if (rest.size() > kMaxLine)
      return InvalidArgument(path + ":" + std::to_string(number + 1) +
                             ": the line is above 256 MiB");
    return OkStatus();
  });
  return !status.ok() || rest.empty() ? status : emit(rest);
}

}  // namespace braid::corpus
