#include "inference/relay/tls.hpp"

#include "inference/relay/tls_session.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <sys/socket.h>

namespace evenkeel::inference::relay {

namespace {

struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

class Context final : public TlsContext {
public:
    explicit Context(std::unique_ptr<SSL_CTX, FreeContext> context)
        : context_{std::move(context)} {}
    [[nodiscard]] void* native() const noexcept override { return context_.get(); }

private:
    std::unique_ptr<SSL_CTX, FreeContext> context_;
};

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

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const std::string& ca_file) {
    std::unique_ptr<SSL_CTX, FreeContext> context{SSL_CTX_new(TLS_client_method())};
    if (context == nullptr) {
        return fail(Errc::io_failed, fmt::format("TLS cannot be set up: {}", last_error()));
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(
        context.get(),
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
            SSL_MODE_RELEASE_BUFFERS);
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
    return std::make_shared<Context>(std::move(context));
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

TlsSession::Step TlsSession::handshake() noexcept {
    ERR_clear_error();
    return step(SSL_do_handshake(ssl_.get()));
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
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK) {
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
