// Owners of OpenSSL's objects and the text of its errors, for the files of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace braid::rpc {

// A deleter that calls the function that OpenSSL has for the type. release() hands ownership over,
// for OpenSSL functions that take it.
template <auto kFree>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using OwnedKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using OwnedX509 = std::unique_ptr<X509, FreeBy<X509_free>>;
using OwnedRequest = std::unique_ptr<X509_REQ, FreeBy<X509_REQ_free>>;
using OwnedBio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using OwnedContext = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using OwnedSsl = std::unique_ptr<SSL, FreeBy<SSL_free>>;
using OwnedStore = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;
using OwnedStoreContext = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;

// kInternal with what OpenSSL says of its newest error, which is taken off its queue.
Status OpensslError(const std::string& doing);
// The first certificate of a PEM text; null if there is none.
OwnedX509 ReadX509(const std::string& pem);
// The certificate as PEM, with its newline at the end.
std::string PemOf(X509* certificate);
// ReaderOf returns a BIO that reads `text`, which must outlive it. TextOf returns the text that was
// written to a BIO in memory.
OwnedBio ReaderOf(const std::string& text);
std::string TextOf(BIO* memory);
// Whether it is an IPv4 or IPv6 address in numbers, without brackets.
bool IsIpAddress(const std::string& host);

}  // namespace braid::rpc
