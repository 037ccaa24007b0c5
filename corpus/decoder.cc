#include "corpus/decoder.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

#include "corpus/compression.h"

namespace braid::corpus {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

// The window of `zstd --long=31`, with which large dumps are packed. Reading such a file takes up
// to 2 GiB.
constexpr int kMaxWindowLog = 31;

using Use = std::function<Status(std::string_view)>;

class Gunzip final : public Decoder {
 public:
  Gunzip() { ready_ = inflateInit2(&stream_, 15 + 32) == Z_OK; }
  ~Gunzip() override { inflateEnd(&stream_); }

  Status Feed(const std::string& path, std::string_view in, const Use& use) override {
    if (!ready_) return Internal("zlib could not start");
    while (!in.empty()) {
      // Another member may follow, or zeros that fill up the last block of a tape.
      if (at_end_) {
        in.remove_prefix(std::min(in.find_first_not_of('\0'), in.size()));
        if (in.empty()) break;
        if (inflateReset(&stream_) != Z_OK) return Internal("zlib could not go on");
        at_end_ = false;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
      stream_.avail_in = static_cast<uInt>(in.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return DataLoss(path + ": damaged gzip data (" +
                        (stream_.msg != nullptr ? stream_.msg : "no details") + ")");
      }
      at_end_ = code == Z_STREAM_END;
      in.remove_prefix(in.size() - stream_.avail_in);
      BRAID_RETURN_IF_ERROR(use({out_.data(), out_.size() - stream_.avail_out}));
    }
    return OkStatus();
  }
  bool complete() const override { return at_end_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool at_end_ = false;
  std::vector<char> out_ = std::vector<char>(kPiece);
};

class Unzstd final : public Decoder {
 public:
  Unzstd() { ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxWindowLog); }
  ~Unzstd() override { ZSTD_freeDStream(stream_); }

  Status Feed(const std::string& path, std::string_view in, const Use& use) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    // A full output buffer may hide more output, although all of the input was taken.
    for (bool full = false; input.pos < input.size || full;) {
      ZSTD_outBuffer output{out_.data(), out_.size(), 0};
      const size_t before = input.pos, code = ZSTD_decompressStream(stream_, &output, &input);
      if (ZSTD_isError(code))
        return DataLoss(path + ": damaged zstd data (" + ZSTD_getErrorName(code) + ")");
      // When called again after the end of a frame, zstd returns the size of the next header
      // without having read a byte; the file is complete nevertheless.
      if (input.pos > before || output.pos > 0) at_end_ = code == 0;
      full = output.pos == output.size;
      BRAID_RETURN_IF_ERROR(use({out_.data(), output.pos}));
    }
    return OkStatus();
  }
  bool complete() const override { return at_end_; }

 private:
  ZSTD_DStream* stream_ = ZSTD_createDStream();
  bool at_end_ = false;
  std::vector<char> out_ = std::vector<char>(kPiece);
};

}  // namespace

std::unique_ptr<Decoder> DecoderFor(std::string_view head) {
  switch (CompressionOf(head)) {
    case Compression::kGzip:
      return std::make_unique<Gunzip>();
    case Compression::kZstd:
      return std::make_unique<Unzstd>();
    case Compression::kNone:
      break;
  }
  return std::make_unique<Decoder>();
}

Status CutShort(const std::string& path) {
  return DataLoss(path + " is cut short: the compressed data does not end");
}

}  // namespace braid::corpus
