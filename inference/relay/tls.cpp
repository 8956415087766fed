#include "inference/relay/tls.hpp"

#include "inference/relay/tls_session.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <sys/socket.h>

namespace evenkeel::inference::relay {

namespace {

struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

class Context final : public TlsContext {
public:
    Context(std::unique_ptr<SSL_CTX, FreeContext> context, std::string_view pin)
        : context_{std::move(context)}, pin_{pin} {}
    [[nodiscard]] void* native() const noexcept override { return context_.get(); }
    [[nodiscard]] std::string_view pin() const noexcept override { return pin_; }

private:
    std::unique_ptr<SSL_CTX, FreeContext> context_;
    std::string pin_;
};

struct FreeKeyText {
    void operator()(unsigned char* text) const noexcept { OPENSSL_free(text); }
};

/// SHA-256 of the peer's SubjectPublicKeyInfo as lower-case hex; empty when it has none. A resumed
/// session remembers the certificate of its first handshake.
std::string peer_pin(const SSL* ssl) {
    X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr) {
        return {};
    }
    unsigned char* raw = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &raw);
    const std::unique_ptr<unsigned char, FreeKeyText> encoded{raw};
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    if (size <= 0 || EVP_Digest(
                         encoded.get(),
                         static_cast<std::size_t>(size),
                         digest.data(),
                         &length,
                         EVP_sha256(),
                         nullptr) != 1) {
        return {};
    }
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        fmt::format_to(std::back_inserter(text), "{:02x}", digest[i]);
    }
    return text;
}

// OpenSSL's own socket BIO uses write(), which raises SIGPIPE; ours uses send(MSG_NOSIGNAL).
int fd_of(BIO* bio) noexcept {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_moved(BIO* bio, ssize_t count) noexcept {
    BIO_clear_retry_flags(bio);
    return static_cast<int>(count);
}

int bio_write(BIO* bio, const char* data, int size) {
    const ssize_t count =
        ::send(fd_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
        return -1;
    }
    return bio_moved(bio, count);
}

int bio_read(BIO* bio, char* data, int size) {
    const ssize_t count = ::recv(fd_of(bio), data, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    return bio_moved(bio, count);
}

long bio_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* made =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

std::string last_error() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "unknown TLS failure" : text;
}

std::unique_ptr<SSL_CTX, FreeContext> bare_context(int version_min) {
    std::unique_ptr<SSL_CTX, FreeContext> context{SSL_CTX_new(TLS_client_method())};
    if (context != nullptr) {
        SSL_CTX_set_min_proto_version(context.get(), version_min);
        SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_mode(
            context.get(),
            SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                SSL_MODE_RELEASE_BUFFERS);
    }
    return context;
}

constexpr std::size_t pin_digits = 64;

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const std::string& ca_file) {
    auto context = bare_context(TLS1_2_VERSION);
    if (context == nullptr) {
        return fail(Errc::io_failed, fmt::format("TLS cannot be set up: {}", last_error()));
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const int trusted =
        ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                        : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
    if (trusted != 1) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "certificates in '{}' cannot be used: {}",
                ca_file.empty() ? "the system's store" : ca_file,
                last_error()));
    }
    return std::make_shared<Context>(std::move(context), std::string_view{});
}

Result<std::shared_ptr<const TlsContext>> TlsContext::pinned(std::string_view pin) {
    const bool hex = std::ranges::all_of(
        pin, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (pin.size() != pin_digits || !hex) {
        return fail(
            Errc::invalid_argument,
            fmt::format("a pin is {} lower-case hex digits (SHA-256 of a public key)", pin_digits));
    }
    // TLS 1.3 knows no renegotiation, so the key that was compared is the key of the connection.
    auto context = bare_context(TLS1_3_VERSION);
    if (context == nullptr) {
        return fail(Errc::io_failed, fmt::format("TLS cannot be set up: {}", last_error()));
    }
    // Issuer, name and dates are not looked at: TlsSession::handshake compares the key itself.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    return std::make_shared<Context>(std::move(context), pin);
}

void TlsSession::Free::operator()(ssl_st* ssl) const noexcept {
    SSL_free(ssl);
}

Result<TlsSession> TlsSession::make(const TlsContext& context, int fd, const std::string& host) {
    TlsSession session;
    session.ssl_.reset(SSL_new(static_cast<SSL_CTX*>(context.native())));
    BIO* bio = session.ssl_ == nullptr ? nullptr : BIO_new(socket_method());
    if (bio == nullptr) {
        return fail(Errc::unavailable, fmt::format("TLS: {}", last_error()));
    }
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
    BIO_set_init(bio, 1);
    SSL* ssl = session.ssl_.get();
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    session.pin_ = context.pin();
    X509_VERIFY_PARAM* check = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) != 1) {
        SSL_set_tlsext_host_name(ssl, host.c_str());
        if (SSL_set1_host(ssl, host.c_str()) != 1) {
            return fail(Errc::unavailable, fmt::format("TLS: {}", last_error()));
        }
    }
    return session;
}

TlsSession::Step TlsSession::step(int result) noexcept {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_NONE:
            return Step::moved;
        case SSL_ERROR_WANT_READ:
            return Step::want_read;
        case SSL_ERROR_WANT_WRITE:
            return Step::want_write;
        case SSL_ERROR_ZERO_RETURN:
            return Step::closed;
        default:
            return Step::failed;
    }
}

TlsSession::Step TlsSession::handshake() {
    ERR_clear_error();
    const Step how = step(SSL_do_handshake(ssl_.get()));
    if (how == Step::moved && !pin_.empty()) {
        const std::string shown = peer_pin(ssl_.get());
        if (shown.size() != pin_.size() ||
            CRYPTO_memcmp(shown.data(), pin_.data(), shown.size()) != 0) {
            wrong_pin_ = true;
            return Step::failed;
        }
    }
    return how;
}

TlsSession::Step TlsSession::read(std::span<char> into, std::size_t& bytes) noexcept {
    ERR_clear_error();
    return step(SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes));
}

TlsSession::Step TlsSession::write(std::string_view from, std::size_t& bytes) noexcept {
    ERR_clear_error();
    return step(SSL_write_ex(ssl_.get(), from.data(), from.size(), &bytes));
}

bool TlsSession::pending() const noexcept {
    return SSL_pending(ssl_.get()) > 0;
}

Error TlsSession::handshake_error() const {
    if (wrong_pin_) {
        return {
            .code = Errc::unauthorized,
            .message = "the source shows another key than the pinned one: nothing was sent to it",
            .retry_after = {}};
    }
    const long verified = SSL_get_verify_result(ssl_.get());
    if (pin_.empty() && verified != X509_V_OK) {
        return {
            .code = Errc::unauthorized,
            .message = fmt::format(
                "the source's certificate is not trusted: {}",
                X509_verify_cert_error_string(verified)),
            .retry_after = {}};
    }
    return {
        .code = Errc::unavailable,
        .message = fmt::format("TLS handshake failed: {}", last_error()),
        .retry_after = {}};
}

}  // namespace evenkeel::inference::relay
