#include "tests/fakes/cloud/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace evenkeel::fakes::cloud {

namespace {

struct Free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

constexpr long day_seconds = 24L * 60 * 60;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

bool extend(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free> extension{
        X509V3_EXT_conf_nid(nullptr, &context, kind, value)};
    return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Wish {
    const char* name{};
    const char* alternatives{};  ///< null: an authority
    long from{-day_seconds};
    long to{30 * day_seconds};
};

/// Signed by itself when there is no `issuer`.
Result<Pem> make(const Wish& wish, X509* issuer, EVP_PKEY* issuer_key) {
    const Key key{EVP_EC_gen("P-256")};
    const Certificate certificate{X509_new()};
    std::uint64_t serial = 0;
    bool good = key != nullptr && certificate != nullptr &&
                RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1;
    if (good) {
        X509* const x509 = certificate.get();
        X509_NAME* const name = X509_get_subject_name(x509);
        X509* const signer = issuer == nullptr ? x509 : issuer;
        good = X509_set_version(x509, X509_VERSION_3) == 1 &&
               ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1U) == 1 &&
               X509_gmtime_adj(X509_getm_notBefore(x509), wish.from) != nullptr &&
               X509_gmtime_adj(X509_getm_notAfter(x509), wish.to) != nullptr &&
               X509_NAME_add_entry_by_txt(
                   name,
                   "CN",
                   MBSTRING_ASC,
                   reinterpret_cast<const unsigned char*>(wish.name),
                   -1,
                   -1,
                   0) == 1 &&
               X509_set_issuer_name(x509, X509_get_subject_name(signer)) == 1 &&
               X509_set_pubkey(x509, key.get()) == 1 &&
               extend(
                   x509,
                   signer,
                   NID_basic_constraints,
                   wish.alternatives == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
               (wish.alternatives == nullptr ||
                extend(x509, signer, NID_subject_alt_name, wish.alternatives)) &&
               X509_sign(x509, issuer_key == nullptr ? key.get() : issuer_key, EVP_sha256()) > 0;
    }
    const Bio certificate_text{BIO_new(BIO_s_mem())};
    const Bio key_text{BIO_new(BIO_s_mem())};
    good = good && PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1 &&
           PEM_write_bio_PrivateKey(
               key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
    if (!good) {
        return fail(Errc::io_failed, "OpenSSL cannot make a certificate");
    }
    return Pem{.certificate = text_of(certificate_text.get()), .key = text_of(key_text.get())};
}

}  // namespace

Result<Pem> make_authority() {
    return make({.name = "throw-away authority of the fake cloud"}, nullptr, nullptr);
}

Result<Pem> make_host(const Pem& authority, Flaw flaw) {
    Wish wish{.name = "fake cloud", .alternatives = "DNS:localhost,IP:127.0.0.1"};
    if (flaw == Flaw::expired) {
        wish.from = -2 * day_seconds;
        wish.to = -day_seconds;
    }
    if (flaw == Flaw::wrong_host) {
        wish.alternatives = "DNS:elsewhere.example";
    }
    if (flaw == Flaw::self_signed) {
        return make(wish, nullptr, nullptr);
    }
    const Bio certificate_text{BIO_new_mem_buf(authority.certificate.data(), -1)};
    const Bio key_text{BIO_new_mem_buf(authority.key.data(), -1)};
    const Certificate issuer{PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr)};
    const Key key{PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)};
    if (issuer == nullptr || key == nullptr) {
        return fail(Errc::invalid_argument, "the authority is no certificate with its key");
    }
    return make(wish, issuer.get(), key.get());
}

}  // namespace evenkeel::fakes::cloud
