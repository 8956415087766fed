#pragma once

#include "agent/admin/actions.hpp"
#include "agent/admin/admin_parts.hpp"
#include "agent/admin/view_json.hpp"
#include "agent/metrics/metrics.hpp"
#include "agent/web/web.hpp"
#include "agent/web/workers.hpp"
#include "inference/http/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace evenkeel::agent {

/// Whether a caller of the control socket may change things: root, and the agent's own user. All
/// who can open the socket may read; its mode (0660) lets the agent's group in.
[[nodiscard]] constexpr bool may_change(unsigned caller, unsigned own) noexcept {
    return caller == 0 || caller == own;
}
/// The admin API: JSON for the command line and the demo, health for monitoring, and the web page.
/// On TCP it only reads (but for what a person does on the page after a login, where the
/// configuration allows that), and only for requests that name this host (a web page of somebody
/// else cannot ask it); the control socket also writes, for root and the agent's own user. One
/// thread of its own, and a few workers for the page.
class Admin {
public:
    using Parts = AdminParts;
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
    /// A GET of what is not the page.
    [[nodiscard]] boost::asio::awaitable<void> read(inference::http::Exchange& exchange);
    [[nodiscard]] boost::asio::awaitable<Result<std::string>> requests_in_flight();
    [[nodiscard]] Result<std::string> node(std::string_view name);
    [[nodiscard]] Spent spent();
    [[nodiscard]] web::LiveDocuments live_documents();

    AdminOptions options_;
    Parts parts_;
    std::atomic<bool> stopping_{false};
    Spent spent_{};  ///< of the reading worker, as `metrics_`
    BootTime spent_at_{};
    Spent live_spent_{};  ///< of the worker that makes live documents, alone
    web::Web web_;        // above the context, whose coroutines use it to their end
    Actions actions_;
    metrics::Metrics metrics_;
    web::Workers readers_{1, 64};
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::unique_ptr<inference::http::Server> tcp_{};
    std::unique_ptr<inference::http::Server> unix_{};
    std::thread thread_{};
};

}  // namespace evenkeel::agent
