// What the first rows of a file hold, and which of their fields is the document.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace braid::submit {

class SeenRows {
 public:
  // `samples`: the rows are samples of archives, whose fields are extensions.
  explicit SeenRows(bool samples = false) : samples_(samples) {}

  // Adds a row, an object.
  void See(const Json& row);

  int64_t rows() const { return rows_; }
  // The first row; null if there was none.
  const Json& first() const { return first_; }
  std::vector<std::string> Names() const;
  // The fields with the document: "text" (of samples in archives "txt"), a known pair such as
  // question and answer, or the longest one. Each row has a text in them. Empty if there is none.
  std::vector<std::string> TextFields() const;
  // A field that is a list of whole numbers in each row; empty if there is none.
  std::string IdsField() const;
  // The field with messages, "messages" or "conversations", also within "json": in each row a list
  // of them, each with a role and a text; empty if there is none.
  std::string MessagesField() const;
  // The bytes of text in these fields of all rows, that of messages included.
  double TextBytes(const std::vector<std::string>& fields) const;

 private:
  struct Field {
    int64_t rows = 0;
    double bytes = 0;
    bool ids = true;  // a list of whole numbers in each row
    bool text = true;
    bool messages = true;  // a list of messages in each row
  };
  bool HoldsText(const std::string& name) const;

  const bool samples_;
  int64_t rows_ = 0;
  std::map<std::string, Field> fields_;
  Json first_;
};

}  // namespace braid::submit
