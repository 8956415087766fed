#include "agent/cli/top_view.hpp"

#include "agent/cli/json_fields.hpp"
#include "agent/cli/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <exception>
#include <map>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// "10:31:40" of "2026-11-23T10:31:40.123Z".
std::string clock_part(const std::string& rfc3339) {
    return rfc3339.size() >= 19 ? rfc3339.substr(11, 8) : rfc3339;
}

std::optional<std::int64_t> optional_number(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value == nullptr || value->is_null() ? std::nullopt
                                                : std::optional{value->to_number<std::int64_t>()};
}

std::string measured_text(const json::value& measured) {
    if (measured.is_null()) {
        return {};
    }
    const json::object& object = measured.as_object();
    return fmt::format(
        "a step takes {} us and {} us for each request in it; {} prompt tokens/s; measured over {} "
        "busy spans",
        count_text(number_field(object, "step_us")),
        count_text(number_field(object, "step_more_us")),
        count_text(number_field(object, "prompt_tokens_per_s")),
        count_text(number_field(object, "windows")));
}

TopSource source_of(const json::object& object, std::string_view currency) {
    TopSource source{
        .name = text_field(object, "name"),
        .kind = text_field(object, "kind"),
        .what = text_field(object, "what"),
        .model = text_field(object, "model"),
        .state = text_field(object, "state"),
        .synthetic = object.at("synthetic").as_bool(),
        .busy = number_field(object, "busy"),
        .slots = number_field(object, "slots"),
        .queue = number_field(object, "queue"),
        .tokens_per_s = number_field(object, "tokens_per_s"),
        .granted = number_field(object, "granted"),
        .failed = number_field(object, "failed"),
        .state_for = std::chrono::seconds{number_field(object, "for_s")},
        .vram_used_bytes = optional_number(object, "vram_used_bytes"),
        .vram_bytes = optional_number(object, "vram_bytes"),
        .power_milliwatts = optional_number(object, "power_milliwatts"),
        .temperature_c = optional_number(object, "temperature_c"),
        .measured = measured_text(object.at("measured"))};
    if (!object.at("cost_rate").is_null()) {
        source.cost_rate = money_field(object, "cost_rate", currency);
    }
    return source;
}

TopRequest request_of(const json::object& object) {
    TopRequest request{
        .id = text_field(object, "id"),
        .key = text_field(object, "key"),
        .model = text_field(object, "model"),
        .source = text_field(object, "source"),
        .wait = seconds_field(object, "wait_s"),
        .age = seconds_field(object, "age_s"),
        .tokens_out = number_field(object, "tokens_out")};
    if (!object.at("cost").is_null()) {
        request.cost = money_field(object, "cost", text_field(object, "currency"));
    }
    return request;
}

TopView view_of(const json::object& status, const json::object& live) {
    const json::object& rate = status.at("cost_rate").as_object();
    const std::string currency = text_field(rate, "currency");
    TopView view{
        .at = clock_part(text_field(status, "at")),
        .frozen = status.at("frozen").as_bool(),
        .money_hazard = status.at("money_hazard").as_bool(),
        .cost_rate = money_field(rate, "amount", currency)};
    std::map<std::string, const json::object*> machines;
    for (const json::value& machine : status.at("machines").as_array()) {
        machines[text_field(machine.as_object(), "name")] = &machine.as_object();
    }
    for (const json::value& value : status.at("sources").as_array()) {
        TopSource source = source_of(value.as_object(), currency);
        if (const auto found = machines.find(source.name); found != machines.end()) {
            source.ends = text_field(*found->second, "ends");
            source.reason = text_field(*found->second, "reason");
        }
        view.tokens_per_s += source.tokens_per_s;
        view.sources.push_back(std::move(source));
    }
    for (const json::value& queue : status.at("queues").as_array()) {
        view.queued += number_field(queue.as_object(), "depth");
    }
    if (const json::value* gpus = status.if_contains("gpus")) {
        for (const json::value& gpu : gpus->as_array()) {
            if (const auto power = optional_number(gpu.as_object(), "power_milliwatts")) {
                view.milliwatts = view.milliwatts.value_or(0) + *power;
            }
        }
    }
    for (const json::value& value : live.at("requests").as_array()) {
        view.requests.push_back(request_of(value.as_object()));
    }
    for (const json::value& value : status.at("decisions").as_array()) {
        const json::object& decision = value.as_object();
        view.decisions.push_back(
            {.at = clock_part(text_field(decision, "at")),
             .subject = text_field(decision, "subject"),
             .sentence = text_field(decision, "sentence")});
    }
    for (const json::value& warning : status.at("warnings").as_array()) {
        view.warnings.push_back(json::value_to<std::string>(warning));
    }
    return view;
}

}  // namespace

Result<TopView> top_view(std::string_view status, std::string_view requests) {
    try {
        return view_of(
            json::parse({status.data(), status.size()}).as_object(),
            json::parse({requests.data(), requests.size()}).as_object());
    } catch (const std::exception&) {
        return fail(
            Errc::invalid_response,
            "the agent's answer cannot be read: is it another version than this command?");
    }
}

}  // namespace evenkeel::cli
