#pragma once

#include "policies/domain/error.hpp"
#include "providers/provider.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What `evenkeel reap` did while the agent did not: lines in the state folder that the agent
/// books.
namespace evenkeel::reap {

inline constexpr const char* log_file = "reap.log";
/// What was booked is moved here and kept.
inline constexpr const char* booked_file = "reap.log.booked";

/// The story of one machine has these steps; each is a line.
enum class Deed : std::uint8_t {
    asked,     ///< a delete is about to be sent
    answered,  ///< the provider answered it; paid until then
    gone,      ///< a GET and two lists `proof_gap` apart say that it is gone
    left,      ///< not proved within the time given
};
[[nodiscard]] std::string_view to_text(Deed deed) noexcept;

struct Entry {
    UtcTime at{};
    Deed deed{Deed::asked};
    std::string provider{};
    providers::RemoteMachine
        machine{};      ///< as listed: id, name, mark, GPU, price, created, expires
    std::string why{};  ///< for people
};

/// One line without its end: a JSON object, times in microseconds, the price exact.
[[nodiscard]] std::string to_line(const Entry& entry);
/// Errors: corrupt.
[[nodiscard]] Result<Entry> parse_line(std::string_view line);

/// The log, held for writing: one reaper at a time, and the agent books only when nobody holds it.
class Log {
public:
    /// Makes the file when it is missing (0600). Errors: conflict (another process holds it),
    /// io_failed.
    [[nodiscard]] static Result<Log> open(const std::filesystem::path& state);
    ~Log();
    Log(Log&& other) noexcept
        : state_{std::move(other.state_)}, fd_{std::exchange(other.fd_, -1)} {}
    Log& operator=(Log&&) = delete;

    /// On disk when it returns. Errors: io_failed.
    [[nodiscard]] Result<void> append(const Entry& entry);
    /// Everything that is not booked yet, oldest first; a line torn by a power cut is left out.
    /// Errors: io_failed.
    [[nodiscard]] Result<std::vector<Entry>> read() const;
    /// Moves all lines to `booked_file`. A crash on the way leaves them in both: booking a line
    /// twice changes nothing. Errors: io_failed.
    [[nodiscard]] Result<void> archive();

private:
    Log(std::filesystem::path state, int fd) : state_{std::move(state)}, fd_{fd} {}
    [[nodiscard]] Result<std::string> text() const;
    std::filesystem::path state_;
    int fd_;
};

/// Whether there is anything to book; one look at the folder.
[[nodiscard]] bool has_entries(const std::filesystem::path& state) noexcept;

}  // namespace evenkeel::reap
