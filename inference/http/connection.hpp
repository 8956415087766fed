#pragma once

#include "inference/http/body_store.hpp"
#include "inference/http/chunk.hpp"
#include "inference/http/gather.hpp"
#include "inference/http/head.hpp"
#include "inference/http/response.hpp"
#include "inference/http/server.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::inference::http {

class Connection;

/// True when the coroutine has been cancelled. An operation that succeeded just before swallows
/// the cancellation: loops of operations must ask, or they go on for ever.
[[nodiscard]] inline bool is_called_off(const asio::cancellation_state& state) noexcept {
    return state.cancelled() != asio::cancellation_type::none;
}

/// What the connections of one server share. One thread; outlives them all.
struct Shared {
    using TimePoint = std::chrono::steady_clock::time_point;

    ServerOptions options{};
    Handler handler{};
    bool draining{false};
    std::string scratch{};  ///< for one head, between two suspensions only
    DateLine date{};
    BodyStore bodies{};

    /// Deadlines in one dense table that the server's timer walks; each connection owns a slot.
    struct Slot {
        TimePoint at{TimePoint::max()};
        std::unique_ptr<Connection> connection{};
    };
    std::vector<Slot> slots{};

    [[nodiscard]] std::string error_body(int status, std::string_view sentence) const;
};

/// One client: reads heads, hands each to the handler, sees to it that it gets one answer.
class Connection final : public Exchange {
public:
    enum class Purpose : std::uint8_t {
        serve,
        refuse,  ///< too many connections: answer 503 and close
    };

    Connection(Shared& shared, Socket socket, std::string peer, Purpose purpose);

    /// The whole life of the connection. Returns when it is over; never throws.
    [[nodiscard]] asio::awaitable<void> run();

    // For the server. Each may run at any suspension of run().
    void expire();  ///< its deadline has passed
    void drain();   ///< the server stops: an idle connection ends now
    void cancel();  ///< ends whatever is going on; may be repeated
    [[nodiscard]] asio::cancellation_slot slot() noexcept { return signal_.slot(); }
    [[nodiscard]] Purpose purpose() const noexcept { return purpose_; }
    std::size_t index{0};  ///< of its slot in Shared::slots

    // Exchange
    [[nodiscard]] const RequestHead& head() const noexcept override { return parser_.request(); }
    [[nodiscard]] std::string_view peer() const noexcept override { return peer_; }
    [[nodiscard]] Task<std::string> read_body() override;
    Task<void> respond(int status, const Headers& headers, std::string_view body) override;
    Task<void> begin_stream(int status, const Headers& headers) override;
    Task<void> write(std::string_view bytes) override;
    Task<void> end_stream() override;
    Task<void> write_raw(
        std::span<const std::string_view> pieces, bool last, bool reusable) override;
    void forget_head() noexcept override;
    void give_back(std::string body) noexcept override { shared_.bodies.give(std::move(body)); }
    [[nodiscard]] bool begun() const noexcept override { return begun_; }
    [[nodiscard]] Task<void> peer_gone() override;
    [[nodiscard]] Socket& socket() noexcept override { return socket_; }

private:
    enum class Arrival : std::uint8_t { head, refused, closed };
    enum class Body : std::uint8_t { none, unread, done, failed };
    enum class Answer : std::uint8_t { none, whole, stream, raw, ended };

    [[nodiscard]] asio::awaitable<Arrival> read_head();
    void start_exchange() noexcept;
    [[nodiscard]] asio::awaitable<void> call_handler();
    /// True when the connection goes on with the next request.
    [[nodiscard]] asio::awaitable<bool> finish_exchange();
    [[nodiscard]] asio::awaitable<void> refuse(int status, std::string_view sentence);
    [[nodiscard]] asio::awaitable<void> close();

    [[nodiscard]] Result<void> may_begin(int status, const Headers& headers) const;
    [[nodiscard]] bool must_close() const noexcept;
    [[nodiscard]] bool bodiless(int status) const noexcept;
    [[nodiscard]] Task<void> flush(Gather& gather);
    [[nodiscard]] Gather::Outcome try_send(Gather& gather) noexcept;
    [[nodiscard]] std::unexpected<Error> lost() const;

    [[nodiscard]] Task<std::string> read_sized_body(std::uint64_t size);
    [[nodiscard]] Task<std::string> read_chunked_body();
    [[nodiscard]] Task<void> send_continue();
    [[nodiscard]] Task<void> discard_body();
    [[nodiscard]] std::unexpected<Error> body_lost(const boost::system::error_code& code);

    void arm(std::chrono::milliseconds limit) noexcept;
    void disarm() noexcept;
    [[nodiscard]] std::string_view unread() const noexcept;
    [[nodiscard]] bool make_room();
    void take_over_rest();
    void receive_next();
    /// What the socket has already; 0: nothing, or an operation will say what is wrong.
    [[nodiscard]] std::size_t receive_now(std::span<char> into) noexcept;

    Shared& shared_;
    Socket socket_;
    asio::cancellation_signal signal_{};
    std::string peer_;
    HeadParser parser_{HeadParser::Kind::request};

    // Bytes [begin_, end_) are received and not dealt with; a head being answered lies before
    // begin_ and stays where it is.
    std::unique_ptr<char[]> buffer_{};
    std::size_t capacity_{0};
    std::size_t begin_{0};
    std::size_t end_{0};
    std::size_t head_end_{0};  ///< of the head being answered
    std::string rest_{};       ///< received behind a chunked body: the next request

    Purpose purpose_;
    Body body_{Body::none};
    Answer answer_{Answer::none};
    bool first_{true};
    bool idle_{false};       ///< waits for the first byte of a request
    bool begun_{false};      ///< a byte of the answer went to the socket
    bool swallow_{false};    ///< the answer has no body, whatever is written
    bool chunked_{false};    ///< the streamed answer is chunked
    bool reusable_{true};    ///< as far as answers are concerned
    bool expired_{false};    ///< the deadline of the operation in progress has passed
    bool cancelled_{false};  ///< by the server
    bool lost_{false};       ///< the peer has gone
    bool linger_{false};     ///< the peer may still be sending: let it read the answer
};

}  // namespace evenkeel::inference::http
