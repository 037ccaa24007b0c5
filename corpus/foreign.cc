#include "corpus/foreign.h"

#include <algorithm>
#include <cstdlib>

#include "corpus/compression.h"
#include "corpus/pretokenizer.h"

namespace braid::corpus {
namespace {

using std::literals::operator""sv;

constexpr char kUnpack[] = "unpack it, or pack the text in it with gzip or zstd";
constexpr char kTable[] =
    "write its rows as JSON lines, for instance with pyarrow and json.dumps, one object a line";
constexpr char kColumns[] =
    "of a corpus it is read if it is not packed once more; elsewhere write its rows as JSON lines, "
    "for instance with pyarrow and json.dumps, one object a line";
constexpr char kExtract[] = "extract it and name the files that were in it";
constexpr char kTar[] =
    "of a corpus its members are read where they are (WebDataset); elsewhere extract it and "
    "name the files that were in it";
constexpr char kTensors[] =
    "it holds numbers of a program, and no text; write its texts as JSON lines";

constexpr char kTokens[] =
    "unless the corpus says so: corpora.NAME.token_files, beside the tokenizer.file that made them";

constexpr size_t kTarMagicAt = 257;

// The bytes at offset `at` by which a format is recognised.
struct Magic {
  std::string_view bytes;
  const char* what;
  const char* advice;
  size_t at = 0;
};

constexpr Magic kForeign[] = {
    {kGzipMagic, "gzip data inside of compressed data", "decompress it once"},
    {kZstdMagic, "zstd data inside of compressed data", "decompress it once"},
    {"\xFD\x37zXZ\0"sv, "an xz file", "unpack it (xz -d), or pack it with gzip or zstd"},
    {"BZh"sv, "a bzip2 file", "unpack it (bzip2 -d), or pack it with gzip or zstd"},
    {"\x04\x22\x4D\x18"sv, "an lz4 file", kUnpack},
    {"\x5D\0\0"sv, "an lzma file", kUnpack},
    {"LZIP"sv, "an lzip file", kUnpack},
    {"\x1F\x9D"sv, "a file of compress (.Z)", kUnpack},
    {"\xFF\x06\0\0sNaPpY"sv, "a snappy file", kUnpack},
    {"\x78\x9C"sv, "zlib data without a gzip header", kUnpack},
    {"\x78\xDA"sv, "zlib data without a gzip header", kUnpack},
    {"PAR1"sv, "a Parquet table", kColumns},
    {"ARROW1"sv, "an Arrow table", kColumns},
    {"\xFF\xFF\xFF\xFF"sv, "an Arrow stream", kColumns},
    {"PARE"sv, "an encrypted Parquet table", "write it again without encryption"},
    {"FEA1"sv, "a Feather table of version 1", kTable},
    {"ORC"sv, "an ORC table", kTable},
    {"Obj\x01"sv, "an Avro file", kTable},
    {"SQLite format 3\0"sv, "an SQLite database", kTable},
    {"\x89HDF\r\n\x1A\n"sv, "an HDF5 file", kTable},
    {"PK\x03\x04"sv, "a zip archive (or .npz, .pt, .docx, .xlsx, which are zip archives)",
     kExtract},
    {"PK\x05\x06"sv, "an empty zip archive", kExtract},
    {"PK\x07\x08"sv, "a part of a zip archive", kExtract},
    {"7z\xBC\xAF\x27\x1C"sv, "a 7z archive", kExtract},
    {"Rar!\x1A\x07"sv, "a rar archive", kExtract},
    {"ustar"sv, "a tar archive", kTar, kTarMagicAt},
    {"MMIDIDX\0\0"sv, "the index of a Megatron dataset", kTokens},
    {"\x88\xD8\x34\x01"sv, "tokens of llm.c", kTokens},
    {"\xA1\xD9\x34\x01"sv, "tokens of llm.c", kTokens},
    {"\x93NUMPY"sv, "a NumPy array", kTensors},
    {"\x80\x02"sv, "a pickle of Python", kTensors},
    {"\x80\x03"sv, "a pickle of Python", kTensors},
    {"\x80\x04"sv, "a pickle of Python", kTensors},
    {"\x80\x05"sv, "a pickle of Python", kTensors},
    {"GGUF"sv, "a GGUF model", kTensors},
    {"%PDF-"sv, "a PDF", "extract its text, for instance with pdftotext"},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "an old Office document", "save it as text"},
    {"\x89PNG\r\n\x1A\n"sv, "a PNG image", "take it out of the corpus"},
    {"\xFF\xD8\xFF"sv, "a JPEG image", "take it out of the corpus"},
    {"\x7F"
     "ELF"sv,
     "a program", "take it out of the corpus"},
};

// Recognises a tar archive from before the magic "ustar": its first block contains its own
// checksum.
bool IsOldTar(std::string_view head) {
  if (head.size() < 512 || head[0] == '\0') return false;
  const std::string sum(head.substr(148, 8));
  if (sum.find_first_not_of(" 01234567\0"sv) != std::string::npos ||
      sum.find_first_of("01234567") == std::string::npos)
    return false;
  long bytes = 8 * ' ';
  for (size_t i = 0; i < 512; ++i)
    bytes += i >= 148 && i < 156 ? 0 : static_cast<unsigned char>(head[i]);
  return std::strtol(sum.c_str(), nullptr, 8) == bytes;
}

// The encoding of text in units of two or four bytes; empty if the text has none of these
// encodings. English text in UTF-16 is valid UTF-8 with a zero after each letter, so without this
// check it would be trained on.
std::string_view WideEncoding(std::string_view head) {
  if (head.starts_with("\xFF\xFE\0\0"sv) || head.starts_with("\0\0\xFE\xFF"sv)) return "UTF-32";
  if (head.starts_with("\xFF\xFE"sv) || head.starts_with("\xFE\xFF"sv)) return "UTF-16";
  size_t zeros[2] = {0, 0};
  for (size_t i = 0; i < head.size(); ++i) zeros[i % 2] += head[i] == '\0' ? 1 : 0;
  const size_t half = head.size() / 2;
  if (half < 2 || zeros[0] + zeros[1] == 0 || zeros[0] + zeros[1] == head.size()) return "";
  if (zeros[0] + zeros[1] > half + half / 4)
    return std::max(zeros[0], zeros[1]) >= half - 1 ? "UTF-32" : "";
  for (const size_t side : {0, 1}) {
    if (zeros[side] > half / 2 && zeros[1 - side] <= half / 16)
      return side == 1 ? "UTF-16LE" : "UTF-16BE";
  }
  return "";
}

Status Refuse(const std::string& path, std::string_view what, std::string_view advice) {
  return InvalidArgument(path + " is " + std::string(what) + ", which braid does not read; " +
                         std::string(advice));
}

}  // namespace

// A text may begin with "PAR1" too; but the bytes that follow it in a table are not UTF-8 without
// zeros.
bool LooksLikeText(std::string_view head) {
  if (head.find('\0') != std::string_view::npos) return false;
  // The end of the head may cut the last character.
  for (size_t cut = 0; cut < 4 && cut <= head.size(); ++cut) {
    if (IsUtf8(head.substr(0, head.size() - cut))) return true;
  }
  return false;
}

bool LooksLikeTar(std::string_view head) {
  if (LooksLikeText(head) || head.size() < 512) return false;
  return head.substr(kTarMagicAt).starts_with("ustar"sv) || IsOldTar(head);
}

Status CheckForeign(const std::string& path, std::string_view head) {
  if (head.starts_with("version https://git-lfs.github.com/spec/")) {
    return Refuse(path, "a pointer of Git LFS and not the file itself",
                  "fetch the file with git lfs pull");
  }
  if (head.starts_with("/annex/objects/") || head.starts_with("../.git/annex/objects/")) {
    return Refuse(path, "a pointer of git annex and not the file itself",
                  "fetch the file with git annex get");
  }
  if (const std::string_view wide = WideEncoding(head); !wide.empty()) {
    return Refuse(path, "text in " + std::string(wide),
                  "convert it (iconv -f " + std::string(wide) + " -t UTF-8)");
  }
  if (head.size() >= 16 && head.find_first_not_of('\0') == std::string_view::npos)
    return Refuse(path, "zeros and no text", "fetch it again");
  // Text may begin with the letters of a magic ("GGUF is a format"), binary files with any.
  const bool text = LooksLikeText(head);
  for (const Magic& magic : kForeign) {
    if (text || head.size() < magic.at || !head.substr(magic.at).starts_with(magic.bytes)) continue;
    return Refuse(path, magic.what, magic.advice);
  }
  if (IsOldTar(head)) return Refuse(path, "a tar archive", kTar);
  return OkStatus();
}

}  // namespace braid::corpus
