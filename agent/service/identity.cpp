#include "agent/service/identity.hpp"

#include "agent/ledger/sha256.hpp"
#include "agent/service/durable_file.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <fstream>
#include <sys/resource.h>
#include <system_error>

namespace evenkeel::agent {

namespace {

constexpr std::size_t secret_bytes = 32;

std::string first_line(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
}

}  // namespace

Result<std::string> engine_secret(const std::filesystem::path& state) {
    const auto path = state / "engine.secret";
    std::error_code code;
    if (std::filesystem::exists(path, code)) {
        const std::string text = first_line(path);
        if (text.size() != secret_bytes * 2) {
            return fail(
                Errc::corrupt,
                fmt::format("{}: damaged; end the rented machines, then remove it", path.string()));
        }
        return text;
    }
    std::array<unsigned char, secret_bytes> bytes{};
    if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return fail(Errc::io_failed, "the system gives no random bytes");
    }
    const std::string text =
        ledger::to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (auto written = replace_file(path, text + "\n", 0600); !written) {
        return std::unexpected{written.error()};
    }
    return text;
}

Result<std::string> host_boot_id() {
    std::string id = first_line("/proc/sys/kernel/random/boot_id");
    if (id.empty()) {
        return fail(Errc::io_failed, "/proc/sys/kernel/random/boot_id cannot be read");
    }
    return id;
}

std::size_t raise_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

}  // namespace evenkeel::agent
