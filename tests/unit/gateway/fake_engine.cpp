// The engine that gateway tests script byte by byte.
#include "tests/unit/gateway/rig.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace evenkeel::inference::test {

FakeEngine::FakeEngine(Script script) : script_{std::move(script)} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 128);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] { accept(); }};
}

FakeEngine::~FakeEngine() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void FakeEngine::refuse() {
    ::shutdown(listener_, SHUT_RDWR);
}

void FakeEngine::script(Script script) {
    const std::lock_guard lock{mutex_};
    script_ = std::move(script);
}

std::vector<std::string> FakeEngine::requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
}

void FakeEngine::accept() {
    while (!stop_) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        ++connections_;
        auto line = std::make_shared<Line>(fd);
        const std::lock_guard lock{mutex_};
        threads_.emplace_back([this, line] { serve(*line); });
    }
}

void FakeEngine::serve(Line& line) {
    std::string bytes;
    while (!stop_) {
        const std::size_t head_end = bytes.find("\r\n\r\n");
        if (head_end != std::string::npos) {
            const std::size_t at = lower(bytes).find("content-length: ");
            const std::size_t length = at < head_end ? std::stoul(bytes.substr(at + 16)) : 0;
            if (bytes.size() >= head_end + 4 + length) {
                Turn turn{
                    .request = bytes.substr(0, head_end + 4 + length),
                    .body = bytes.substr(head_end + 4, length),
                    .line = &line,
                    .engine = this};
                bytes.erase(0, turn.request.size());
                Script script;
                {
                    const std::lock_guard lock{mutex_};
                    requests_.push_back(turn.request);
                    turn.number = static_cast<int>(requests_.size());
                    script = script_;
                }
                script(turn);
                if (!turn.keep || !line.valid()) {
                    line.close();
                    return;
                }
                continue;
            }
        }
        const std::string more = line.receive(65536, 20ms);
        if (more.empty()) {
            if (line.closed_by_peer(0ms) || !line.valid()) {
                break;
            }
            char byte = 0;
            (void)byte;
            continue;
        }
        bytes += more;
    }
    line.close();
}

std::string plain_answer(std::string_view json) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nServer: engine\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        json.size(),
        json);
}

std::string chat_json(int prompt, int completion) {
    return fmt::format(
        R"({{"id":"x","choices":[{{"index":0,"message":{{"role":"assistant","content":"hi"}}}}],)"
        R"("usage":{{"prompt_tokens":{},"completion_tokens":{}}}}})",
        prompt,
        completion);
}

std::string stream_head() {
    return "HTTP/1.1 200 OK\r\nServer: engine\r\nContent-Type: text/event-stream\r\n"
           "Transfer-Encoding: chunked\r\n\r\n";
}

std::string chunked(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

std::string event(std::string_view content) {
    return fmt::format("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", content);
}

std::string usage_event(int prompt, int completion) {
    return fmt::format(
        "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{}}}}}\n\n",
        prompt,
        completion);
}

void good_engine(FakeEngine::Turn& turn) {
    if (turn.body.find("\"stream\":true") == std::string::npos) {
        turn.line->send(plain_answer(chat_json()));
        return;
    }
    turn.line->send(stream_head() + chunked(event("one")));
    turn.line->send(chunked(event("two")) + chunked(event("three")));
    turn.line->send(
        chunked(usage_event()) + chunked(std::string{done_event}) + std::string{last_chunk});
}

FakeEngine::Script talkative(int events) {
    return [events](FakeEngine::Turn& turn) {
        turn.line->send(stream_head());
        for (int i = 0; i < events; ++i) {
            if (!turn.line->send(chunked(event("w")))) {
                return;
            }
            if (i % 4 == 3) {
                std::this_thread::sleep_for(10ms);
            }
        }
        turn.line->send(
            chunked(usage_event(3, events)) + chunked(done_event) + std::string{last_chunk});
    };
}

}  // namespace evenkeel::inference::test
