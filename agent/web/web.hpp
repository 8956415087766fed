#pragma once

#include "agent/web/assets.hpp"
#include "agent/web/documents.hpp"
#include "agent/web/live.hpp"
#include "agent/web/measured.hpp"
#include "agent/web/sessions.hpp"
#include "agent/web/verifier.hpp"
#include "agent/web/workers.hpp"
#include "inference/http/server.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace evenkeel::web {

struct WebOptions {
    std::filesystem::path state{};
    std::filesystem::path config{};
    ledger::Zone zone{};
    /// Serves agent/web from here instead of what is embedded, read anew each time; empty: not.
    std::filesystem::path folder{};
};

/// The web page on the admin listener: its files, /ui/api/..., and, when the configuration says so,
/// actions after a login. Runs on the listener's thread; documents are made on workers.
class Web {
public:
    struct Parts {
        const agent::Board& board;
        const Clock& clock;
        /// Made on a worker, once a second while somebody listens.
        Live::Make live;
        /// Does what the control socket would do for a POST of `body` to `path`.
        std::function<boost::asio::awaitable<Result<std::string>>(
            std::string path, std::string body, std::string user)>
            act;
    };
    Web(WebOptions options, Parts parts);

    /// Whether a path is of the page.
    [[nodiscard]] static bool serves(std::string_view path) noexcept;
    /// Answers a GET or HEAD. Precondition: `serves` its path.
    [[nodiscard]] boost::asio::awaitable<void> answer(inference::http::Exchange& exchange);
    /// Answers a POST: login, logout, act. Precondition: `serves` its path.
    [[nodiscard]] boost::asio::awaitable<void> post(inference::http::Exchange& exchange);

    /// `evenkeel dashboard login`: a token for `user`. Errors: refused (the page only reads).
    [[nodiscard]] Result<std::string> make_token(std::string user);
    /// Streams end, new work is refused. Any thread.
    void close() noexcept;
    /// Waits for the workers. Before the context of the listener goes.
    void finish();

private:
    using Exchange = inference::http::Exchange;
    [[nodiscard]] boost::asio::awaitable<void> answer_file(Exchange& exchange);
    [[nodiscard]] boost::asio::awaitable<void> answer_document(
        Exchange& exchange, const Document& document);
    [[nodiscard]] boost::asio::awaitable<void> log_in(Exchange& exchange, const std::string& body);
    [[nodiscard]] boost::asio::awaitable<Result<std::string>> act(
        std::string body, std::string user);
    /// Whether actions are allowed at this moment; ends all sessions when they were not meanwhile.
    [[nodiscard]] bool may_control();
    /// Who may do what is asked, as a cookie and the head of a POST say. Errors: refused,
    /// unauthorized.
    [[nodiscard]] Result<std::string> actor(const inference::http::RequestHead& head);
    [[nodiscard]] std::string me(const inference::http::RequestHead& head);
    [[nodiscard]] Result<std::string> user_of(const inference::http::RequestHead& head);

    WebOptions options_;
    Parts parts_;
    Sessions sessions_;
    Verifier verifier_;
    MeasuredUses uses_;
    Workers workers_;
    Workers verify_workers_;  ///< its own, so that a long walk holds up no document
    Workers live_workers_;    ///< its own, so that a slow document does not make the page stale
    Live live_;
};

/// Whether a page of another site, or of another port of this host, asks: browsers say so.
[[nodiscard]] bool is_foreign(const inference::http::RequestHead& head) noexcept;
/// The HTTP status of an error of the page.
[[nodiscard]] int web_status(Errc code) noexcept;
/// A document, or {"error":{"code","message"}}, with the headers of the page.
[[nodiscard]] boost::asio::awaitable<void> respond_json(
    inference::http::Exchange& exchange, int status, std::string body, std::string cookie = {});
[[nodiscard]] boost::asio::awaitable<void> respond_error(
    inference::http::Exchange& exchange, Error error);

}  // namespace evenkeel::web
