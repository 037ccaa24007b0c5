#include "corpus/arrow/as_bytes.h"

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/checked_cast.h>

namespace braid::corpus {
namespace {

using arrow::internal::checked_cast;
using TypePointer = std::shared_ptr<arrow::DataType>;

// The fields of a type over the children that `data` has now.
arrow::FieldVector FieldsOver(const arrow::ArrayData& data) {
  arrow::FieldVector fields = data.type->fields();
  for (size_t i = 0; i < fields.size(); ++i)
    fields[i] = fields[i]->WithType(data.child_data[i]->type);
  return fields;
}

// The type of `data`, whose children and dictionary are bytes already.
TypePointer TypeOver(const arrow::ArrayData& data) {
  switch (data.type->id()) {
    case arrow::Type::STRING:
      return arrow::binary();
    case arrow::Type::LARGE_STRING:
      return arrow::large_binary();
    case arrow::Type::STRING_VIEW:
      return arrow::binary_view();
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return arrow::list(FieldsOver(data)[0]);
    case arrow::Type::LARGE_LIST:
      return arrow::large_list(FieldsOver(data)[0]);
    case arrow::Type::LIST_VIEW:
      return arrow::list_view(FieldsOver(data)[0]);
    case arrow::Type::LARGE_LIST_VIEW:
      return arrow::large_list_view(FieldsOver(data)[0]);
    case arrow::Type::FIXED_SIZE_LIST:
      return arrow::fixed_size_list(
          FieldsOver(data)[0],
          checked_cast<const arrow::FixedSizeListType&>(*data.type).list_size());
    case arrow::Type::STRUCT:
      return arrow::struct_(FieldsOver(data));
    case arrow::Type::RUN_END_ENCODED:
      return arrow::run_end_encoded(data.child_data[0]->type, data.child_data[1]->type);
    case arrow::Type::DICTIONARY: {
      const auto& type = checked_cast<const arrow::DictionaryType&>(*data.type);
      return arrow::dictionary(type.index_type(), data.dictionary->type, type.ordered());
    }
    default:
      return data.type;
  }
}

// Unions are described in messages and give no text.
bool IsUnion(const arrow::DataType& type) {
  return type.id() == arrow::Type::SPARSE_UNION || type.id() == arrow::Type::DENSE_UNION;
}

}  // namespace

std::shared_ptr<arrow::ArrayData> AsBytes(const arrow::ArrayData& data) {
  std::shared_ptr<arrow::ArrayData> bytes = data.Copy();
  if (IsUnion(*data.type)) return bytes;
  if (data.type->id() == arrow::Type::EXTENSION) {
    bytes->type = checked_cast<const arrow::ExtensionType&>(*data.type).storage_type();
    return AsBytes(*bytes);
  }
  for (auto& child : bytes->child_data) child = AsBytes(*child);
  if (bytes->dictionary != nullptr) bytes->dictionary = AsBytes(*bytes->dictionary);
  bytes->type = TypeOver(*bytes);
  return bytes;
}

}  // namespace braid::corpus
