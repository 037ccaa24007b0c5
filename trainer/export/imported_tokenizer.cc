#include "trainer/export/imported_tokenizer.h"

#include "base/file.h"
#include "corpus/tokenizer.h"

namespace braid::trainer {
namespace {

constexpr char kDefaultEnd[] = "<|endoftext|>";

std::string ContentOf(const Json& token) {
  const Json content = token.is_object() ? token.value("content", Json()) : token;
  return content.is_string() ? content.get<std::string>() : "";
}

std::string NameOfEnd(const Json& added, const Json& config, const std::string& folder) {
  Json id = config.is_object() ? config.value("eos_token_id", Json()) : Json();
  if (id.is_array() && !id.empty()) id = Json(id.front());
  for (const Json& token : added) {
    if (token.is_object() && id.is_number_integer() && token.value("id", Json()) == id)
      return ContentOf(token);
  }
  const std::string path = JoinPath(folder, "tokenizer_config.json");
  if (!PathExists(path)) return "";
  const Result<Json> own = ReadJsonFile(path);
  return own.ok() && own->is_object() ? ContentOf(own->value("eos_token", Json())) : "";
}

}  // namespace

Result<std::string> ImportedTokenizer(const std::string& tokenizer_file, const Json& config,
                                      const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(std::string text, corpus::ReadTokenizerText(tokenizer_file, ""));
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseJson(text, tokenizer_file));
  const Json added = json.is_object() ? json.value("added_tokens", Json()) : Json();
  for (const Json& token : added) {
    if (ContentOf(token) == kDefaultEnd ||
        (token.is_object() && token.value("end_of_text", Json()) == true))
      return text;
  }
  const std::string name = NameOfEnd(added, config, folder);
  if (name.empty()) return text;
  return corpus::WithEndOfText(text, name, tokenizer_file);
}

}  // namespace braid::trainer
