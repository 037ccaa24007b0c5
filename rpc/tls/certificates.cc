#include "rpc/tls/certificates.h"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/sha256.h"
#include "rpc/tls/openssl.h"

namespace braid::rpc {
namespace {

// Known to every TLS library, and keys of it are made in no time.
constexpr char kCurve[] = "P-256";
// Clocks of two machines differ: a certificate is valid a little before it was made.
constexpr int64_t kClockSkewS = 300;
constexpr size_t kMaxCommonName = 64;  // ub-common-name of RFC 5280

OwnedKey ReadKey(const std::string& pem) {
  const OwnedBio bio = ReaderOf(pem);
  // A key with a password must not make OpenSSL ask at the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  return OwnedKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

OwnedRequest ReadRequest(const std::string& pem) {
  const OwnedBio bio = ReaderOf(pem);
  return OwnedRequest(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
}

// Of the key in its DER form: what two certificates of one key have in common.
std::string DigestOf(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int bytes = i2d_PUBKEY(key, &der);
  if (bytes <= 0) return "";
  std::string digest = Sha256Hex({reinterpret_cast<const char*>(der), static_cast<size_t>(bytes)});
  OPENSSL_free(der);
  return digest;
}

// Longer names are cut, as OpenSSL refuses them; nothing is decided by this name.
bool AddName(X509_NAME* name, const std::string& common_name) {
  const std::string fitting = common_name.substr(0, kMaxCommonName);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(fitting.data()),
                                    static_cast<int>(fitting.size()), -1, 0) == 1;
}

// `value` is in the little language of OpenSSL's configuration files: "critical,CA:FALSE".
bool AddExtension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// Not from OpenSSL's little language of extensions, in which a name with a comma would be two.
bool AddNames(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  GENERAL_NAMES* list = sk_GENERAL_NAME_new_null();
  for (const std::string& name : names) {
    GENERAL_NAME* entry = GENERAL_NAME_new();
    if (IsIpAddress(name)) {
      GENERAL_NAME_set0_value(entry, GEN_IPADD, a2i_IPADDRESS(name.c_str()));
    } else {
      ASN1_IA5STRING* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
      GENERAL_NAME_set0_value(entry, GEN_DNS, text);
    }
    sk_GENERAL_NAME_push(list, entry);
  }
  const bool added = X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0,
                                       X509V3_ADD_DEFAULT) == 1;
  GENERAL_NAMES_free(list);
  return added;
}

// 127 random bits: no two certificates of an authority have the same number.
bool DrawSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(bytes.data(), bytes.size(), nullptr);
  const bool set = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

// What all certificates have; without subject, issuer, extensions and signature.
OwnedX509 Begin(EVP_PKEY* key, int64_t lifetime_s) {
  OwnedX509 certificate(X509_new());
  const time_t now = std::time(nullptr);
  time_t begins = now - kClockSkewS, ends = now + lifetime_s;
  const bool done = X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    DrawSerial(certificate.get()) &&
                    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), begins) != nullptr &&
                    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), ends) != nullptr &&
                    X509_set_pubkey(certificate.get(), key) == 1;
  if (!done) certificate.reset();
  return certificate;
}

// In ms since 1970; 0 for a time that cannot be read.
int64_t MsOf(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<int64_t>(timegm(&parts)) * 1000;
}

// The DNS names and addresses that the certificate is for, as text.
std::vector<std::string> NamesOf(X509* certificate) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type));
    const unsigned char* data = ASN1_STRING_get0_data(value);
    const int size = ASN1_STRING_length(value);
    if (type == GEN_DNS) {
      names.emplace_back(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    } else if (type == GEN_IPADD && (size == 4 || size == 16)) {
      char text[INET6_ADDRSTRLEN] = "";
      inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text, sizeof text);
      names.emplace_back(text);
    }
  }
  GENERAL_NAMES_free(list);
  return names;
}

}  // namespace

bool IsIpAddress(const std::string& host) {
  in6_addr bytes{};
  return inet_pton(AF_INET, host.c_str(), &bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}

// Only the newest error is told; the queue is emptied, so that the next call does not find this
// one.
Status OpensslError(const std::string& doing) {
  char text[256] = "no reason given";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return Internal(doing + ": " + text);
}

OwnedBio ReaderOf(const std::string& text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TextOf(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(std::max(0L, size)));
}

OwnedX509 ReadX509(const std::string& pem) {
  const OwnedBio bio = ReaderOf(pem);
  OwnedX509 certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

std::string PemOf(X509* certificate) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

Result<std::string> MakeKey() {
  const OwnedKey key(EVP_EC_gen(kCurve));
  if (key == nullptr) return OpensslError("making a key");
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
      1)
    return OpensslError("writing a key");
  return TextOf(bio.get());
}

// pathlen:0: it signs certificates of servers and workers, never those of other authorities.
Result<Certified> MakeAuthority(const std::string& common_name, int64_t lifetime_s) {
  Certified authority;
  BRAID_ASSIGN_OR_RETURN(authority.key, MakeKey());
  const OwnedKey key = ReadKey(authority.key);
  const OwnedX509 certificate = Begin(key.get(), lifetime_s);
  X509* const x509 = certificate.get();
  const bool done = x509 != nullptr && AddName(X509_get_subject_name(x509), common_name) &&
                    X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
                    AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    AddExtension(x509, x509, NID_subject_key_identifier, "hash") &&
                    X509_sign(x509, key.get(), EVP_sha256()) > 0;
  if (!done) return OpensslError("making a certificate authority");
  authority.certificate = PemOf(x509);
  return authority;
}

Result<std::string> MakeRequest(const std::string& key_pem, const std::string& common_name) {
  const OwnedKey key = ReadKey(key_pem);
  if (key == nullptr) return OpensslError("reading a key");
  const OwnedRequest request(X509_REQ_new());
  X509_NAME* const name = X509_REQ_get_subject_name(request.get());
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!AddName(name, common_name) || X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
    return OpensslError("making a certificate request");
  return TextOf(bio.get());
}

// Whoever sends a request must hold the key in it: the request is signed by that key. A key of
// another kind might be weak, or slow for everybody who checks it.
Result<std::string> KeyDigestOfRequest(const std::string& pem) {
  const OwnedRequest request = ReadRequest(pem);
  EVP_PKEY* const key = request == nullptr ? nullptr : X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) {
    ERR_clear_error();
    return InvalidArgument("this is no certificate request (PKCS#10, PEM)");
  }
  char curve[32] = "";
  size_t length = 0;
  if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &length) != 1 ||
      std::string(curve) != SN_X9_62_prime256v1) {
    ERR_clear_error();
    return InvalidArgument("the request's key is not an EC key on P-256");
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return InvalidArgument("the certificate request is not signed by its own key");
  }
  return DigestOf(key);
}

// Of the request the key alone counts: whatever else it asks for, a name or a use, is decided by
// `terms`.
Result<std::string> Sign(const Certified& authority, const std::string& request_pem,
                         const CertificateTerms& terms) {
  BRAID_RETURN_IF_ERROR(KeyDigestOfRequest(request_pem).status());
  const OwnedRequest request = ReadRequest(request_pem);
  const OwnedX509 issuer = ReadX509(authority.certificate);
  const OwnedKey issuer_key = ReadKey(authority.key);
  if (issuer == nullptr || issuer_key == nullptr)
    return OpensslError("reading the certificate authority");
  const OwnedX509 certificate = Begin(X509_REQ_get0_pubkey(request.get()), terms.lifetime_s);
  X509* const x509 = certificate.get();
  const bool done = x509 != nullptr && AddName(X509_get_subject_name(x509), terms.common_name) &&
                    X509_set_issuer_name(x509, X509_get_subject_name(issuer.get())) == 1 &&
                    AddExtension(x509, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
                    AddExtension(x509, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
                    AddExtension(x509, issuer.get(), NID_ext_key_usage,
                                 terms.server ? "serverAuth" : "clientAuth") &&
                    AddExtension(x509, issuer.get(), NID_authority_key_identifier, "keyid") &&
                    AddNames(x509, terms.names) &&
                    X509_sign(x509, issuer_key.get(), EVP_sha256()) > 0;
  if (!done) return OpensslError("signing a certificate for " + terms.common_name);
  return PemOf(x509);
}

Result<CertificateFacts> FactsOf(const std::string& pem) {
  const OwnedX509 certificate = ReadX509(pem);
  if (certificate == nullptr) return InvalidArgument("there is no certificate (X.509, PEM)");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest, &bytes) != 1)
    return OpensslError("hashing a certificate");
  CertificateFacts facts;
  for (unsigned int i = 0; i < bytes; ++i) {
    constexpr char kHexDigits[] = "0123456789abcdef";
    facts.sha256 += {kHexDigits[digest[i] >> 4], kHexDigits[digest[i] & 15]};
  }
  facts.key_sha256 = DigestOf(X509_get0_pubkey(certificate.get()));
  facts.begins_ms = MsOf(X509_get0_notBefore(certificate.get()));
  facts.ends_ms = MsOf(X509_get0_notAfter(certificate.get()));
  facts.names = NamesOf(certificate.get());
  return facts;
}

Status CheckBelongs(const Certified& pair) {
  const OwnedKey key = ReadKey(pair.key);
  ERR_clear_error();
  if (key == nullptr) return InvalidArgument("there is no private key (PEM, without a password)");
  BRAID_ASSIGN_OR_RETURN(const CertificateFacts facts, FactsOf(pair.certificate));
  return DigestOf(key.get()) == facts.key_sha256
             ? OkStatus()
             : InvalidArgument("the private key is not that of the certificate");
}

}  // namespace braid::rpc
