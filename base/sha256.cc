#include "base/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <vector>

#include "base/file.h"

namespace braid {

struct Sha256::Context {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(ctx); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  BRAID_CHECK(EVP_DigestInit_ex(context_->ctx, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(const void* data, size_t bytes) {
  BRAID_CHECK(EVP_DigestUpdate(context_->ctx, data, bytes) == 1);
}

std::string Sha256::HexDigest() const {
  // OpenSSL ends a context when its digest is taken; the copy lets the caller go on with the
  // original.
  Context copy;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  BRAID_CHECK(EVP_MD_CTX_copy_ex(copy.ctx, context_->ctx) == 1);
  BRAID_CHECK(EVP_DigestFinal_ex(copy.ctx, digest, &size) == 1);
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view data) {
  Sha256 digest;
  digest.Update(data);
  return digest.HexDigest();
}

Result<std::string> Sha256File(const std::string& path) {
  Sha256 digest;
  BRAID_RETURN_IF_ERROR(ReadFileInPieces(path, 1 << 20, [&](std::string_view piece) {
    digest.Update(piece);
    return OkStatus();
  }));
  return digest.HexDigest();
}

bool IsSha256Hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace braid
