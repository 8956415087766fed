#include "inference/bootstrap/certificate.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace evenkeel::inference::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime now{std::chrono::seconds{1'764'000'000}};
constexpr std::string_view seed = "0123456789abcdef0123456789abcdef";

struct Freed {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Parsed = std::unique_ptr<X509, Freed>;

BIO* memory(std::string_view text) {
    return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
}

Parsed parse(const std::string& pem) {
    BIO* bio = memory(pem);
    Parsed out{PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)};
    BIO_free(bio);
    return out;
}

std::string spki_hash(X509* certificate) {
    unsigned char* raw = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &raw);
    std::array<unsigned char, 32> digest{};
    EVP_Digest(raw, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
    OPENSSL_free(raw);
    std::string text;
    for (const unsigned char byte : digest) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

TEST(NodeCertificateMaker, MakesASelfSignedPairForTheName) {
    const auto made = make_node_certificate("ek-1-a.b", seed, now, 6h);
    ASSERT_TRUE(made) << made.error().message;
    const Parsed certificate = parse(made->certificate);
    ASSERT_NE(certificate, nullptr);
    BIO* bio = memory(made->key.reveal());
    const std::unique_ptr<EVP_PKEY, Freed> key{
        PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr)};
    BIO_free(bio);
    ASSERT_NE(key, nullptr);
    EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1);
    EXPECT_EQ(X509_verify(certificate.get(), key.get()), 1);
    EXPECT_EQ(X509_check_host(certificate.get(), "ek-1-a.b", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_host(certificate.get(), "other", 0, 0, nullptr), 0);
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 256);
    EXPECT_EQ(made->pin, spki_hash(certificate.get()));
    EXPECT_TRUE(made->key.reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

TEST(NodeCertificateMaker, F47ValidityOutlastsTheLifeByTwoDaysOnBothSides) {
    const auto made = make_node_certificate("ek-1", seed, now, 6h);
    ASSERT_TRUE(made);
    const Parsed certificate = parse(made->certificate);
    const auto seconds = [](UtcTime at) { return static_cast<time_t>(to_us(at) / 1'000'000); };
    const auto compared = [](const ASN1_TIME* time, time_t at) {
        return ASN1_TIME_cmp_time_t(time, at);
    };
    const UtcTime first = now - 48h;
    const UtcTime last = now + 6h + 48h;
    EXPECT_EQ(compared(X509_get0_notBefore(certificate.get()), seconds(first)), 0);
    EXPECT_EQ(compared(X509_get0_notAfter(certificate.get()), seconds(last)), 0);
}

TEST(NodeCertificateMaker, TheKeyFollowsFromTheSeed) {
    const auto first = make_node_certificate("ek-1", seed, now, 6h);
    const auto again = make_node_certificate("ek-2", seed, now + 48h, 1h);
    ASSERT_TRUE(first && again);
    EXPECT_EQ(first->pin, again->pin);
    EXPECT_EQ(first->key.reveal(), again->key.reveal());
    EXPECT_NE(first->certificate, again->certificate);
    EXPECT_EQ(node_pin(seed).value_or(""), first->pin);
    // For ever: an agent that is replaced by a newer one must still know its machines.
    EXPECT_EQ(first->pin, "ac88cca463f907816dc2e0b376c0117e387ec6642d883af6d40be4c7fa2fe0f7");
    const auto other = make_node_certificate("ek-1", "0123456789abcdef0123456789abcdeF", now, 6h);
    ASSERT_TRUE(other);
    EXPECT_NE(other->pin, first->pin);
    const auto random = make_node_certificate("ek-1", "", now, 6h);
    const auto random_again = make_node_certificate("ek-1", "", now, 6h);
    ASSERT_TRUE(random && random_again);
    EXPECT_NE(random->pin, random_again->pin);
}

TEST(NodeCertificateMaker, RefusesWhatCannotBe) {
    const auto code = [](const auto& result) {
        return result ? std::optional<Errc>{} : result.error().code;
    };
    for (const char* name : {"", "a b", "a\n", "ü", "a/CN=b"}) {
        EXPECT_EQ(code(make_node_certificate(name, seed, now, 6h)), Errc::invalid_argument) << name;
    }
    EXPECT_EQ(
        code(make_node_certificate(std::string(65, 'a'), seed, now, 6h)), Errc::invalid_argument);
    EXPECT_EQ(code(make_node_certificate("a", "short", now, 6h)), Errc::invalid_argument);
    EXPECT_EQ(code(make_node_certificate("a", seed, now, 0s)), Errc::invalid_argument);
    EXPECT_EQ(code(node_pin("short")), Errc::invalid_argument);
    EXPECT_EQ(code(node_pin("")), Errc::invalid_argument);
}

TEST(WipedText, MovesAndCopies) {
    WipedText text{"0123456789abcdef0123456789abcdef"};
    WipedText copy{text};
    WipedText moved{std::move(text)};
    EXPECT_EQ(moved.reveal(), copy.reveal());
    copy = std::move(moved);
    EXPECT_EQ(copy.reveal(), "0123456789abcdef0123456789abcdef");
    WipedText target{"another"};
    target = copy;
    EXPECT_EQ(target.reveal(), copy.reveal());
    target = WipedText{};
    EXPECT_TRUE(target.empty());
}

}  // namespace
}  // namespace evenkeel::inference::bootstrap
