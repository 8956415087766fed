#include "agent/ledger/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <sys/random.h>

namespace evenkeel::ledger {

std::string sha256(std::string_view bytes) {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{
        EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    std::string digest(32, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(digest.data());
    if (EVP_DigestInit_ex2(context.get(), algorithm, nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), out, nullptr) != 1) {
        throw std::runtime_error{"SHA-256 failed"};
    }
    return digest;
}

std::string random_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    const auto got = getrandom(bytes.data(), size, 0);
    return got == static_cast<ssize_t>(size) ? bytes : std::string{};
}

std::string to_hex(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return text;
}

Canonical& Canonical::add(std::int64_t value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (int i = 0; i < 8; ++i) {
        bytes_ += static_cast<char>(rest & 0xFF);
        rest >>= 8;
    }
    return *this;
}

Canonical& Canonical::add(std::string_view text) {
    add(static_cast<std::int64_t>(text.size()));
    bytes_ += text;
    return *this;
}

}  // namespace evenkeel::ledger
