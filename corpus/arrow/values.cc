#include "corpus/arrow/values.h"

#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/type_traits.h>
#include <arrow/visit_array_inline.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/utf8.h"
#include "corpus/columnar_plugin.h"

namespace braid::corpus {
namespace {

// What JSON has no value for, in the words of messages.
Json Described(std::string_view text) {
  return Json::binary({text.begin(), text.end()});
}

Json TextOf(std::string_view bytes) {
  // Before it is copied for the first time.
  if (bytes.size() > kMostText)
    return Described(std::to_string(bytes.size()) + " bytes, more than the 256 MiB of a document");
  if (IsUtf8(bytes)) return std::string(bytes);
  return Described(std::to_string(bytes.size()) + " bytes that are not UTF-8");
}

// Unsigned where it can be, as the JSON library reads whole numbers.
template <typename Integer>
Json NumberOf(Integer value) {
  if (std::is_signed_v<Integer> && value < 0) return static_cast<int64_t>(value);
  return static_cast<uint64_t>(value);
}

arrow::Result<Json> ListOf(const arrow::Array& values, int64_t begin, int64_t length) {
  Json list = Json::array();
  for (int64_t i = 0; i < length; ++i) {
    ARROW_ASSIGN_OR_RAISE(Json value, ValueOf(values, begin + i));
    list.push_back(std::move(value));
  }
  return list;
}

arrow::Result<Json> StructOf(const arrow::StructArray& array, int64_t i) {
  Json object = Json::object();
  for (int field = 0; field < array.num_fields(); ++field) {
    ARROW_ASSIGN_OR_RAISE(object[array.type()->field(field)->name()],
                          ValueOf(*array.field(field), i));
  }
  return object;
}

// Libparquet does not check the indices that it takes from a file.
arrow::Result<Json> EntryOf(const arrow::DictionaryArray& array, int64_t i) {
  const int64_t index = array.GetValueIndex(i), entries = array.dictionary()->length();
  if (index < 0 || index >= entries) {
    return arrow::Status::IndexError("an index of ", index, " into a dictionary of ", entries,
                                     " entries");
  }
  return ValueOf(*array.dictionary(), index);
}

Json DescriptionOf(const arrow::Array& array, int64_t i) {
  const auto scalar = array.GetScalar(i);
  return Described(array.type()->ToString() + " " +
                   (scalar.ok() ? (*scalar)->ToString() : scalar.status().message()));
}

struct Converter {
  int64_t at = 0;
  Json value;

  template <typename Array>
  arrow::Status Visit(const Array& array) {
    using Type = typename Array::TypeClass;
    if constexpr (std::is_same_v<Type, arrow::BooleanType>) {
      value = array.Value(at);
    } else if constexpr (std::is_same_v<Type, arrow::HalfFloatType>) {
      value = DescriptionOf(array, at);
    } else if constexpr (arrow::is_floating_type<Type>::value) {
      value = static_cast<double>(array.Value(at));
    } else if constexpr (arrow::is_integer_type<Type>::value) {
      value = NumberOf(array.Value(at));
    } else if constexpr (arrow::is_base_binary_type<Type>::value ||
                         arrow::is_binary_view_like_type<Type>::value ||
                         std::is_same_v<Type, arrow::FixedSizeBinaryType>) {
      value = TextOf(array.GetView(at));
    } else if constexpr (arrow::is_var_length_list_type<Type>::value ||
                         arrow::is_list_view_type<Type>::value ||
                         std::is_same_v<Type, arrow::FixedSizeListType>) {
      ARROW_ASSIGN_OR_RAISE(
          value, ListOf(*array.values(), array.value_offset(at), array.value_length(at)));
    } else if constexpr (std::is_same_v<Type, arrow::StructType>) {
      ARROW_ASSIGN_OR_RAISE(value, StructOf(array, at));
    } else if constexpr (std::is_same_v<Type, arrow::DictionaryType>) {
      ARROW_ASSIGN_OR_RAISE(value, EntryOf(array, at));
    } else if constexpr (std::is_same_v<Type, arrow::RunEndEncodedType>) {
      ARROW_ASSIGN_OR_RAISE(const auto run, array.GetScalar(at));
      const auto& inside = static_cast<const arrow::RunEndEncodedScalar&>(*run).value;
      ARROW_ASSIGN_OR_RAISE(const auto one, arrow::MakeArrayFromScalar(*inside, 1));
      ARROW_ASSIGN_OR_RAISE(value, ValueOf(*one, 0));
    } else if constexpr (std::is_base_of_v<arrow::ExtensionArray, Array>) {
      ARROW_ASSIGN_OR_RAISE(value, ValueOf(*array.storage(), at));
    } else {
      value = DescriptionOf(array, at);
    }
    return arrow::Status::OK();
  }
};

}  // namespace

arrow::Result<Json> ValueOf(const arrow::Array& array, int64_t i) {
  if (array.IsNull(i)) return Json(nullptr);
  Converter converter{i, nullptr};
  ARROW_RETURN_NOT_OK(arrow::VisitArrayInline(array, &converter));
  return std::move(converter.value);
}

}  // namespace braid::corpus
