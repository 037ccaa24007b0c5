// Conversion between records and rows of SQL tables, by the lists of columns in tables.h.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/words.h"
#include "storage/catalog/columns.h"
#include "storage/catalog/database.h"
#include "storage/catalog/tables.h"

namespace braid::catalog {

// Enums that are stored as their words; others are stored as their numbers.
template <typename Field>
concept HasWords = std::is_enum_v<Field> && requires(Field field) { WordsOf(field); };

// A field as the value of a column: numbers as integers, enums as words or integers, text as text,
// lists and maps as JSON.
template <typename Field>
Value ToValue(const Field& field) {
  if constexpr (HasWords<Field>) {
    return NameOf(field);
  } else if constexpr (std::is_same_v<Field, std::string> || std::is_same_v<Field, double>) {
    return field;
  } else if constexpr (std::is_enum_v<Field> || std::integral<Field>) {
    return static_cast<int64_t>(field);
  } else {
    return Pack(field);
  }
}

// The inverse of ToValue; `table` and `name` are for errors.
template <typename Field>
Status FromColumn(const Row& row, int index, const char* table, const char* name, Field& field) {
  if constexpr (HasWords<Field>) {
    const std::optional<Field> found = FromName<Field>(row.Text(index));
    if (!found.has_value()) {
      return DataLoss("column " + std::string(table) + "." + name + " has \"" + row.Text(index) +
                      "\", which this version does not know");
    }
    field = *found;
  } else if constexpr (std::is_same_v<Field, std::string>) {
    field = row.Text(index);
  } else if constexpr (std::is_same_v<Field, double>) {
    field = row.Double(index);
  } else if constexpr (std::is_same_v<Field, bool>) {
    field = row.Int(index) != 0;
  } else if constexpr (std::is_enum_v<Field> || std::integral<Field>) {
    field = static_cast<Field>(row.Int(index));
  } else {
    return Unpack(row.Text(index), {table, name}, field);
  }
  return OkStatus();
}

// The names of the table's columns, "id, name, state, ...", in the order in which RecordOf reads
// them.
template <typename Table>
const std::string& ColumnNames() {
  static const std::string names = [] {
    std::string list;
    typename Table::Record record;
    Table::Columns(record, [&](const char* name, auto&) {
      list += (list.empty() ? "" : ", ") + std::string(name);
    });
    return list;
  }();
  return names;
}

// The number of these columns, which is also the index of the first further column of a SELECT.
template <typename Table>
int CountColumns() {
  int count = 0;
  typename Table::Record record;
  Table::Columns(record, [&](const char*, auto&) { ++count; });
  return count;
}

// The record in a row. REQUIRES: the row belongs to a SELECT of ColumnNames<Table>().
template <typename Table>
Result<typename Table::Record> RecordOf(const Row& row) {
  typename Table::Record record;
  int index = 0;
  Status status;
  Table::Columns(record, [&](const char* name, auto& field) {
    Status read = FromColumn(row, index++, Table::kName, name, field);
    if (status.ok()) status = std::move(read);
  });
  if (!status.ok()) return status;
  return record;
}

// "SELECT id, name, ... FROM runs", to which conditions can be added.
template <typename Table>
std::string Select() {
  return "SELECT " + ColumnNames<Table>() + " FROM " + Table::kName;
}

// The records of a query that begins with Select<Table>(). `sql` as for Database::Query.
template <typename Table>
Result<std::vector<typename Table::Record>> ReadRows(Database& database, const char* sql,
                                                     const std::vector<Value>& values) {
  std::vector<typename Table::Record> records;
  BRAID_RETURN_IF_ERROR(database.Query(sql, values, [&](const Row& row) -> Status {
    BRAID_ASSIGN_OR_RETURN(typename Table::Record record, RecordOf<Table>(row));
    records.push_back(std::move(record));
    return OkStatus();
  }));
  return records;
}

// Inserts the record as a row and returns the number of changed rows. `verb` is "INSERT" or "INSERT
// OR REPLACE", `end` is empty or an ON CONFLICT clause. A table must always be used with the same
// `verb` and `end`: the statement's text is made once.
template <typename Table>
Result<int64_t> Insert(Database& database, const typename Table::Record& record,
                       const char* verb = "INSERT", const char* end = "") {
  std::vector<Value> values;
  values.reserve(40);
  Table::Columns(record, [&](const char*, const auto& field) { values.push_back(ToValue(field)); });
  static const std::string sql = [&] {
    std::string marks = "?";
    for (size_t i = 1; i < values.size(); ++i) marks += ",?";
    return std::string(verb) + " INTO " + Table::kName + " (" + ColumnNames<Table>() +
           ") VALUES (" + marks + ") " + end;
  }();
  return database.Run(sql.c_str(), values);
}

}  // namespace braid::catalog
