#pragma once

#include "policies/domain/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

/// Request traces as text -> rows. Recognised by their header line; no file, no gzip here.
namespace evenkeel::replay {

/// One request: when it came, counted from the start of the trace, and how big it was.
struct TraceRow {
    std::chrono::nanoseconds at{};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    friend constexpr bool operator==(const TraceRow&, const TraceRow&) = default;
};

enum class TraceFormat : std::uint8_t {
    azure,     ///< TIMESTAMP,ContextTokens,GeneratedTokens
    mooncake,  ///< timestamp,input_length,output_length,hash_ids
    servegen,  ///< arrival_s,client,input_tokens,output_tokens
};
[[nodiscard]] std::string_view to_text(TraceFormat format) noexcept;

struct Trace {
    TraceFormat format{TraceFormat::azure};
    std::vector<TraceRow> rows{};  ///< ascending by time; the first azure row is at 0
};

inline constexpr std::size_t trace_rows_max = 5'000'000;      ///< of a trace held in memory
inline constexpr std::int64_t trace_tokens_max = 10'000'000;  ///< of one request

/// Errc::invalid_argument with the line number for an unknown header, a malformed or overlong row,
/// or times that go backwards by more than a second (small disorder is sorted).
[[nodiscard]] Result<Trace> parse_trace(std::string_view text);

/// Reads a trace piece by piece. What it holds back is one unfinished line and the rows of the last
/// second, among which later lines may still come.
class TraceReader {
public:
    TraceReader();
    ~TraceReader();
    TraceReader(TraceReader&&) noexcept;
    TraceReader& operator=(TraceReader&&) noexcept;

    /// Takes more text and appends to `rows` those whose place is certain now. Errors as
    /// `parse_trace`; the reader is of no use after one.
    [[nodiscard]] Result<void> feed(std::string_view text, std::vector<TraceRow>& rows);
    /// The text is over: appends the rest.
    [[nodiscard]] Result<void> end(std::vector<TraceRow>& rows);
    /// Known once the first line was read.
    [[nodiscard]] TraceFormat format() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The rows with from <= at < to, times kept.
[[nodiscard]] std::vector<TraceRow> window(
    const std::vector<TraceRow>& rows, std::chrono::nanoseconds from, std::chrono::nanoseconds to);

}  // namespace evenkeel::replay
