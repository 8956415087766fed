#include "providers/http/secret.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace evenkeel::providers {

namespace {

class File {
public:
    explicit File(int descriptor) noexcept : descriptor_{descriptor} {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }
    [[nodiscard]] int get() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

Error file_error(const std::string& path, int code) {
    if (code == ENOENT || code == ENOTDIR) {
        return {Errc::not_found, fmt::format("credential file {} does not exist: create it", path)};
    }
    return {
        Errc::io_failed,
        fmt::format("credential file {} cannot be read: {}", path, std::strerror(code))};
}

/// Reads up to one byte more than the limit, so that "too large" is seen.
Result<std::string> read_all(int descriptor, const std::string& path) {
    std::string bytes(secret_bytes_max + 1, '\0');
    std::size_t used = 0;
    while (used < bytes.size()) {
        const ssize_t got = ::read(descriptor, bytes.data() + used, bytes.size() - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            explicit_bzero(bytes.data(), bytes.size());
            return std::unexpected{file_error(path, errno)};
        }
        if (got == 0) {
            break;
        }
        used += static_cast<std::size_t>(got);
    }
    bytes.resize(used);
    return bytes;
}

}  // namespace

Secret::Secret(std::string text) : bytes_(text.begin(), text.end()) {
    explicit_bzero(text.data(), text.size());
}

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) {
        wipe();
        bytes_ = other.bytes_;
    }
    return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
    }
    return *this;
}

Secret::~Secret() {
    wipe();
}

void Secret::wipe() noexcept {
    if (!bytes_.empty()) {
        explicit_bzero(bytes_.data(), bytes_.size());
    }
    bytes_.clear();
}

Result<SecretFile> read_secret_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO by mistake must not hang the start.
    const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.get() < 0) {
        return std::unexpected{file_error(path, errno)};
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) {
        return std::unexpected{file_error(path, errno)};
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(
            Errc::invalid_argument, fmt::format("credential file {} is not a regular file", path));
    }
    auto text = read_all(file.get(), path);
    if (!text) {
        return std::unexpected{text.error()};
    }
    if (text->size() > secret_bytes_max) {
        explicit_bzero(text->data(), text->size());
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "credential file {} is larger than {} bytes: is it the right file?",
                path,
                secret_bytes_max));
    }
    std::string_view trimmed{*text};
    trimmed.remove_suffix(trimmed.ends_with('\n') ? 1 : 0);
    trimmed.remove_suffix(trimmed.ends_with('\r') ? 1 : 0);
    SecretFile found{.secret = Secret{std::string{trimmed}}};
    explicit_bzero(text->data(), text->size());
    if (found.secret.empty()) {
        return fail(
            Errc::invalid_argument,
            fmt::format("credential file {} is empty: put the key into it", path));
    }
    for (const char c : found.secret.reveal()) {
        if (c <= ' ' || c > '~') {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "credential file {} must hold one key on one line, without spaces", path));
        }
    }
    if ((status.st_mode & S_IROTH) != 0) {
        found.warning = fmt::format(
            "credential file {} can be read by everybody on this host: chmod 600 it", path);
    }
    return found;
}

}  // namespace evenkeel::providers
