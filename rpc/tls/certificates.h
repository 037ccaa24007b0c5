// X.509 certificates as PEM text: keys (EC P-256), a small certificate authority, requests and what
// a certificate says. OpenSSL does the work; its types do not appear in this header.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::rpc {

// A private key and the certificate of its public half, both PEM. The certificate may be followed
// by those of its issuers.
struct Certified {
  std::string key;
  std::string certificate;
};

// The contents of a certificate to be made.
struct CertificateTerms {
  // The subject's common name, at most 64 bytes: for people, who see it in other tools.
  std::string common_name;
  // DNS names and addresses ("10.0.0.5", "::1") that it is valid for.
  std::vector<std::string> names;
  // Whether it is for a server, or for a client.
  bool server = false;
  int64_t lifetime_s = 0;
};

// The contents of an existing certificate.
struct CertificateFacts {
  std::string sha256;                  // of its DER bytes, 64 hex digits: its fingerprint
  std::string key_sha256;              // of its public key (SubjectPublicKeyInfo)
  int64_t begins_ms = 0, ends_ms = 0;  // wall clock
  std::vector<std::string> names;      // as in CertificateTerms
};

// A new private key, PEM.
Result<std::string> MakeKey();
// A key and a certificate of itself that may sign others, valid for `lifetime_s`.
Result<Certified> MakeAuthority(const std::string& common_name, int64_t lifetime_s);
// A request to sign the public half of `key`, PEM. It is signed with the key itself, which proves
// that the sender has it.
Result<std::string> MakeRequest(const std::string& key, const std::string& common_name);
// The digest of the public key of a request (CertificateFacts::key_sha256). kInvalidArgument for
// text that is no request, for one that is not signed by its own key, and for a key of another kind
// than EC P-256.
Result<std::string> KeyDigestOfRequest(const std::string& request);
// A certificate of the request's key, signed by the authority. Nothing but the key is taken from
// the request.
Result<std::string> Sign(const Certified& authority, const std::string& request,
                         const CertificateTerms& terms);
// Reads the first certificate in a PEM text. kInvalidArgument if there is none.
Result<CertificateFacts> FactsOf(const std::string& certificate);
// The key, its certificate and those of its issuers as a PKCS#12 file, encrypted with `password`
// (AES-256): the form in which browsers and operating systems take a certificate with its key.
// They show `name` of it. kInvalidArgument if the certificate is not the key's.
Result<std::string> Pkcs12Of(const Certified& pair, const std::string& name,
                             const std::string& password);
// Checks that the first certificate belongs to the key; otherwise kInvalidArgument.
Status CheckBelongs(const Certified& pair);

}  // namespace braid::rpc
