#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/json.h"
#include "base/text.h"
#include "storage/files/safetensors.h"

namespace braid::storage {

struct SafetensorsWriter::Open {
  std::string path;
  std::string temporary;
  UniqueFd fd;
  uint64_t data_begin = 0;
  // Where a tensor's bytes are in the data section, and how many have been written.
  struct Place {
    uint64_t begin = 0;
    uint64_t size = 0;
    std::atomic<uint64_t> written = 0;
  };
  std::map<std::string, Place, std::less<>> places;

  // kNotFound if the tensor was not declared.
  Result<Place*> Find(std::string_view tensor);
  Status TooMany(std::string_view tensor) const {
    return OutOfRange(path + ": more bytes than tensor " + std::string(tensor) + " has");
  }
};

namespace {

Status WriteAt(int fd, uint64_t offset, const char* data, uint64_t bytes, const std::string& path) {
  while (bytes > 0) {
    const ssize_t n = pwrite(fd, data, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "writing " + path);
    data += n;
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<uint64_t>(n);
  }
  return OkStatus();
}

}  // namespace

Result<SafetensorsWriter::Open::Place*> SafetensorsWriter::Open::Find(std::string_view tensor) {
  const auto found = places.find(tensor);
  if (found == places.end())
    return NotFound(path + ": tensor " + std::string(tensor) + " was not declared");
  return &found->second;
}

SafetensorsWriter::SafetensorsWriter(std::unique_ptr<Open> open) : open_(std::move(open)) {}

SafetensorsWriter::~SafetensorsWriter() {
  if (open_ != nullptr && open_->fd.valid()) unlink(open_->temporary.c_str());
}

Result<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::Create(
    const std::string& path, std::vector<Tensor> tensors,
    std::map<std::string, std::string> metadata) {
  auto open = std::make_unique<Open>();
  open->path = path;
  open->temporary = path + ".tmp." + std::to_string(getpid());
  std::vector<std::pair<uint64_t, const Tensor*>> order;
  for (const Tensor& tensor : tensors) {
    BRAID_ASSIGN_OR_RETURN(const uint64_t width, DtypeBytes(tensor.dtype));
    order.emplace_back(width, &tensor);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second->name < b.second->name;
  });
  metadata.emplace("format", "pt");
  // Keeps the order of insertion, which for this header is the order of the bytes.
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  uint64_t at = 0;
  for (const auto& [width, tensor] : order) {
    uint64_t bytes = width;
    for (int64_t extent : tensor->shape) bytes *= static_cast<uint64_t>(extent);
    const auto [place, fresh] = open->places.try_emplace(tensor->name);
    if (!fresh) return InvalidArgument(path + ": tensor " + tensor->name + " would appear twice");
    place->second.begin = at;
    place->second.size = bytes;
    header[tensor->name] = {
        {"dtype", tensor->dtype}, {"shape", tensor->shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::string text = header.dump();
  // Aligns the data section, so that readers can map tensors in place.
  text.append((8 - text.size() % 8) % 8, ' ');
  uint64_t length = text.size();
  std::string head(reinterpret_cast<const char*>(&length), 8);
  head += text;
  open->data_begin = head.size();
  open->fd.Reset(::open(open->temporary.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644));
  if (!open->fd.valid()) return ErrnoStatus(errno, "creating " + open->temporary);
  auto writer = std::unique_ptr<SafetensorsWriter>(new SafetensorsWriter(std::move(open)));
  BRAID_RETURN_IF_ERROR(WriteAt(writer->open_->fd.get(), 0, head.data(), head.size(), path));
  // Reserves the whole size: a full disk is found now and not after an hour of writing. Other
  // errors, such as a file system without support, are ignored, since the writes that follow report
  // real ones.
  if (const int error = posix_fallocate(
          writer->open_->fd.get(), 0, static_cast<off_t>(head.size() + std::max<uint64_t>(at, 1)));
      error == ENOSPC || error == EFBIG) {
    return ErrnoStatus(error, "reserving " + FormatBytes(at) + " for " + path);
  }
  // posix_fallocate may have reserved one byte too many (for an empty data section), or nothing at
  // all.
  if (ftruncate(writer->open_->fd.get(), static_cast<off_t>(head.size() + at)) != 0) {
    return ErrnoStatus(errno, "sizing " + path);
  }
  return writer;
}

Status SafetensorsWriter::Append(std::string_view tensor, const void* data, uint64_t bytes) {
  BRAID_ASSIGN_OR_RETURN(Open::Place * place, open_->Find(tensor));
  if (bytes > place->size - place->written) return open_->TooMany(tensor);
  BRAID_RETURN_IF_ERROR(WriteAt(open_->fd.get(), open_->data_begin + place->begin + place->written,
                                static_cast<const char*>(data), bytes, open_->path));
  place->written += bytes;
  return OkStatus();
}

Status SafetensorsWriter::Write(std::string_view tensor, uint64_t offset, const void* data,
                                uint64_t bytes) {
  BRAID_ASSIGN_OR_RETURN(Open::Place * place, open_->Find(tensor));
  if (offset > place->size || bytes > place->size - offset) return open_->TooMany(tensor);
  // Zeros are there already: Create has given the file its size.
  if (data != nullptr) {
    const uint64_t at = open_->data_begin + place->begin + offset;
    BRAID_RETURN_IF_ERROR(
        WriteAt(open_->fd.get(), at, static_cast<const char*>(data), bytes, open_->path));
    // Finish waits less. It reports what goes wrong on the disk.
    (void)sync_file_range(open_->fd.get(), static_cast<off64_t>(at), static_cast<off64_t>(bytes),
                          SYNC_FILE_RANGE_WRITE);
  }
  place->written += bytes;
  return OkStatus();
}

Status SafetensorsWriter::Finish() {
  for (const auto& [name, place] : open_->places) {
    if (place.written != place.size)
      return FailedPrecondition(open_->path + ": tensor " + name + " is not complete");
  }
  if (fsync(open_->fd.get()) != 0) return ErrnoStatus(errno, "syncing " + open_->temporary);
  BRAID_RETURN_IF_ERROR(Rename(open_->temporary, open_->path));
  open_->fd.Reset();
  return SyncFolder(std::string(FolderOf(open_->path)));
}

}  // namespace braid::storage
