#include "corpus/text_pattern.h"

#include <cctype>
#include <stdexcept>

#include "base/utf8.h"

#ifndef BRAID_WITHOUT_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif

namespace braid::corpus {

#ifdef BRAID_WITHOUT_PCRE2

struct PatternScratch::State {};
struct TextPattern::Code {};

#else

namespace {

constexpr size_t kLeastStack = size_t{32} << 10, kMostStack = size_t{64} << 20;

std::string ErrorText(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct PatternScratch::State {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(kLeastStack, kMostStack, nullptr);
  // A byte for each character, and where each character begins; both unused for ASCII.
  std::string bytes;
  std::vector<uint32_t> begins;

  State() {
    if (data == nullptr || context == nullptr) throw std::bad_alloc();
    // Long texts take many steps; there is nobody whom a long search would keep waiting.
    pcre2_set_match_limit(context, UINT32_MAX);
    pcre2_set_depth_limit(context, UINT32_MAX);
    // In KiB. Where the compiled search has no stack left, the other one takes from the heap.
    pcre2_set_heap_limit(context, 2'000'000);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  State(const State&) = delete;
  ~State() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
};

struct TextPattern::Code {
  pcre2_code* compiled = nullptr;
  Code() = default;
  Code(const Code&) = delete;
  ~Code() { pcre2_code_free(compiled); }
};

#endif

PatternScratch::PatternScratch() : state_(std::make_unique<State>()) {}
PatternScratch::~PatternScratch() = default;

TextPattern::TextPattern(std::string regex, PatternSyntax syntax)
    : regex_(std::move(regex)), bytes_(std::move(syntax.bytes)), code_(std::make_unique<Code>()) {}
TextPattern::~TextPattern() = default;

Result<std::shared_ptr<const TextPattern>> TextPattern::Compile(std::string_view regex) {
  BRAID_ASSIGN_OR_RETURN(PatternSyntax syntax, TranslatePattern(regex));
  const std::string translated = syntax.regex;
#ifdef BRAID_WITHOUT_PCRE2
  return Unimplemented("this program was built without PCRE2, which searches for patterns");
#else
  std::shared_ptr<TextPattern> pattern(new TextPattern(std::string(regex), std::move(syntax)));
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                   translated.size(), /*options=*/0, &error, &at, nullptr);
  if (code == nullptr) return InvalidArgument(ErrorText(error));
  pattern->code_->compiled = code;
  uint32_t matches_nothing = 0;
  pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &matches_nothing);
  if (matches_nothing != 0) return InvalidArgument("it may match nothing");
  // Where there is no machine code for it, PCRE2 interprets the pattern.
  (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  return std::shared_ptr<const TextPattern>(std::move(pattern));
#endif
}

Result<std::shared_ptr<const TextPattern>> TextPattern::Literal(std::string_view text) {
  std::string regex;
  for (const char c : text) {
    const bool plain = static_cast<unsigned char>(c) >= 0x80 || c == '\n' ||
                       std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (!plain) regex += '\\';
    regex += c;
  }
  return Compile(regex);
}

#ifdef BRAID_WITHOUT_PCRE2

// There are no patterns.
void TextPattern::Cut(std::string_view, PatternScratch*, std::vector<Stretch>*) const {}

#else

void TextPattern::Cut(std::string_view text, PatternScratch* scratch,
                      std::vector<Stretch>* stretches) const {
  PatternScratch::State& state = *scratch->state_;
  std::string_view bytes = text;
  const bool ascii = AsciiPrefix(text) == text.size();
  if (!ascii) {
    state.bytes.clear();
    state.begins.clear();
    size_t length = 0;
    for (size_t at = 0; at < text.size(); at += length) {
      state.bytes += static_cast<char>(bytes_.Of(DecodeCodePoint(text.substr(at), &length)));
      state.begins.push_back(static_cast<uint32_t>(at));
    }
    state.begins.push_back(static_cast<uint32_t>(text.size()));
    bytes = state.bytes;
  }
  const auto place = [&](size_t at) { return ascii ? at : state.begins[at]; };
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(bytes.data());
  const PCRE2_SIZE* found = pcre2_get_ovector_pointer(state.data);
  size_t before = 0;
  while (before < bytes.size()) {
    int rc = pcre2_match(code_->compiled, subject, bytes.size(), before, 0, state.data,
                         state.context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
      rc = pcre2_match(code_->compiled, subject, bytes.size(), before, PCRE2_NO_JIT, state.data,
                       state.context);
    }
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0)
      throw std::runtime_error("the pattern " + regex_ + " of the tokenizer: " + ErrorText(rc));
    if (found[0] > before) stretches->push_back({place(before), place(found[0]), false});
    stretches->push_back({place(found[0]), place(found[1]), true});
    before = found[1];
  }
  if (before < bytes.size()) stretches->push_back({place(before), text.size(), false});
}

#endif

}  // namespace braid::corpus
