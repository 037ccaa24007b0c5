// The row of transfers: blobs of random bytes, which nothing can compress.
#include <algorithm>
#include <memory>
#include <string_view>
#include <thread>

#include "base/random.h"
#include "base/sha256.h"
#include "bench/service/rows.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "rpc/channel.h"

namespace braid::bench {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

struct Blob {
  std::string bytes;
  std::string sha256;
};

Blob MakeBlob(size_t bytes) {
  Blob blob;
  blob.bytes.resize(bytes);
  uint64_t state = std::hash<std::string>()(RandomUuid()) | 1;
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    std::copy_n(reinterpret_cast<const char*>(&state), 8, blob.bytes.data() + i);
  }
  blob.sha256 = Sha256Hex(blob.bytes);
  return blob;
}

void Upload(v1::Artifacts::Stub& stub, const Blob& blob) {
  grpc::ClientContext context;
  v1::QueryUploadResponse answer;
  const auto stream = stub.UploadBlob(&context, &answer);
  for (size_t at = 0; at < blob.bytes.size(); at += kPieceBytes) {
    v1::UploadBlobRequest piece;
    if (at == 0) {
      piece.set_sha256(blob.sha256);
      piece.set_size(blob.bytes.size());
    }
    piece.set_data(blob.bytes.substr(at, kPieceBytes));
    if (!stream->Write(piece)) break;
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (!status.ok() || !answer.complete()) Fail("an upload failed: " + status.error_message());
}

void Download(v1::Artifacts::Stub& stub, const Blob& blob) {
  grpc::ClientContext context;
  v1::DownloadBlobRequest request;
  request.set_sha256(blob.sha256);
  const auto stream = stub.DownloadBlob(&context, request);
  v1::DownloadBlobResponse piece;
  Sha256 hash;
  while (stream->Read(&piece)) hash.Update(piece.data());
  if (!stream->Finish().ok() || hash.HexDigest() != blob.sha256) Fail("a download failed");
}

// Millions of bytes a second, each blob by a thread and a connection of its own.
double RateOf(const Coordinator& coordinator, const std::vector<Blob>& blobs,
              void (*move)(v1::Artifacts::Stub&, const Blob&)) {
  const auto begin = SteadyClock::now();
  std::vector<std::thread> threads;
  size_t bytes = 0;
  for (const Blob& blob : blobs) {
    bytes += blob.bytes.size();
    threads.emplace_back([&] {
      const auto stub = v1::Artifacts::NewStub(rpc::MakeChannel(coordinator.endpoint()));
      move(*stub, blob);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(bytes) / 1e6 / Since(begin);
}

}  // namespace

void MeasureTransfer(const Coordinator& coordinator, const Settings& settings, Rows* rows) {
  const size_t bytes = static_cast<size_t>(settings.transfer_mb) << 20;
  std::vector<Blob> one, four;
  one.push_back(MakeBlob(bytes));
  for (int i = 0; i < 4; ++i) four.push_back(MakeBlob(bytes / 4));
  Row row{"transfer", 0, {}};
  row.values["up_mb_s"] = RateOf(coordinator, one, Upload);
  row.values["up_4_mb_s"] = RateOf(coordinator, four, Upload);
  row.values["down_mb_s"] = RateOf(coordinator, one, Download);
  rows->Add(std::move(row));
}

}  // namespace braid::bench
