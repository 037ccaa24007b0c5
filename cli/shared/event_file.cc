// An event file is a sequence of records: the length (8 bytes), its checksum, the data, its
// checksum; the data is a message tensorflow.Event. All numbers are little-endian. Both formats
// have not changed since 2015, and of the message five fields are needed, so they are written here.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/random.h"
#include "cli/shared/metric_file.h"

namespace braid::cli {
namespace {

template <typename T>
std::string LittleEndian(T value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// The parts of a message of protocol buffers.
std::string VarintOf(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string FieldKey(int field, int wire_type) {
  return VarintOf(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
}
std::string BytesField(int field, const std::string& bytes) {
  return FieldKey(field, 2) + VarintOf(bytes.size()) + bytes;
}

// message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary =
// 5; } message Summary { repeated Value value = 1; } message Value { string tag = 1; float
// simple_value = 2; }
std::string EventMessage(double wall_s, int64_t step, const std::string& rest) {
  return FieldKey(1, 1) + LittleEndian(std::bit_cast<uint64_t>(wall_s)) + FieldKey(2, 0) +
         VarintOf(static_cast<uint64_t>(step)) + rest;
}
std::string SummaryField(const MetricValues& values) {
  std::string summary;
  for (const auto& [name, value] : values) {
    summary += BytesField(1, BytesField(1, name) + FieldKey(2, 5) +
                                 LittleEndian(std::bit_cast<uint32_t>(static_cast<float>(value))));
  }
  return BytesField(5, summary);
}

std::string MaskedCrc(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return LittleEndian<uint32_t>((crc >> 15 | crc << 17) + 0xA282EAD8u);
}
std::string EventRecordOf(const std::string& data) {
  const std::string length = LittleEndian<uint64_t>(data.size());
  return length + MaskedCrc(length) + data + MaskedCrc(data);
}

double NowS() {
  return static_cast<double>(SystemClock().WallMs()) / 1000;
}

class EventFile final : public MetricFile {
 public:
  EventFile(const std::string& path, UniqueFd file) : MetricFile(path), file_(std::move(file)) {
    unwritten_ = EventRecordOf(EventMessage(NowS(), 0, BytesField(3, "brain.Event:2")));
  }

  Status Add(int64_t step, const MetricValues& values) override {
    if (!values.empty())
      unwritten_ += EventRecordOf(EventMessage(NowS(), step, SummaryField(values)));
    return OkStatus();
  }

  Status Flush() override {
    BRAID_RETURN_IF_ERROR(WriteAll(file_.get(), unwritten_, path()));
    unwritten_.clear();
    return OkStatus();
  }

 private:
  UniqueFd file_;
  std::string unwritten_;
};

std::array<uint32_t, 256> Crc32cTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
    table[i] = crc;
  }
  return table;
}

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = Crc32cTable();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

Result<std::unique_ptr<MetricFile>> MakeEventFile(const std::string& folder) {
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> there, ListFolder(folder));
  for (const std::string& name : there) {
    if (name.find("tfevents") != std::string::npos)
      return AlreadyExists(JoinPath(folder, name) +
                           " is there already, and TensorBoard would draw both: name another "
                           "folder with --out, or remove it");
  }
  const std::string path = JoinPath(
      folder, "events.out.tfevents." + std::to_string(static_cast<int64_t>(NowS())) + "." +
                  HostName() + "." + std::to_string(getpid()) + "." + RandomUuid().substr(0, 8));
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.valid()) return ErrnoStatus(errno, "making " + path);
  std::unique_ptr<MetricFile> made = std::make_unique<EventFile>(path, std::move(file));
  return made;
}

}  // namespace braid::cli
