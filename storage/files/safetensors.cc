#include "storage/files/safetensors.h"

#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "base/text.h"

namespace braid::storage {
namespace {

// The bound of the reference implementation.
constexpr uint64_t kMaxHeader = 100'000'000;

// All types that the format has. Files may hold any of them; braid computes with F32 and converts
// F16 and BF16 on import.
struct Dtype {
  const char* name;
  uint64_t bits;
};
constexpr Dtype kDtypes[] = {{"BOOL", 8},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6},
                             {"U8", 8},      {"I8", 8},          {"F8_E5M2", 8},     {"F8_E4M3", 8},
                             {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
                             {"U16", 16},    {"F16", 16},        {"BF16", 16},       {"I32", 32},
                             {"U32", 32},    {"F32", 32},        {"C64", 64},        {"F64", 64},
                             {"I64", 64},    {"U64", 64}};

Result<uint64_t> DtypeBits(std::string_view dtype) {
  for (const Dtype& known : kDtypes) {
    if (dtype == known.name) return known.bits;
  }
  return InvalidArgument("dtype " + std::string(dtype) + " is not known");
}

// False if the product does not fit. Files come from anywhere: their shapes may be made to
// overflow.
bool Multiply(uint64_t a, uint64_t b, uint64_t* product) {
  return !__builtin_mul_overflow(a, b, product);
}

// The fields of a header entry. The reference implementation (serde) also accepts them as a list in
// this order, and a dtype as {"F32": null}.
struct EntryFields {
  Json dtype, shape, offsets;
};

EntryFields FieldsOf(const Json& json) {
  EntryFields fields;
  if (json.is_array() && json.size() == 3) {
    fields = {json[0], json[1], json[2]};
  } else if (json.is_object()) {
    fields = {json.value("dtype", Json()), json.value("shape", Json()),
              json.value("data_offsets", Json())};
  }
  if (fields.dtype.is_object() && fields.dtype.size() == 1 && fields.dtype.front().is_null()) {
    fields.dtype = fields.dtype.begin().key();
  }
  return fields;
}

// One "name": {"dtype", "shape", "data_offsets"} of the header.
Result<TensorEntry> ReadEntry(const std::string& path, const std::string& name, const Json& json) {
  const auto fail = [&](const std::string& message) {
    return InvalidArgument(path + ": tensor " + name + ": " + message);
  };
  if (!json.is_object() && !json.is_array()) return fail("its header entry is not an object");
  const EntryFields fields = FieldsOf(json);
  TensorEntry entry;
  entry.name = name;
  if (!fields.dtype.is_string()) return fail("dtype is missing");
  entry.dtype = fields.dtype.get<std::string>();
  const auto width = DtypeBits(entry.dtype);
  if (!width.ok()) return fail(width.status().message());
  if (!fields.shape.is_array()) return fail("shape is missing");
  uint64_t bits = 0;
  uint64_t elements = 1;
  for (const Json& extent : fields.shape) {
    if (!extent.is_number_unsigned())
      return fail("shape holds something that is not a whole number");
    const uint64_t value = extent.get<uint64_t>();
    if (value > INT64_MAX || !Multiply(elements, value, &elements))
      return fail("its size overflows");
    entry.shape.push_back(static_cast<int64_t>(value));
  }
  if (!Multiply(elements, *width, &bits)) return fail("its size overflows");
  if (bits % 8 != 0) return fail("its elements do not fill whole bytes");
  const Json& offsets = fields.offsets;
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return fail("data_offsets must be two whole numbers");
  }
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  if (entry.end < entry.begin) return fail("data_offsets run backwards");
  if (entry.bytes() != bits / 8) {
    return fail(Format("data_offsets hold %llu bytes, dtype and shape need %llu",
                       (unsigned long long)entry.bytes(), (unsigned long long)(bits / 8)));
  }
  return entry;
}

Status ReadMetadata(const std::string& path, const Json& json,
                    std::map<std::string, std::string>* metadata) {
  if (json.is_null()) return OkStatus();
  if (!json.is_object()) return InvalidArgument(path + ": __metadata__ is not an object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return InvalidArgument(path + ": __metadata__." + key + " is not text");
    (*metadata)[key] = value.get<std::string>();
  }
  return OkStatus();
}

// The format allows no holes, no overlaps and no bytes after the last tensor: hidden data and
// aliased tensors would survive a copy unnoticed.
Status CheckLayout(const std::string& path, const std::vector<TensorEntry>& sorted,
                   uint64_t data_bytes) {
  uint64_t at = 0;
  for (const TensorEntry& entry : sorted) {
    if (entry.begin != at) {
      return InvalidArgument(
          Format("%s: tensor %s begins at byte %llu of the data, expected %llu (%s)", path.c_str(),
                 entry.name.c_str(), (unsigned long long)entry.begin, (unsigned long long)at,
                 entry.begin < at ? "tensors overlap" : "there is a hole"));
    }
    at = entry.end;
  }
  if (at == data_bytes) return OkStatus();
  if (at > data_bytes) {
    return DataLoss(Format("%s is cut short: tensors need %llu bytes of data, the file has %llu",
                           path.c_str(), (unsigned long long)at, (unsigned long long)data_bytes));
  }
  return InvalidArgument(Format("%s: %llu bytes behind the last tensor belong to none",
                                path.c_str(), (unsigned long long)(data_bytes - at)));
}

}  // namespace

int64_t TensorEntry::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

Result<uint64_t> DtypeBytes(std::string_view dtype) {
  BRAID_ASSIGN_OR_RETURN(const uint64_t bits, DtypeBits(dtype));
  if (bits % 8 != 0)
    return InvalidArgument("dtype " + std::string(dtype) + " does not fill whole bytes");
  return bits / 8;
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(MappedFile map, MappedFile::Open(path));
  if (map.size() < 8)
    return DataLoss(path + " is cut short: not even the header's length is there");
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, map.data(), 8);
  if (header_bytes > kMaxHeader) {
    return InvalidArgument(path + " is no safetensors file: its header would be " +
                           FormatBytes(header_bytes) + " long");
  }
  if (header_bytes > map.size() - 8)
    return DataLoss(path + " is cut short: it ends inside the header");
  const std::string_view text = map.view().substr(8, header_bytes);
  // White space before the brace is allowed, a byte order mark is not. A zero byte would end the
  // input of our parser early and hide the rest of the header.
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || text[start] != '{') {
    return InvalidArgument(path + ": the header does not begin with {");
  }
  if (text.find('\0') != std::string_view::npos)
    return InvalidArgument(path + ": the header holds a zero byte");
  BRAID_ASSIGN_OR_RETURN(const Json header, ParseJson(text, path + ": the header"));
  SafetensorsFile file(path, std::move(map));
  file.data_begin_ = 8 + header_bytes;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      BRAID_RETURN_IF_ERROR(ReadMetadata(path, value, &file.metadata_));
      continue;
    }
    BRAID_ASSIGN_OR_RETURN(TensorEntry entry, ReadEntry(path, name, value));
    file.tensors_.push_back(std::move(entry));
  }
  std::sort(file.tensors_.begin(), file.tensors_.end(),
            [](const TensorEntry& a, const TensorEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  BRAID_RETURN_IF_ERROR(CheckLayout(path, file.tensors_, file.map_.size() - file.data_begin_));
  for (size_t i = 0; i < file.tensors_.size(); ++i) file.by_name_[file.tensors_[i].name] = i;
  return file;
}

const TensorEntry* SafetensorsFile::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

std::string_view SafetensorsFile::Data(const TensorEntry& entry) const {
  return map_.view().substr(data_begin_ + entry.begin, entry.bytes());
}

Result<const float*> SafetensorsFile::Floats(std::string_view name,
                                             const std::vector<int64_t>& shape) const {
  const TensorEntry* entry = Find(name);
  if (entry == nullptr) return NotFound(path_ + ": tensor " + std::string(name) + " is missing");
  if (entry->dtype != "F32" || entry->shape != shape) {
    return InvalidArgument(path_ + ": tensor " + std::string(name) + " is " + entry->dtype + " " +
                           Json(entry->shape).dump() + ", expected F32 " + Json(shape).dump());
  }
  const char* data = Data(*entry).data();
  // Reading a misaligned float is undefined behaviour. The reference writes aligned files, but does
  // not require them.
  if (reinterpret_cast<uintptr_t>(data) % alignof(float) != 0) {
    return InvalidArgument(path_ + ": tensor " + std::string(name) +
                           " is not aligned; write the file again with padding");
  }
  return reinterpret_cast<const float*>(data);
}

}  // namespace braid::storage
