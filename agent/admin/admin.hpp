#pragma once

#include "agent/admin/view_json.hpp"
#include "agent/config/apply_request.hpp"
#include "agent/control/control.hpp"
#include "agent/control/view.hpp"
#include "agent/ledger/keys.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/metrics/metrics.hpp"
#include "agent/web/web.hpp"
#include "inference/gateway/gateway.hpp"
#include "inference/http/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace evenkeel::agent {

/// Headers of every JSON answer.
[[nodiscard]] const inference::http::Headers& json_headers();
/// {"error":{"code":..,"message":..}}: the code is the name of the Errc, for programs.
[[nodiscard]] std::string error_json(const Error& error);
/// Whether a caller of the control socket may change things: root, and the agent's own user. All
/// who can open the socket may read; its mode (0660) lets the agent's group in.
[[nodiscard]] constexpr bool may_change(unsigned caller, unsigned own) noexcept {
    return caller == 0 || caller == own;
}
/// The HTTP status of an error.
[[nodiscard]] int status_of(Errc code);

struct AdminOptions {
    std::string listen{"127.0.0.1:8081"};  ///< reading only
    std::filesystem::path socket{};        ///< control socket: reading and writing
    std::filesystem::path state{};
    std::filesystem::path config{};  ///< the folder of the configuration's files
    ledger::Zone zone{};
    /// Where agent/web lies, for who works on the page; empty: what is embedded.
    std::filesystem::path page_folder{};
};

/// The admin API: JSON for the command line and the demo, health for monitoring, and the web page.
/// On TCP it only reads (but for what a person does on the page after a login, where the
/// configuration allows that), and only for requests that name this host (a web page of somebody
/// else cannot ask it); the control socket also writes, for root and the agent's own user. One
/// thread of its own, and a few workers for the page.
class Admin {
public:
    struct Parts {
        Control& control;
        ledger::Ledger& ledger;
        inference::Gateway& gateway;
        const Board& board;
        const Clock& clock;
        /// Reloads the configuration; the answer is the revision, or what is wrong with the files.
        std::function<Result<std::int64_t>(const ApplyRequest&)> reload;
    };
    /// Errors: conflict (address in use), io_failed, invalid_argument (socket path too long).
    [[nodiscard]] static Result<std::unique_ptr<Admin>> start(AdminOptions options, Parts parts);
    ~Admin();
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;

    /// /readyz answers 503 from now on.
    void stopping() noexcept { stopping_ = true; }
    [[nodiscard]] std::string address() const { return tcp_->address(); }

private:
    Admin(AdminOptions options, Parts parts);
    [[nodiscard]] boost::asio::awaitable<void> answer(
        inference::http::Exchange& exchange, bool local);
    [[nodiscard]] boost::asio::awaitable<void> write(inference::http::Exchange& exchange);
    /// Does what a POST to `path` asks; the answer is its body. `user` is who asked.
    [[nodiscard]] boost::asio::awaitable<Result<std::string>> act(
        std::string path, std::string body, std::string user);
    [[nodiscard]] Result<std::string> node(std::string_view name);
    [[nodiscard]] Spent spent();
    [[nodiscard]] web::LiveDocuments live_documents();
    [[nodiscard]] std::string keys_json();
    [[nodiscard]] boost::asio::awaitable<Result<std::string>> requests_in_flight();

    AdminOptions options_;
    Parts parts_;
    std::atomic<bool> stopping_{false};
    Spent spent_{};
    BootTime spent_at_{};
    Spent live_spent_{};  ///< of the worker that makes live documents, alone
    web::Web web_;  // above the context, whose coroutines use it to their end
    metrics::Metrics metrics_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::unique_ptr<inference::http::Server> tcp_{};
    std::unique_ptr<inference::http::Server> unix_{};
    std::thread thread_{};
};

}  // namespace evenkeel::agent
