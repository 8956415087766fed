#include "providers/runpod/bill.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"
#include "providers/runpod/wire.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::providers::runpod {

namespace {

using exact_json::Value;

constexpr std::string_view who = "RunPod";

std::string hour_text(UtcTime time) {
    return url_encode(format_rfc3339(std::chrono::floor<std::chrono::hours>(time)));
}

struct Sum {
    std::string pod{};
    Money amount{};
    UtcTime first{};  ///< start of the first bucket that cost anything
    UtcTime last{};   ///< end of the last one
};

}  // namespace

HttpRequest make_bill_request(UtcTime now) {
    return {
        .target = fmt::format(
            "/v2/billing/pods?bucketSize=hour&startTime={}&endTime={}",
            hour_text(now - bill_window),
            hour_text(now + std::chrono::hours{1}))};
}

Result<std::vector<BillLine>> parse_bill(
    const HttpResponse& response, UtcTime now, std::chrono::milliseconds settle) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const records = value ? value->find("records") : nullptr;
    if (records == nullptr || records->kind() != Value::Kind::array) {
        return unreadable(who, "bill", value ? "no records in it" : value.error().message);
    }
    const Value* const metadata = value->find("metadata");
    const Value* const count = metadata == nullptr ? nullptr : metadata->find("recordCount");
    const auto counted = count == nullptr ? std::nullopt : count->integer();
    if (counted && *counted != static_cast<std::int64_t>(records->items().size())) {
        return unreadable(who, "bill", "it has fewer or more records than it says");
    }
    std::vector<Sum> sums;
    for (const Value& record : records->items()) {
        const std::string_view pod = record.text("podId");
        const auto start = parse_rfc3339(record.text("startTime"));
        const auto end = parse_rfc3339(record.text("endTime"));
        const auto amount = amount_of(record.find("totalAmount"), usd);
        if (!is_path_id(pod) || !start || !end || !amount) {
            return unreadable(who, "bill", "a record has no pod, time or amount");
        }
        if (amount->is_zero()) {
            continue;  // every pod has a record in every hour
        }
        auto sum = std::ranges::find(sums, pod, &Sum::pod);
        if (sum == sums.end()) {
            sum = sums.insert(
                sums.end(), Sum{.pod = std::string{pod}, .first = *start, .last = *end});
        }
        sum->amount += *amount;
        sum->first = std::min(sum->first, *start);
        sum->last = std::max(sum->last, *end);
    }
    const UtcTime window = std::chrono::floor<std::chrono::hours>(now - bill_window);
    std::vector<BillLine> lines;
    for (const Sum& sum : sums) {
        if (sum.first > window) {
            lines.push_back(
                {.remote_id = sum.pod, .amount = sum.amount, .final = sum.last + settle <= now});
        }
    }
    return lines;
}

}  // namespace evenkeel::providers::runpod
