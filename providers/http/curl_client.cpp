#include "providers/http/base_url.hpp"
#include "providers/http/client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <pthread.h>
#include <string_view>

namespace evenkeel::providers {

namespace {

constexpr std::size_t target_bytes_max = 8 * 1024;
constexpr std::size_t unix_path_max = 107;  // sizeof(sockaddr_un::sun_path) - 1
constexpr std::chrono::milliseconds retry_after_max = std::chrono::hours{1};

struct EasyCloser {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct MultiCloser {
    void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};

/// Request header lines; one of them is the key, so all are wiped at the end.
class HeaderLines {
public:
    HeaderLines() = default;
    HeaderLines(const HeaderLines&) = delete;
    HeaderLines& operator=(const HeaderLines&) = delete;
    ~HeaderLines() {
        for (const curl_slist* line = list_; line != nullptr; line = line->next) {
            explicit_bzero(line->data, std::strlen(line->data));
        }
        curl_slist_free_all(list_);
    }
    void add(const std::string& line) {
        curl_slist* const grown = curl_slist_append(list_, line.c_str());
        if (grown == nullptr) {
            throw std::bad_alloc{};
        }
        list_ = grown;
    }
    [[nodiscard]] curl_slist* get() const noexcept { return list_; }

private:
    curl_slist* list_{nullptr};
};

/// Keeps SIGPIPE of a dead TLS connection from this thread: OpenSSL writes without MSG_NOSIGNAL.
class SigpipeGuard {
public:
    SigpipeGuard() noexcept {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending{};
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    SigpipeGuard(const SigpipeGuard&) = delete;
    SigpipeGuard& operator=(const SigpipeGuard&) = delete;
    ~SigpipeGuard() {
        const timespec none{};
        while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &none) > 0) {
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool was_pending_{false};
};

/// What the callbacks of one exchange collect.
struct Answer {
    std::string body{};
    std::size_t header_bytes{0};
    std::size_t body_bytes_max{0};
    std::size_t header_bytes_max{0};
    bool too_large{false};
    RateHeaders rate{};
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* target) {
    auto& answer = *static_cast<Answer*>(target);
    const std::size_t length = size * count;
    if (length > answer.body_bytes_max - answer.body.size()) {
        answer.too_large = true;
        return 0;
    }
    answer.body.append(bytes, length);
    return length;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* target) {
    auto& answer = *static_cast<Answer*>(target);
    answer.header_bytes += size * count;
    if (answer.header_bytes > answer.header_bytes_max) {
        answer.too_large = true;
        return 0;
    }
    answer.rate.add({bytes, size * count});
    return size * count;
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(handle, option, value); code != CURLE_OK) {
        throw std::runtime_error{
            fmt::format("libcurl refuses option {}: {}", int{option}, curl_easy_strerror(code))};
    }
}

bool sendable(const HttpRequest& request) {
    constexpr std::array methods{"GET", "POST", "PUT", "DELETE"};
    return std::ranges::find(methods, request.method) != methods.end() &&
           request.target.starts_with('/') && request.target.size() <= target_bytes_max &&
           std::ranges::all_of(request.target, [](char c) { return c > ' ' && c <= '~'; });
}

bool breaks_the_contract(CURLcode code) noexcept {
    switch (code) {
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_FILESIZE_EXCEEDED:
        case CURLE_WRITE_ERROR:
            return true;
        default:
            return false;
    }
}

class CurlClient final : public HttpClient {
public:
    CurlClient(HttpOptions options, BaseUrl base)
        : options_{std::move(options)},
          base_{std::move(base)},
          easy_{curl_easy_init()},
          multi_{curl_multi_init()} {
        if (!easy_ || !multi_) {
            throw std::bad_alloc{};
        }
    }

    Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;

private:
    /// Where a request goes, for messages: without its query, which may name things of the owner.
    [[nodiscard]] std::string describe(const HttpRequest& request) const {
        return fmt::format(
            "{} {}{}{}",
            request.method,
            base_.origin,
            base_.prefix,
            request.target.substr(0, request.target.find('?')));
    }
    void prepare(const HttpRequest& request, const HeaderLines& lines, Answer& answer);
    [[nodiscard]] CURLcode perform(const std::stop_token& stop);
    [[nodiscard]] Error explain(
        const HttpRequest& request, CURLcode code, const Answer& answer, bool stopped) const;

    HttpOptions options_;
    BaseUrl base_;
    std::unique_ptr<CURL, EasyCloser> easy_;
    std::unique_ptr<CURLM, MultiCloser> multi_;
    std::array<char, CURL_ERROR_SIZE> detail_{};
};

void CurlClient::prepare(const HttpRequest& request, const HeaderLines& lines, Answer& answer) {
    CURL* const handle = easy_.get();
    curl_easy_reset(handle);
    detail_[0] = '\0';
    set(handle, CURLOPT_ERRORBUFFER, detail_.data());
    set(handle, CURLOPT_URL, (base_.origin + base_.prefix + request.target).c_str());
    set(handle, CURLOPT_PATH_AS_IS, 1L);
    set(handle, CURLOPT_PROTOCOLS_STR, base_.https ? "https" : "http");
    set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set(handle, CURLOPT_NOSIGNAL, 1L);
    // HTTP/2 would let libcurl send a refused request again by itself.
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(handle, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_limit.count()));
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_limit.count()));
    set(handle, CURLOPT_USERAGENT, ("evenkeel/" + options_.version).c_str());
    set(handle, CURLOPT_HTTPHEADER, lines.get());
    set(handle, CURLOPT_WRITEFUNCTION, &on_body);
    set(handle, CURLOPT_WRITEDATA, &answer);
    set(handle, CURLOPT_HEADERFUNCTION, &on_header);
    set(handle, CURLOPT_HEADERDATA, &answer);
    set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options_.ca_file.empty()) {
        set(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
        set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!options_.unix_socket.empty()) {
        set(handle, CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    }
    if (!base_.https) {
        set(handle, CURLOPT_PROXY, "");
    }
    if (request.method != "GET") {
        // On a kept connection that turns out dead libcurl sends again by itself.
        set(handle, CURLOPT_FRESH_CONNECT, 1L);
        set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
        set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(handle, CURLOPT_POSTFIELDS, request.body.c_str());
        if (request.method == "GET") {
            set(handle, CURLOPT_CUSTOMREQUEST, "GET");
        }
    }
}

CURLcode CurlClient::perform(const std::stop_token& stop) {
    const SigpipeGuard no_sigpipe;
    CURLM* const multi = multi_.get();
    const std::stop_callback wake{stop, [multi] { curl_multi_wakeup(multi); }};
    CURLcode outcome = CURLE_FAILED_INIT;
    bool done = curl_multi_add_handle(multi, easy_.get()) != CURLM_OK;
    while (!done) {
        int running = 0;
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            break;
        }
        int queued = 0;
        while (const CURLMsg* const message = curl_multi_info_read(multi, &queued)) {
            if (message->msg == CURLMSG_DONE) {
                outcome = message->data.result;
                done = true;
            }
        }
        if (!done && stop.stop_requested()) {
            outcome = CURLE_ABORTED_BY_CALLBACK;
            done = true;
        }
        if (!done && curl_multi_poll(multi, nullptr, 0, 1'000, nullptr) != CURLM_OK) {
            done = true;
        }
    }
    curl_multi_remove_handle(multi, easy_.get());
    return outcome;
}

Error CurlClient::explain(
    const HttpRequest& request, CURLcode code, const Answer& answer, bool stopped) const {
    long sent = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_REQUEST_SIZE, &sent);
    const std::string what = describe(request);
    const bool reads = request.method == "GET";
    if (stopped && (sent == 0 || reads)) {
        return {Errc::cancelled, fmt::format("{}: stopped", what)};
    }
    if (sent == 0) {
        const std::string_view detail{detail_.data()};
        return {
            Errc::unavailable,
            fmt::format(
                "{}: not sent: {}", what, detail.empty() ? curl_easy_strerror(code) : detail)};
    }
    const std::string why =
        stopped ? "stopped while waiting for the answer"
        : answer.too_large
            ? fmt::format("the answer is larger than {} bytes", answer.body_bytes_max)
            : std::string{curl_easy_strerror(code)};
    if (!reads) {
        return {
            Errc::outcome_unknown,
            fmt::format("{}: sent, but the outcome is not known: {}", what, why)};
    }
    const bool broken = answer.too_large || breaks_the_contract(code);
    return {
        broken ? Errc::invalid_response : Errc::unavailable,
        fmt::format("{}: no complete answer: {}", what, why)};
}

Result<HttpResponse> CurlClient::send(const HttpRequest& request, std::stop_token stop) {
    if (!sendable(request)) {
        return fail(Errc::invalid_argument, "not a sendable HTTP request");
    }
    if (stop.stop_requested()) {
        return fail(Errc::cancelled, fmt::format("{}: stopped before sending", describe(request)));
    }
    HeaderLines lines;
    lines.add("Accept: application/json");
    lines.add("Expect:");
    if (!request.body.empty()) {
        lines.add("Content-Type: application/json");
    }
    if (!options_.bearer.empty()) {
        std::string line = fmt::format("Authorization: Bearer {}", options_.bearer.reveal());
        lines.add(line);
        explicit_bzero(line.data(), line.size());
    }
    Answer answer{
        .body_bytes_max = options_.body_bytes_max, .header_bytes_max = options_.header_bytes_max};
    prepare(request, lines, answer);
    const CURLcode code = perform(stop);
    if (code != CURLE_OK) {
        const bool stopped = code == CURLE_ABORTED_BY_CALLBACK && stop.stop_requested();
        return std::unexpected{explain(request, code, answer, stopped)};
    }
    HttpResponse response{.body = std::move(answer.body), .rate = answer.rate.take()};
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
        constexpr curl_off_t longest = retry_after_max / std::chrono::seconds{1};
        response.retry_after = std::chrono::seconds{std::min(seconds, longest)};
    }
    return response;
}

}  // namespace

Result<std::unique_ptr<HttpClient>> make_curl_client(HttpOptions options) {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!ready) {
        return fail(Errc::io_failed, "libcurl could not be initialised");
    }
    auto base = parse_base_url(options.base_url);
    if (!base) {
        return std::unexpected{base.error()};
    }
    if (options.unix_socket.size() > unix_path_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "socket path {} is longer than {} bytes", options.unix_socket, unix_path_max));
    }
    if (options.version.empty()) {
        options.version = EVENKEEL_VERSION;
    }
    return std::make_unique<CurlClient>(std::move(options), *std::move(base));
}

}  // namespace evenkeel::providers
