// Reading and writing safetensors files (https://github.com/huggingface/safetensors): accepts and
// refuses what the reference implementation does, and refuses duplicate keys as the format says.
// docs/formats.md has the details.
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

struct TensorEntry {
  std::string name;
  std::string dtype;  // "F32", "BF16", "I64", ...: the format's names
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // bytes from the start of the data section
  uint64_t end = 0;

  int64_t elements() const;
  uint64_t bytes() const { return end - begin; }
};

// Bytes of one element ("F32" -> 4). kInvalidArgument for an unknown dtype, or one below a byte
// (readable, not written).
Result<uint64_t> DtypeBytes(std::string_view dtype);

// A file, memory-mapped; tensor data is read in place. Thread-safe after Open.
class SafetensorsFile {
 public:
  // The whole header is checked: every error names the file and, where there is one, the tensor.
  static Result<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<TensorEntry>& tensors() const { return tensors_; }  // in order of offset
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const TensorEntry* Find(std::string_view name) const;
  // The bytes of a tensor, as long as this object lives.
  std::string_view Data(const TensorEntry& entry) const;
  // The tensor as float32. kInvalidArgument unless dtype is F32 and the shape is `shape`.
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

// Writes a file piece by piece with constant memory. The layout is fixed by Create; data may come
// in any order of tensors, each in order of its bytes. The file appears under its name only at
// Finish (temporary file, fsync, rename); an abandoned writer leaves nothing.
class SafetensorsWriter {
 public:
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
  };
  // Lays the tensors out as the reference does (largest element type first, then by name), the
  // header padded to 8 bytes, with metadata {"format": "pt"} plus `metadata`.
  static Result<std::unique_ptr<SafetensorsWriter>> Create(
      const std::string& path, std::vector<Tensor> tensors,
      std::map<std::string, std::string> metadata = {});
  ~SafetensorsWriter();

  // Appends to what was written of that tensor. More bytes than the tensor has are an error.
  Status Append(std::string_view tensor, const void* data, uint64_t bytes);
  // kFailedPrecondition, naming it, if a tensor is not complete.
  Status Finish();

 private:
  struct Open;
  explicit SafetensorsWriter(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

}  // namespace braid::storage
