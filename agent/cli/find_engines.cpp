#include "agent/cli/find_engines.hpp"

#include "providers/http/client.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <thread>
#include <utility>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t models_max = 64;

json::value parsed(std::string_view text) {
    boost::system::error_code code;
    json::value value = json::parse({text.data(), text.size()}, code);
    return code ? json::value{} : value;
}

std::string text_at(const json::value& value, std::string_view pointer) {
    boost::system::error_code code;
    const json::value* found = value.find_pointer({pointer.data(), pointer.size()}, code);
    return found != nullptr && found->is_string() ? json::value_to<std::string>(*found)
                                                  : std::string{};
}

std::int64_t number_at(const json::value& value, std::string_view pointer) {
    boost::system::error_code code;
    const json::value* found = value.find_pointer({pointer.data(), pointer.size()}, code);
    return found != nullptr && found->is_int64() && found->get_int64() > 0 ? found->get_int64() : 0;
}

std::string kind_of(const std::string& owner) {
    for (const auto& [word, kind] :
         {std::pair{"llamacpp", "llama.cpp"},
          std::pair{"vllm", "vllm"},
          std::pair{"sglang", "sglang"},
          std::pair{"library", "ollama"},
          std::pair{"synthetic", "synthetic"}}) {
        if (owner == word) {
            return kind;
        }
    }
    return "openai";
}

std::optional<FoundEngine> ask_port(std::uint16_t port, std::chrono::milliseconds limit) {
    auto client = providers::make_curl_client(
        {.base_url = fmt::format("http://127.0.0.1:{}", port),
         .connect_limit = limit,
         .total_limit = limit});
    if (!client) {
        return std::nullopt;
    }
    const auto models = (*client)->send({.target = "/v1/models"}, {});
    if (!models) {
        return std::nullopt;
    }
    if (models->status == 401 || models->status == 403) {
        // Our own gateway answers so too, but engines show their health to everybody.
        const auto health = (*client)->send({.target = "/health"}, {});
        return health && health->status == 200
                   ? std::optional{FoundEngine{.kind = "openai", .port = port, .wants_key = true}}
                   : std::nullopt;
    }
    if (models->status != 200) {
        return std::nullopt;
    }
    std::string props;
    if (models->body.contains("llamacpp")) {
        const auto answer = (*client)->send({.target = "/props"}, {});
        props = answer && answer->status == 200 ? answer->body : std::string{};
    }
    return engine_from(models->body, props, port);
}

}  // namespace

std::optional<FoundEngine> engine_from(
    std::string_view body, std::string_view props, std::uint16_t port) {
    const json::value list = parsed(body);
    boost::system::error_code code;
    const json::value* data = list.find_pointer("/data", code);
    if (data == nullptr || !data->is_array()) {
        return std::nullopt;
    }
    FoundEngine engine{.kind = "openai", .port = port};
    const json::value more = parsed(props);
    for (const json::value& item : data->get_array()) {
        FoundModel model{.id = text_at(item, "/id"), .context = number_at(item, "/max_model_len")};
        if (model.id.empty() || engine.models.size() == models_max) {
            continue;
        }
        if (engine.models.empty()) {
            engine.kind = kind_of(text_at(item, "/owned_by"));
        }
        if (engine.kind == "llama.cpp") {
            // n_ctx is what one slot has; the model list only says what it was trained for.
            model.context = number_at(more, "/default_generation_settings/n_ctx");
        }
        engine.models.push_back(std::move(model));
    }
    engine.slots = static_cast<int>(std::min<std::int64_t>(number_at(more, "/total_slots"), 1'024));
    return engine;
}

std::vector<FoundEngine> find_engines(
    const std::vector<std::uint16_t>& ports, std::chrono::milliseconds limit) {
    std::vector<std::optional<FoundEngine>> answers(ports.size());
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < ports.size(); ++i) {
            threads.emplace_back([&, i] { answers[i] = ask_port(ports[i], limit); });
        }
    }
    std::vector<FoundEngine> found;
    for (auto& answer : answers) {
        if (answer) {
            found.push_back(std::move(*answer));
        }
    }
    return found;
}

}  // namespace evenkeel::cli
