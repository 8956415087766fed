#include "agent/reap/reap_log.hpp"

#include "agent/ledger/price_json.hpp"
#include "agent/ledger/state_dir.hpp"
#include "agent/service/durable_file.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace evenkeel::reap {

namespace json = boost::json;

namespace {

constexpr std::size_t bytes_max = 16 * 1024 * 1024;  ///< of the log; ten thousands of deeds
constexpr Deed deeds[] = {Deed::asked, Deed::answered, Deed::gone, Deed::left};

std::unexpected<Error> failed(const char* what, const std::filesystem::path& file) {
    return fail(
        Errc::io_failed,
        fmt::format("cannot {} {}: {}", what, file.string(), std::strerror(errno)));
}

std::string text_of(const json::object& object, std::string_view key) {
    return json::value_to<std::string>(object.at(key));
}

UtcTime time_of(const json::object& object, std::string_view key) {
    return from_us(object.at(key).to_number<std::int64_t>());
}

}  // namespace

std::string_view to_text(Deed deed) noexcept {
    switch (deed) {
        case Deed::asked:
            return "delete_asked";
        case Deed::answered:
            return "delete_answered";
        case Deed::gone:
            return "gone";
        case Deed::left:
            return "left";
    }
    return "";
}

std::string to_line(const Entry& entry) {
    const providers::RemoteMachine& machine = entry.machine;
    json::object object{
        {"at_us", to_us(entry.at)},
        {"deed", to_text(entry.deed)},
        {"provider", entry.provider},
        {"remote_id", machine.remote_id},
        {"name", machine.name},
        {"owner_mark", machine.owner_mark},
        {"gpu", machine.gpu},
        {"gpu_count", machine.gpu_count},
        {"created_us", to_us(machine.created)},
        {"expires_us", to_us(machine.expires)},
        {"why", entry.why}};
    object["price"] = ledger::price_json(
        machine.price.currency().is_none() ? std::nullopt : std::optional{machine.price});
    return json::serialize(object);
}

Result<Entry> parse_line(std::string_view line) {
    try {
        const json::value value = json::parse({line.data(), line.size()});
        const json::object& object = value.as_object();
        Entry entry{
            .at = time_of(object, "at_us"),
            .provider = text_of(object, "provider"),
            .machine =
                {.remote_id = text_of(object, "remote_id"),
                 .name = text_of(object, "name"),
                 .owner_mark = text_of(object, "owner_mark"),
                 .gpu = text_of(object, "gpu"),
                 .gpu_count = object.at("gpu_count").to_number<int>(),
                 .price = ledger::price_from(object.at("price")).value_or(Price{}),
                 .created = time_of(object, "created_us"),
                 .expires = time_of(object, "expires_us")},
            .why = text_of(object, "why")};
        const std::string deed = text_of(object, "deed");
        for (const Deed one : deeds) {
            if (to_text(one) == deed) {
                entry.deed = one;
                return entry;
            }
        }
    } catch (const std::exception&) {
        // Falls through: one sentence for everything that is wrong with a line.
    }
    return fail(Errc::corrupt, "a line of reap.log cannot be read");
}

Result<Log> Log::open(const std::filesystem::path& state) {
    const std::filesystem::path file = state / log_file;
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed("open", file);
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd);
        return fail(Errc::conflict, "another evenkeel reap is at work on this state folder");
    }
    Log log{state, fd};
    struct stat folder{};
    if (::geteuid() == 0 && ::stat(state.c_str(), &folder) == 0 &&
        ::fchown(fd, folder.st_uid, folder.st_gid) != 0) {
        return failed("give to the agent's user", file);
    }
    if (!ledger::sync_folder(state)) {
        return failed("sync", state);
    }
    // A power cut may have left half a line: what follows must not be glued to it.
    const auto text = log.text();
    if (text && !text->empty() && text->back() != '\n' && !agent::write_all(fd, "\n")) {
        return failed("write", file);
    }
    return log;
}

Log::~Log() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Result<void> Log::append(const Entry& entry) {
    if (!agent::write_all(fd_, to_line(entry) + "\n") || ::fsync(fd_) != 0) {
        return failed("write", state_ / log_file);
    }
    return {};
}

Result<std::string> Log::text() const {
    std::string text;
    std::array<char, 64 * 1024> buffer{};
    for (off_t at = 0; text.size() <= bytes_max;) {
        const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), at);
        if (got < 0) {
            return failed("read", state_ / log_file);
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        at += got;
    }
    return fail(
        Errc::io_failed,
        fmt::format("{} is larger than {} bytes", (state_ / log_file).string(), bytes_max));
}

Result<std::vector<Entry>> Log::read() const {
    const auto all = text();
    if (!all) {
        return std::unexpected{all.error()};
    }
    std::vector<Entry> entries;
    for (std::size_t at = 0; at < all->size();) {
        const std::size_t end = std::min(all->find('\n', at), all->size());
        if (auto entry = parse_line(std::string_view{*all}.substr(at, end - at))) {
            entries.push_back(std::move(*entry));
        }
        at = end + 1;
    }
    return entries;
}

Result<void> Log::archive() {
    const auto all = text();
    if (!all) {
        return std::unexpected{all.error()};
    }
    const std::filesystem::path file = state_ / booked_file;
    const int fd =
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed("open", file);
    }
    const bool kept = agent::write_all(fd, *all) && ::fsync(fd) == 0;
    ::close(fd);
    if (!kept || !ledger::sync_folder(state_)) {
        return failed("write", file);
    }
    if (::ftruncate(fd_, 0) != 0 || ::fsync(fd_) != 0) {
        return failed("empty", state_ / log_file);
    }
    return {};
}

bool has_entries(const std::filesystem::path& state) noexcept {
    struct stat info{};
    return ::stat((state / log_file).c_str(), &info) == 0 && info.st_size > 0;
}

}  // namespace evenkeel::reap
