#include "inference/bootstrap/certificate.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace evenkeel::inference::bootstrap {

namespace {

constexpr std::size_t name_max = 64;
constexpr const char* curve = "P-256";
/// Separates this key from others that are derived from the same secret.
constexpr std::string_view purpose = "evenkeel node TLS key 1:";

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Digest = std::array<unsigned char, 32>;

std::unexpected<Error> broken(std::string_view doing) {
    return fail(Errc::io_failed, fmt::format("OpenSSL cannot {}", doing));
}

/// The private number that follows from `seed`: the first of a row of hashes that lies in the range
/// of the group (the first one, but for one chance in 2^32).
Number scalar_of(std::string_view seed, const EC_GROUP* group) {
    const BIGNUM* order = EC_GROUP_get0_order(group);
    for (char counter = 0; counter < 100; ++counter) {
        std::string text{purpose};
        text += counter;
        Digest digest{};
        unsigned int size = 0;
        if (::HMAC(
                EVP_sha256(),
                seed.data(),
                static_cast<int>(seed.size()),
                reinterpret_cast<const unsigned char*>(text.data()),
                text.size(),
                digest.data(),
                &size) == nullptr) {
            return nullptr;
        }
        Number number{BN_bin2bn(digest.data(), static_cast<int>(digest.size()), nullptr)};
        OPENSSL_cleanse(digest.data(), digest.size());
        if (number != nullptr && !BN_is_zero(number.get()) && BN_cmp(number.get(), order) < 0) {
            return number;
        }
    }
    return nullptr;
}

Key key_from(std::string_view seed) {
    const std::unique_ptr<EC_GROUP, Freed<EC_GROUP_free>> group{
        EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    const Number secret = group == nullptr ? nullptr : scalar_of(seed, group.get());
    if (secret == nullptr) {
        return nullptr;
    }
    const std::unique_ptr<EC_POINT, Freed<EC_POINT_free>> point{EC_POINT_new(group.get())};
    std::array<unsigned char, 65> encoded{};
    if (point == nullptr ||
        EC_POINT_mul(group.get(), point.get(), secret.get(), nullptr, nullptr, nullptr) != 1 ||
        EC_POINT_point2oct(
            group.get(),
            point.get(),
            POINT_CONVERSION_UNCOMPRESSED,
            encoded.data(),
            encoded.size(),
            nullptr) != encoded.size()) {
        return nullptr;
    }
    const std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>> build{OSSL_PARAM_BLD_new()};
    if (build == nullptr ||
        OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(
            build.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size()) != 1 ||
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get()) != 1) {
        return nullptr;
    }
    const std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>> parameters{
        OSSL_PARAM_BLD_to_param(build.get())};
    const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context{
        EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)};
    EVP_PKEY* key = nullptr;
    if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) != 1) {
        return nullptr;
    }
    return Key{key};
}

Result<Key> make_key(std::string_view seed) {
    if (!seed.empty() && seed.size() < certificate_seed_min) {
        return fail(
            Errc::invalid_argument,
            fmt::format("the seed of a node's key has fewer than {} bytes", certificate_seed_min));
    }
    Key key = seed.empty() ? Key{EVP_EC_gen(curve)} : key_from(seed);
    if (key == nullptr) {
        return broken("make a key");
    }
    return key;
}

Result<std::string> pin_of(EVP_PKEY* key) {
    unsigned char* raw = nullptr;
    const int size = i2d_PUBKEY(key, &raw);
    Digest digest{};
    const bool hashed =
        size > 0 &&
        EVP_Digest(
            raw, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr) ==
            1;
    OPENSSL_free(raw);
    if (!hashed) {
        return broken("hash a public key");
    }
    std::string pin;
    for (const unsigned char byte : digest) {
        pin += fmt::format("{:02x}", byte);
    }
    return pin;
}

/// What OpenSSL wrote to a memory BIO; the BIO's own copy is wiped when it goes.
using MemoryBio = std::unique_ptr<BIO, Freed<BIO_free>>;
std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string{};
}

bool is_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= name_max && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.';
    });
}

bool set_time(ASN1_TIME* time, UtcTime at) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch();
    return ASN1_TIME_set(time, seconds.count()) != nullptr;
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension{
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str())};
    return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// A positive number of 63 bits.
bool set_serial(X509* certificate) {
    std::array<unsigned char, 8> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return false;
    }
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x01);
    const Number number{BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)};
    return number != nullptr &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

}  // namespace

WipedText::WipedText(WipedText&& other) noexcept : text_{other.text_} {
    other.wipe();
}

WipedText& WipedText::operator=(const WipedText& other) {
    if (this != &other) {
        wipe();
        text_ = other.text_;
    }
    return *this;
}

WipedText& WipedText::operator=(WipedText&& other) noexcept {
    if (this != &other) {
        wipe();
        text_.swap(other.text_);
    }
    return *this;
}

WipedText::~WipedText() {
    wipe();
}

void WipedText::wipe() noexcept {
    OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
}

Result<NodeCertificate> make_node_certificate(
    std::string_view name, std::string_view seed, UtcTime now, std::chrono::seconds life) {
    if (!is_name(name)) {
        return fail(
            Errc::invalid_argument,
            fmt::format("a node's name has 1 to {} letters, digits, dots and dashes", name_max));
    }
    if (life <= std::chrono::seconds{0}) {
        return fail(Errc::invalid_argument, "a node's life must be longer than nothing");
    }
    auto key = make_key(seed);
    if (!key) {
        return std::unexpected{key.error()};
    }
    const std::unique_ptr<X509, Freed<X509_free>> made{X509_new()};
    X509* certificate = made.get();
    const std::string common{name};
    if (certificate == nullptr || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !set_serial(certificate) ||
        !set_time(X509_getm_notBefore(certificate), now - certificate_margin) ||
        !set_time(X509_getm_notAfter(certificate), now + life + certificate_margin) ||
        X509_set_pubkey(certificate, key->get()) != 1 ||
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate),
            "CN",
            MBSTRING_ASC,
            reinterpret_cast<const unsigned char*>(common.data()),
            static_cast<int>(common.size()),
            -1,
            0) != 1 ||
        X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
        !add_extension(certificate, NID_subject_alt_name, "DNS:" + common) ||
        !add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate, NID_ext_key_usage, "serverAuth") ||
        X509_sign(certificate, key->get(), EVP_sha256()) == 0) {
        return broken("make a certificate");
    }
    const MemoryBio certificate_text{BIO_new(BIO_s_mem())};
    const MemoryBio key_text{BIO_new(BIO_s_secmem())};
    if (certificate_text == nullptr || key_text == nullptr ||
        PEM_write_bio_X509(certificate_text.get(), certificate) != 1 ||
        PEM_write_bio_PrivateKey(
            key_text.get(), key->get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return broken("write a certificate");
    }
    auto pin = pin_of(key->get());
    if (!pin) {
        return std::unexpected{pin.error()};
    }
    return NodeCertificate{
        .certificate = text_of(certificate_text.get()),
        .key = WipedText{text_of(key_text.get())},
        .pin = std::move(*pin)};
}

Result<std::string> node_pin(std::string_view seed) {
    if (seed.empty()) {
        return fail(Errc::invalid_argument, "a node's pin follows from a seed, and there is none");
    }
    auto key = make_key(seed);
    if (!key) {
        return std::unexpected{key.error()};
    }
    return pin_of(key->get());
}

}  // namespace evenkeel::inference::bootstrap
