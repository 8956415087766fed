#pragma once

#include "inference/dialect/pass_stream.hpp"

#include <string_view>

namespace evenkeel::inference::dialect {

/// A stream of OpenAI's /v1/responses, passed on whole. The end mark is the event that carries the
/// whole response once more: `response.completed`, `.incomplete` or `.failed`.
class ResponsesStream final : public PassStream {
public:
    /// The end mark is as long as the answer.
    static constexpr std::size_t end_mark_bytes_max = 16 * 1024 * 1024;
    ResponsesStream() noexcept : PassStream{end_mark_bytes_max} {}

private:
    Line data_line(std::string_view name, std::string_view data) override;
};

}  // namespace evenkeel::inference::dialect
