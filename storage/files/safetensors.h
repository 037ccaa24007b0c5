// Reading and writing of safetensors files (https://github.com/huggingface/safetensors). Files are
// accepted and refused as the reference implementation does it; duplicate keys are refused too, as
// the format demands. docs/formats.md has the details.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace braid::storage {

// One tensor of a file's header.
struct TensorEntry {
  std::string name;
  // The format's name of the element type: "F32", "BF16", "I64", ...
  std::string dtype;
  std::vector<int64_t> shape;
  // Byte offsets within the data section: the first byte, and the one after the last.
  uint64_t begin = 0;
  uint64_t end = 0;

  // The product of the shape's extents; 1 for a scalar.
  int64_t elements() const;
  uint64_t bytes() const { return end - begin; }
};

// The size in bytes of one element ("F32" gives 4). kInvalidArgument for an unknown dtype and for
// one that does not fill whole bytes; such tensors can be read and not written.
Result<uint64_t> DtypeBytes(std::string_view dtype);

// A memory-mapped file; tensor data is read in place. Immutable after Open, hence thread-safe.
class SafetensorsFile {
 public:
  // Maps the file and checks its whole header: no holes, overlaps or overflow. Errors name the file
  // and the tensor.
  static Result<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  // In the order of their offsets.
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  // The header's "__metadata__"; empty if it has none.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // The tensor of this name; null if there is none.
  const TensorEntry* Find(std::string_view name) const;
  // The bytes of a tensor; valid as long as this object lives.
  std::string_view Data(const TensorEntry& entry) const;
  // The elements of a tensor in row-major order; valid as long as this object lives. kNotFound if
  // there is no such tensor; kInvalidArgument unless its dtype is F32 and its shape is `shape`.
  Result<const float*> Floats(std::string_view name, const std::vector<int64_t>& shape) const;

 private:
  SafetensorsFile(std::string path, MappedFile map)
      : path_(std::move(path)), map_(std::move(map)) {}
  std::string path_;
  MappedFile map_;
  uint64_t data_begin_ = 0;
  std::vector<TensorEntry> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

// Writes a file piece by piece in constant memory. Create fixes the layout. Data may then arrive in
// any order of tensors: within a tensor in the order of its bytes (Append), or in any order
// (Write). The file appears under its name only at Finish (temporary file, fsync, rename); a writer
// that is destroyed before leaves nothing behind. Only Write is thread-safe.
class SafetensorsWriter {
 public:
  // The name, dtype ("F32") and shape of a tensor to be written.
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
  };
  // Lays the tensors out as the reference implementation does: largest element type first, then by
  // name; the header is padded to a multiple of 8 bytes. The metadata is {"format": "pt"} and
  // `metadata`. The whole size is reserved on the disk: a full disk is an error here already.
  static Result<std::unique_ptr<SafetensorsWriter>> Create(
      const std::string& path, std::vector<Tensor> tensors,
      std::map<std::string, std::string> metadata = {});
  ~SafetensorsWriter();

  // Appends `bytes` bytes at `data` to what was written of the tensor. kOutOfRange for more bytes
  // than the tensor has, kNotFound for a tensor that was not declared.
  Status Append(std::string_view tensor, const void* data, uint64_t bytes);
  // Writes `bytes` bytes at `data`, or as many zeros if it is null, as the bytes of the tensor from
  // `offset` on, and lets the disk begin with them. May be called by several threads at a time.
  // REQUIRES: no byte of a tensor is written twice, and Append is not called for the same tensor.
  // Errors as of Append.
  Status Write(std::string_view tensor, uint64_t offset, const void* data, uint64_t bytes);
  // Makes the file durable and gives it its name. kFailedPrecondition, naming it, if a tensor is
  // not complete.
  Status Finish();

 private:
  struct Open;
  explicit SafetensorsWriter(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

}  // namespace braid::storage
