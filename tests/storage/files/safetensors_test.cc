#include "storage/files/safetensors.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <cstring>
#include <thread>

#include "base/json.h"
#include "tests/base/mutations.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& header, const std::string& data) {
    uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), 8);
    EXPECT_TRUE(WriteFileAtomic(path_, bytes + header + data).ok());
    return path_;
  }
  std::string Refusal(const std::string& header, const std::string& data) {
    const auto file = SafetensorsFile::Open(Write(header, data));
    return file.ok() ? "accepted" : file.status().message();
  }
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::string path_ = folder_.path() + "/x.safetensors";
};

TEST_F(SafetensorsTest, RefusesWhatTheFormatForbids) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(Refusal(good, "12345678"), "accepted");
  EXPECT_THAT(Refusal(good, "1234567"),
              HasSubstr("is cut short: tensors need 8 bytes of data, the file has 7"));
  EXPECT_THAT(Refusal(good, "123456789"), HasSubstr("1 bytes behind the last tensor"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678"),
              HasSubstr("tensor a: data_offsets hold 8 bytes, dtype and shape need 12"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", "12345678"),
              HasSubstr("tensor a: dtype F99"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "12345678"),
              HasSubstr("run backwards"));
  EXPECT_THAT(
      Refusal(
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
          "abc"),
      HasSubstr("tensors overlap"));
  EXPECT_THAT(
      Refusal(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
          "abc"),
      HasSubstr("there is a hole"));
  EXPECT_THAT(
      Refusal(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          "a"),
      HasSubstr("\"a\" appears twice"));
  EXPECT_THAT(
      Refusal(R"({"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}})",
              "12345678"),
      HasSubstr("overflows"));
  EXPECT_THAT(Refusal(R"({"__metadata__":{"x":1}})", ""), HasSubstr("__metadata__.x is not text"));
  EXPECT_THAT(Refusal(R"({"__metadata__":)", ""), HasSubstr("is not valid JSON"));
}

TEST_F(SafetensorsTest, NoValueOfAnyTypeThrows) {
  const Json header = Json::parse(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":["U8",[2,1],[8,10]]})");
  ASSERT_EQ(Refusal(header.dump(), "1234567890"), "accepted");
  ForEachMutation(header, [&](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)Refusal(mutated.dump(), "1234567890")) << what;
  });
}

TEST_F(SafetensorsTest, ShortAndHugeHeaders) {
  ASSERT_TRUE(WriteFileAtomic(path_, "1234").ok());
  EXPECT_THAT(SafetensorsFile::Open(path_).status().message(), HasSubstr("is cut short"));
  const uint64_t huge = uint64_t{1} << 40;
  ASSERT_TRUE(WriteFileAtomic(path_, {reinterpret_cast<const char*>(&huge), 8}).ok());
  EXPECT_THAT(SafetensorsFile::Open(path_).status().message(), HasSubstr("is no safetensors file"));
  const uint64_t past = 100;
  ASSERT_TRUE(WriteFileAtomic(path_, {reinterpret_cast<const char*>(&past), 8}).ok());
  EXPECT_THAT(SafetensorsFile::Open(path_).status().message(), HasSubstr("ends inside the header"));
}

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  EXPECT_TRUE(rc::check("any tensors, in pieces, come back", [this] {
    const auto shapes = *rc::gen::container<std::vector<std::vector<uint8_t>>>(
        rc::gen::container<std::vector<uint8_t>>(rc::gen::inRange<uint8_t>(0, 5)));
    std::vector<SafetensorsWriter::Tensor> tensors;
    std::map<std::string, std::vector<float>> values;
    for (size_t i = 0; i < shapes.size(); ++i) {
      std::vector<int64_t> shape(
          shapes[i].begin(),
          shapes[i].begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(3, shapes[i].size())));
      int64_t count = 1;
      for (int64_t extent : shape) count *= extent;
      const std::string name = "t" + std::to_string(i);
      tensors.push_back({name, "F32", shape});
      for (int64_t k = 0; k < count; ++k)
        values[name].push_back(static_cast<float>(k) + static_cast<float>(i) / 8);
      values[name];
    }
    auto writer = SafetensorsWriter::Create(path_, tensors);
    RC_ASSERT(writer.ok());
    for (const auto& tensor : tensors) {
      const auto& v = values[tensor.name];
      const size_t cut = v.size() / 2;
      RC_ASSERT((*writer)->Append(tensor.name, v.data(), cut * 4).ok());
      RC_ASSERT((*writer)->Append(tensor.name, v.data() + cut, (v.size() - cut) * 4).ok());
    }
    RC_ASSERT((*writer)->Finish().ok());
    const auto file = SafetensorsFile::Open(path_);
    RC_ASSERT(file.ok());
    RC_ASSERT(file->tensors().size() == tensors.size());
    for (const auto& tensor : tensors) {
      const auto floats = file->Floats(tensor.name, tensor.shape);
      RC_ASSERT(floats.ok());
      const auto& v = values[tensor.name];
      // RC_ASSERT evaluates both sides of an `||`, and an empty vector may have no data.
      const bool equal = v.empty() || std::memcmp(*floats, v.data(), v.size() * 4) == 0;
      RC_ASSERT(equal);
    }
  }));
}

// In any order, by several threads, with zeros that need no memory.
TEST_F(SafetensorsTest, ThreadsWritePartsOfTensors) {
  constexpr uint64_t kFloats = 1000, kPart = 50 * sizeof(float);
  std::vector<float> values(kFloats);
  for (size_t i = 0; i < kFloats; ++i) values[i] = i < 500 ? static_cast<float>(i) : 0.0f;
  auto writer = SafetensorsWriter::Create(path_, {{"a", "F32", {1000}}, {"b", "F32", {1000}}});
  ASSERT_TRUE(writer.ok());
  std::vector<std::thread> threads;
  for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{2}}) {
    threads.emplace_back([&, first] {
      for (uint64_t part = 20; part-- > 0;) {
        if (part % 3 != first) continue;
        const uint64_t at = part * kPart;
        const char* data = part < 10 ? reinterpret_cast<const char*>(values.data()) + at : nullptr;
        EXPECT_TRUE((*writer)->Write("a", at, data, kPart).ok());
        EXPECT_TRUE((*writer)->Write("b", at, data, kPart).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT((*writer)->Write("a", 3998, values.data(), 4).message(),
              HasSubstr("more bytes than tensor a has"));
  EXPECT_THAT((*writer)->Write("a", UINT64_MAX, values.data(), 4).message(),
              HasSubstr("more bytes than tensor a has"));
  EXPECT_THAT((*writer)->Write("c", 0, values.data(), 4).message(),
              HasSubstr("tensor c was not declared"));
  ASSERT_TRUE((*writer)->Finish().ok());
  const auto file = SafetensorsFile::Open(path_).value();
  for (const char* name : {"a", "b"}) {
    const float* read = file.Floats(name, {1000}).value();
    EXPECT_TRUE(std::equal(values.begin(), values.end(), read)) << name;
  }
}

TEST_F(SafetensorsTest, AFileWithAPartLeftOutIsNotFinished) {
  const std::vector<float> values(8);
  auto writer = SafetensorsWriter::Create(path_, {{"a", "F32", {8}}});
  ASSERT_TRUE((*writer)->Write("a", 16, values.data(), 16).ok());
  EXPECT_THAT((*writer)->Finish().message(), HasSubstr("tensor a is not complete"));
}

TEST_F(SafetensorsTest, AnAbandonedOrUnfinishedFileLeavesNothing) {
  {
    auto writer = SafetensorsWriter::Create(path_, {{"a", "F32", {2}}});
    ASSERT_TRUE(writer.ok());
    const float one = 1;
    ASSERT_TRUE((*writer)->Append("a", &one, 4).ok());
    EXPECT_THAT((*writer)->Finish().message(), HasSubstr("tensor a is not complete"));
    EXPECT_THAT((*writer)->Append("b", &one, 4).message(), HasSubstr("tensor b was not declared"));
    const float three[3] = {};
    EXPECT_THAT((*writer)->Append("a", three, 12).message(),
                HasSubstr("more bytes than tensor a has"));
  }
  EXPECT_TRUE(ListFolder(folder_.path())->empty());
}

TEST_F(SafetensorsTest, FloatsChecksNameTypeAndShape) {
  Write(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678");
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(file->Floats("b", {2}).status().message(), HasSubstr("tensor b is missing"));
  EXPECT_THAT(file->Floats("a", {3}).status().message(),
              HasSubstr("tensor a is F32 [2], expected F32 [3]"));
}

}  // namespace
}  // namespace braid::storage
