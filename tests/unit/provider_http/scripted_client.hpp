#pragma once

#include "providers/http/client.hpp"

#include <deque>
#include <utility>
#include <vector>

namespace evenkeel::providers::testing {

/// Answers with the queued responses in their order and remembers what it was asked. With nothing
/// queued it answers `unavailable`.
class ScriptedClient final : public HttpClient {
public:
    Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
        sent.push_back(request);
        if (answers.empty()) {
            return fail(Errc::unavailable, "nothing scripted");
        }
        auto answer = std::move(answers.front());
        answers.pop_front();
        return answer;
    }
    std::vector<HttpRequest> sent{};
    std::deque<Result<HttpResponse>> answers{};
};

}  // namespace evenkeel::providers::testing
