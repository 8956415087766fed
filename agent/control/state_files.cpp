#include "agent/control/state_files.hpp"

#include "agent/ledger/state_dir.hpp"
#include "agent/service/durable_file.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace evenkeel::agent {

namespace {

constexpr std::size_t line_max = 240;
constexpr mode_t readable = 0644;  ///< root may freeze, and the agent's user reads why

/// One printable line.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, line_max)) {
        out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
    }
    return out;
}

std::unexpected<Error> failed(const char* what, const std::filesystem::path& file) {
    return fail(
        Errc::io_failed,
        fmt::format("cannot {} {}: {}", what, file.string(), std::strerror(errno)));
}

/// The time of a file, to the microsecond.
std::optional<UtcTime> time_of(const std::filesystem::path& file) {
    struct stat info{};
    if (::stat(file.c_str(), &info) != 0) {
        return std::nullopt;
    }
    return UtcTime{
        std::chrono::seconds{info.st_mtim.tv_sec} +
        std::chrono::microseconds{info.st_mtim.tv_nsec / 1'000}};
}

}  // namespace

std::optional<Freeze> read_freeze(const std::filesystem::path& state) {
    const std::filesystem::path file = state / freeze_file;
    const auto at = time_of(file);
    if (!at) {
        // Only "there is none" is none: what cannot be looked at freezes.
        return errno == ENOENT || errno == ENOTDIR ? std::nullopt : std::optional{Freeze{}};
    }
    Freeze freeze{.at = *at};
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("by: ")) {
            freeze.by = plain(std::string_view{line}.substr(4));
        } else if (line.starts_with("reason: ")) {
            freeze.reason = plain(std::string_view{line}.substr(8));
        }
    }
    return freeze;
}

Result<void> write_freeze(const std::filesystem::path& state, const Freeze& freeze) {
    const std::filesystem::path file = state / freeze_file;
    const auto whole = std::chrono::floor<std::chrono::seconds>(freeze.at).time_since_epoch();
    const std::string text = fmt::format(
        "at: {:%Y-%m-%dT%H:%M:%S}Z\nby: {}\nreason: {}\n",
        fmt::gmtime(static_cast<std::time_t>(whole.count())),
        plain(freeze.by),
        plain(freeze.reason));
    return replace_file(file, text, readable);
}

Result<bool> remove_freeze(const std::filesystem::path& state) {
    const std::filesystem::path file = state / freeze_file;
    if (::unlink(file.c_str()) != 0) {
        return errno == ENOENT ? Result<bool>{false} : failed("remove", file);
    }
    static_cast<void>(ledger::sync_folder(state));
    return true;
}

std::string user_text(unsigned uid) {
    std::vector<char> buffer(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    const bool known =
        ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
    return known ? std::string{found->pw_name} : fmt::format("uid {}", uid);
}

void Heartbeat::beat(Now now) {
    if (last_ && now.boot - *last_ < every) {
        return;
    }
    last_ = now.boot;
    const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return;  // a full disk is told by the ledger; without this file we only look dead sooner
    }
    const auto us = now.utc.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(us);
    const timespec time{
        .tv_sec = whole.count(), .tv_nsec = std::chrono::nanoseconds{us - whole}.count()};
    const std::array<timespec, 2> times{time, time};
    static_cast<void>(::futimens(fd, times.data()));
    ::close(fd);
}

std::optional<UtcTime> last_heartbeat(const std::filesystem::path& state) {
    return time_of(state / heartbeat_file);
}

}  // namespace evenkeel::agent
