#pragma once

#include "lab/cloud/children.hpp"
#include "lab/cloud/service.hpp"
#include "tests/fakes/cloud/node_front.hpp"
#include "tests/fakes/cloud/shop.hpp"
#include "tests/fakes/cloud/tls_front.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace evenkeel::fakes::cloud {

/// What the process was asked for.
struct ServiceOptions {
    ShopOptions shop{};
    std::string state{};  ///< folder for certificates and the engines' keys; made if missing
    std::string engine_program{};  ///< `evenkeel`; empty: machines have fronts without engines
    std::string profile{"h100-32b-fp8"};
    std::string model{"qwq-32b"};  ///< served by machines whose text names none
    Flaw flaw{Flaw::none};
    Milliseconds kill_grace{200};
};

/// The vendors on sockets of 127.0.0.1: each on one plain and one TLS port, the inspection port
/// beside them, and the machines' fronts with their engines. One thread.
class Service {
public:
    /// `context` must outlive it.
    Service(boost::asio::io_context& context, ServiceOptions options);
    ~Service();

    /// Makes certificates and listens. Errors: io_failed, conflict.
    [[nodiscard]] Result<void> begin();
    /// {"digitalocean":{"http":"http://127.0.0.1:P","https":..},..,"inspect":..,"ca_file":..}
    [[nodiscard]] std::string places() const;
    /// As POST /personalities.
    [[nodiscard]] Result<void> change(std::string_view personality);
    /// Ends machines and engines; `done` runs when the last engine has ended.
    void close(std::function<void()> done);

private:
    struct Desk {
        std::unique_ptr<inference::http::Server> plain{};
        std::unique_ptr<inference::http::Server> behind_tls{};
        std::unique_ptr<TlsFront> tls{};
    };
    [[nodiscard]] boost::asio::awaitable<void> handle(
        inference::http::Exchange& exchange, Vendor vendor, bool tls);
    [[nodiscard]] boost::asio::awaitable<void> inspect_call(inference::http::Exchange& exchange);
    void after_call();
    void keep_time();
    void perform(const Effect& effect);
    void start_front(Machine& machine);
    [[nodiscard]] Result<int> start_engine(const Machine& machine);

    boost::asio::io_context& context_;
    ServiceOptions options_;
    Shop shop_;
    lab::cloud::CloudClock clock_;
    boost::asio::steady_timer due_;
    std::map<std::string, std::unique_ptr<NodeFront>> fronts_{};
    std::map<Vendor, Desk> desks_{};
    std::unique_ptr<inference::http::Server> inspection_{};
    std::function<void()> closed_{};
    std::unique_ptr<lab::cloud::Children> children_;
};

}  // namespace evenkeel::fakes::cloud
