// Keys and certificates in the form that browsers take.
#include <openssl/pkcs12.h>

#include <string>

#include "rpc/tls/certificates.h"
#include "rpc/tls/openssl.h"

namespace braid::rpc {
namespace {

using OwnedPkcs12 = std::unique_ptr<PKCS12, FreeBy<PKCS12_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * certificates) const {
    sk_X509_pop_free(certificates, X509_free);
  }
};
using OwnedStack = std::unique_ptr<STACK_OF(X509), FreeStack>;

// All certificates of a PEM text but the first.
OwnedStack IssuersIn(const std::string& pem) {
  OwnedStack issuers(sk_X509_new_null());
  const OwnedBio bio = ReaderOf(pem);
  OwnedX509 first(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  while (OwnedX509 issuer{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    sk_X509_push(issuers.get(), issuer.release());
  ERR_clear_error();  // that of the end of the text
  return issuers;
}

}  // namespace

Result<std::string> Pkcs12Of(const Certified& pair, const std::string& name,
                             const std::string& password) {
  BRAID_RETURN_IF_ERROR(CheckBelongs(pair));
  const OwnedBio bio = ReaderOf(pair.key);
  const OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const OwnedX509 certificate = ReadX509(pair.certificate);
  const OwnedStack issuers = IssuersIn(pair.certificate);
  // 0: OpenSSL's own choice of ciphers and of rounds, AES-256 and PBKDF2.
  const OwnedPkcs12 file(PKCS12_create(password.c_str(), name.c_str(), key.get(), certificate.get(),
                                       issuers.get(), 0, 0, 0, 0, 0));
  if (file == nullptr) return OpensslError("writing PKCS#12");
  const OwnedBio out(BIO_new(BIO_s_mem()));
  if (i2d_PKCS12_bio(out.get(), file.get()) != 1) return OpensslError("writing PKCS#12");
  return TextOf(out.get());
}

}  // namespace braid::rpc
