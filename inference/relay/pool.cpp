#include "inference/relay/pool.hpp"

#include <boost/asio/error.hpp>

#include <array>

namespace evenkeel::inference::relay {

void Pool::remove(std::vector<Parked>& list, std::size_t at) {
    list[at].connection->parking = 0;
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
    --size_;
}

std::shared_ptr<Upstream> Pool::take(NameIx source) {
    const auto found = idle_.find(source);
    if (found == idle_.end()) {
        return nullptr;
    }
    std::vector<Parked>& list = found->second;
    for (std::size_t at = list.size(); at-- > 0;) {
        if (list[at].ending) {
            continue;
        }
        const std::shared_ptr<Upstream> connection = list[at].connection;
        const bool watched = list[at].watched;
        remove(list, at);
        if (watched) {
            boost::system::error_code ignored;
            connection->socket().cancel(ignored);
        }
        if (!connection->is_quiet()) {
            connection->close();
            continue;
        }
        return connection;
    }
    return nullptr;
}

void Pool::put(NameIx source, std::shared_ptr<Upstream> connection, TimePoint now) {
    park(source, {.connection = std::move(connection), .until = now + idle_max});
}

void Pool::put_ending(
    NameIx source, std::shared_ptr<Upstream> connection, AnswerBody body, TimePoint now) {
    park(
        source,
        {.connection = std::move(connection),
         .until = now + ending_max,
         .body = body,
         .ending = true});
}

void Pool::park(NameIx source, Parked parked) {
    std::vector<Parked>& list = idle_[source];
    if (list.size() >= per_source_max || !parked.connection->open()) {
        parked.connection->close();
        return;
    }
    parked.connection->parking = ++parkings_;
    list.push_back(std::move(parked));
    ++size_;
    if (list.back().ending) {
        watch(source, list.back());
    }
}

void Pool::watch(NameIx source, Parked& parked) {
    parked.watched = true;
    const std::shared_ptr<Upstream>& connection = parked.connection;
    const std::uint64_t parking = connection->parking;
    if (parked.ending) {
        connection->socket().async_wait(
            asio::ip::tcp::socket::wait_read,
            [this, source, connection, parking](const boost::system::error_code& code) {
                // Taken or dropped meanwhile: then it is somebody else's.
                if (!code && connection->parking == parking) {
                    readable(source, parking);
                }
            });
        return;
    }
    connection->await_unasked(
        [this, source, connection, parking](const boost::system::error_code& code) {
            if (code == asio::error::operation_aborted) {
                return;
            }
            if (connection->parking == parking) {
                readable(source, parking);
            } else {
                connection->close();  // taken in the same instant: its request tries another
            }
        });
}

void Pool::readable(NameIx source, std::uint64_t parking) {
    std::vector<Parked>& list = idle_[source];
    std::size_t at = 0;
    while (at < list.size() && list[at].connection->parking != parking) {
        ++at;
    }
    if (at == list.size()) {
        return;
    }
    Parked& parked = list[at];
    if (parked.ending) {
        std::array<char, 512> bytes{};
        const Upstream::Moved moved = parked.connection->read_some(bytes);
        if (moved.state == Upstream::State::again) {
            watch(source, parked);
            return;
        }
        if (moved.state == Upstream::State::moved) {
            static_cast<void>(parked.body.take(std::span{bytes}.first(moved.bytes)));
            if (parked.body.state() == AnswerBody::State::more) {
                watch(source, parked);
                return;
            }
            if (parked.body.reusable()) {
                parked.ending = false;
                parked.until += idle_max - ending_max;
                watch(source, parked);
                return;
            }
        }
    }
    parked.connection->close();
    remove(list, at);
}

void Pool::sweep(TimePoint now) {
    for (auto& [source, list] : idle_) {
        for (std::size_t at = list.size(); at-- > 0;) {
            if (list[at].until <= now) {
                list[at].connection->close();
                remove(list, at);
            } else if (!list[at].watched) {
                watch(source, list[at]);
            }
        }
    }
}

void Pool::drop(NameIx source) {
    const auto found = idle_.find(source);
    if (found == idle_.end()) {
        return;
    }
    while (!found->second.empty()) {
        found->second.back().connection->close();
        remove(found->second, found->second.size() - 1);
    }
    idle_.erase(found);
}

void Pool::clear() {
    while (!idle_.empty()) {
        const NameIx source = idle_.begin()->first;
        drop(source);
    }
}

}  // namespace evenkeel::inference::relay
