#include "tests/fakes/cloud/process.hpp"

#include "providers/http/client.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace evenkeel::fakes::cloud {

using providers::exact_json::Value;

namespace {

constexpr std::chrono::milliseconds start_limit{20'000};
constexpr std::chrono::milliseconds end_grace{2'000};
constexpr std::chrono::milliseconds poll{5};

std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

}  // namespace

Result<FakeCloudProcess> FakeCloudProcess::start(
    const std::string& program, const std::string& folder, std::vector<std::string> flags) {
    const std::string places = folder + "/places.json";
    std::vector<std::string> arguments{
        "--state", folder + "/fake", "--places-file", places, "--token", std::string{token}};
    arguments.insert(
        arguments.end(),
        std::make_move_iterator(flags.begin()),
        std::make_move_iterator(flags.end()));
    auto child =
        lab::demo::start_child("fake_cloud", program, arguments, folder + "/fake_cloud.log", true);
    if (!child) {
        return std::unexpected{child.error()};
    }
    FakeCloudProcess process;
    process.child_ = *std::move(child);
    const auto deadline = std::chrono::steady_clock::now() + start_limit;
    while (std::chrono::steady_clock::now() < deadline) {
        const std::string text = read_text(places);
        if (!text.empty()) {
            auto parsed = providers::exact_json::parse(text);
            if (!parsed) {
                return std::unexpected{parsed.error()};
            }
            process.places_ = *std::move(parsed);
            return process;
        }
        if (lab::demo::has_ended(process.child_)) {
            break;
        }
        std::this_thread::sleep_for(poll);
    }
    return fail(
        Errc::io_failed,
        fmt::format("fake_cloud does not listen: {}", lab::demo::log_tail(process.child_.log, 5)));
}

FakeCloudProcess::FakeCloudProcess(FakeCloudProcess&& other) noexcept
    : child_{std::exchange(other.child_, {})}, places_{std::move(other.places_)} {}

FakeCloudProcess::~FakeCloudProcess() {
    if (child_.pid > 0 && !child_.status) {
        lab::demo::stop_child(child_, end_grace);
    }
}

std::string FakeCloudProcess::base_url(Vendor vendor, bool tls) const {
    const Value* const vendor_places = places_.find(to_text(vendor));
    return vendor_places == nullptr ? std::string{}
                                    : std::string{vendor_places->text(tls ? "https" : "http")};
}

std::string FakeCloudProcess::ca_file() const {
    return std::string{places_.text("ca_file")};
}

Result<Value> FakeCloudProcess::send(
    const char* method, const std::string& path, const std::string& body) const {
    auto client = providers::make_curl_client(
        {.base_url = std::string{places_.text("inspect")},
         .body_bytes_max = std::size_t{256} * 1024 * 1024});
    if (!client) {
        return std::unexpected{client.error()};
    }
    const auto answer =
        (*client)->send({.method = method, .target = path, .body = body}, std::stop_token{});
    if (!answer) {
        return std::unexpected{answer.error()};
    }
    if (answer->status >= 300) {
        return fail(Errc::rejected, fmt::format("{} {}: {}", method, path, answer->body));
    }
    providers::exact_json::Limits limits;
    limits.bytes = answer->body.size() + 1;
    return providers::exact_json::parse(answer->body, limits);
}

Result<Value> FakeCloudProcess::look(const std::string& path) const {
    return send("GET", path, "");
}

Result<Value> FakeCloudProcess::turn(const std::string& path, const std::string& body) const {
    return send("POST", path, body);
}

Result<void> FakeCloudProcess::put_on(Vendor vendor, Trouble trouble) const {
    return put_on(vendor, trouble, kind_of(trouble).times, kind_of(trouble).standard);
}

Result<void> FakeCloudProcess::put_on(
    Vendor vendor, Trouble trouble, int times, std::int64_t value) const {
    return change(fmt::format(
        R"({{"vendor":"{}","on":[{{"name":"{}","times":{},"value":{}}}]}})",
        to_text(vendor),
        kind_of(trouble).name,
        times,
        value));
}

Result<void> FakeCloudProcess::take_off_all(Vendor vendor) const {
    return change(fmt::format(R"({{"vendor":"{}","off":["*"]}})", to_text(vendor)));
}

Result<void> FakeCloudProcess::change(const std::string& personality) const {
    const auto changed = turn("/personalities", personality);
    return changed ? Result<void>{} : std::unexpected{changed.error()};
}

}  // namespace evenkeel::fakes::cloud
