#include "worker/io/growing_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace braid::worker {
namespace {

// Bounds a message, and what is sent again after a lost connection.
constexpr size_t kPieceBytes = size_t{256} << 10;

}  // namespace

Status AppendLines(const std::string& path, std::string_view lines) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  const off_t end = lseek(fd.get(), 0, SEEK_END);
  const Status written = WriteAll(fd.get(), lines, path);
  if (!written.ok()) (void)!ftruncate(fd.get(), end);  // half a line would spoil the next one
  return written;
}

Result<PieceSent> TrySendPiece(CoordinatorLink& link, const SendPiece& piece,
                               const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return PieceSent{piece.offset, true};
  std::string data(kPieceBytes, '\0');
  const ssize_t n = pread(fd.get(), data.data(), data.size(), piece.offset);
  if (n < 0) return ErrnoStatus(errno, "reading " + path);
  if (n == 0) return PieceSent{piece.offset, true};
  data.resize(static_cast<size_t>(n));
  Result<int64_t> offset = piece.file == GrowingFile::kLog
                               ? link.AppendLog(piece.key, piece.offset, data)
                               : link.AppendMetrics(piece.key, piece.offset, data);
  if (!offset.ok()) return offset.status();
  return PieceSent{*offset, false};
}

}  // namespace braid::worker
