#include "corpus/lines.h"

#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <vector>

#include "base/file.h"

namespace braid::corpus {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr size_t kMaxLine = size_t{256} << 20;

using Use = std::function<Status(std::string_view)>;

class Gunzip {
 public:
  Gunzip() { ready_ = inflateInit2(&stream_, 15 + 32) == Z_OK; }
  ~Gunzip() { inflateEnd(&stream_); }

  Status Feed(const std::string& path, std::string_view in, const Use& use) {
    if (!ready_) return Internal("zlib could not start");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    while (stream_.avail_in > 0) {
      if (at_end_) {  // members may follow one another
        if (inflateReset(&stream_) != Z_OK) return Internal("zlib could not go on");
        at_end_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return DataLoss(path + ": damaged gzip data (" + (stream_.msg != nullptr ? stream_.msg : "no details") + ")");
      }
      at_end_ = code == Z_STREAM_END;
      BRAID_RETURN_IF_ERROR(use({out_.data(), out_.size() - stream_.avail_out}));
    }
    return OkStatus();
  }
  bool complete() const { return at_end_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool at_end_ = false;
  std::vector<char> out_ = std::vector<char>(kPiece);
};

class Unzstd {
 public:
  ~Unzstd() { ZSTD_freeDStream(stream_); }

  Status Feed(const std::string& path, std::string_view in, const Use& use) {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    while (input.pos < input.size) {
      ZSTD_outBuffer output{out_.data(), out_.size(), 0};
      const size_t code = ZSTD_decompressStream(stream_, &output, &input);
      if (ZSTD_isError(code)) return DataLoss(path + ": damaged zstd data (" + ZSTD_getErrorName(code) + ")");
      at_end_ = code == 0;
      BRAID_RETURN_IF_ERROR(use({out_.data(), output.pos}));
    }
    return OkStatus();
  }
  bool complete() const { return at_end_; }

 private:
  ZSTD_DStream* stream_ = ZSTD_createDStream();
  bool at_end_ = false;
  std::vector<char> out_ = std::vector<char>(kPiece);
};

template <typename Decoder>
Status Decompress(const std::string& path, const Use& use) {
  Decoder decoder;
  BRAID_RETURN_IF_ERROR(
      ReadFileInPieces(path, kPiece, [&](std::string_view piece) { return decoder.Feed(path, piece, use); }));
  if (!decoder.complete()) return DataLoss(path + " is cut short: the compressed data does not end");
  return OkStatus();
}

}  // namespace

Status ReadDecompressed(const std::string& path, const Use& use) {
  std::string head;
  Status status = ReadFileInPieces(path, 4, [&](std::string_view piece) {
    head = piece;
    return Cancelled("");
  });
  if (!status.ok() && status.code() != StatusCode::kCancelled) return status;
  if (head.starts_with("\x1F\x8B")) return Decompress<Gunzip>(path, use);
  if (head == "\x28\xB5\x2F\xFD") return Decompress<Unzstd>(path, use);
  return ReadFileInPieces(path, kPiece, use);
}

Status ReadLines(const std::string& path, const std::function<Status(std::string_view, int64_t)>& use) {
  std::string rest;
  int64_t number = 0;
  const auto emit = [&](std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return use(line, ++number);
  };
  const Status status = ReadDecompressed(path, [&](std::string_view piece) -> Status {
    for (size_t end; (end = piece.find('\n')) != std::string_view::npos; piece.remove_prefix(end + 1)) {
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
    if (rest.size() > kMaxLine) return InvalidArgument(path + ":" + std::to_string(number + 1) + ": the line is above 256 MiB");
    return OkStatus();
  });
  return !status.ok() || rest.empty() ? status : emit(rest);
}

}  // namespace braid::corpus
