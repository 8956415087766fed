#include "inference/gateway/speech.hpp"

#include "inference/dialect/stream.hpp"

#include <fmt/format.h>

namespace evenkeel::inference {

using dialect::Dialect;
using dialect::Endpoint;

std::expected<Outgoing, dialect::ScanError> translate_request(
    const Speech&, std::string_view, std::string_view, std::int64_t) {
    return std::unexpected{
        dialect::ScanError{.message = "Nobody who serves this model speaks so.", .param = {}}};
}

std::unique_ptr<dialect::AnswerStream> follow_stream(
    const Speech&, const dialect::RequestScan& scan, std::string_view) {
    return std::make_unique<dialect::EventStream>(!scan.include_usage && scan.stream);
}

std::optional<Usage> usage_of(Endpoint, std::string_view body) {
    const auto scan = dialect::scan_answer(body);
    return scan ? scan->usage : std::nullopt;
}

std::optional<Usage> usage_of_tail(Endpoint asked, std::string_view tail) {
    // The tail begins in the middle of the object: complete it to one that can be read.
    const std::size_t at = tail.rfind(R"("usage")");
    return at == std::string_view::npos ? std::nullopt
                                        : usage_of(asked, fmt::format("{{{}", tail.substr(at)));
}

std::optional<std::string> translate_answer(const Speech&, std::string_view, std::string_view) {
    return std::nullopt;
}

int status_for(Dialect, const dialect::ApiError& error) {
    return error.status;
}

std::string error_body(Dialect, const dialect::ApiError& error, std::string_view) {
    return dialect::to_json(error);
}

std::string error_event(Dialect, const dialect::ApiError& error, std::string_view) {
    return dialect::to_event(error);
}

std::string models_body(Dialect, const std::vector<dialect::ModelRow>& rows, bool as_list) {
    return as_list ? dialect::models_json(rows) : dialect::model_json(rows.front());
}

std::string_view id_header(Dialect dialect) noexcept {
    return dialect == Dialect::anthropic ? "request-id" : "X-Request-Id";
}

}  // namespace evenkeel::inference
