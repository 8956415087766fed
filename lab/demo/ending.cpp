#include "lab/demo/story.hpp"

#include <fmt/format.h>

namespace evenkeel::lab::demo {
namespace {

std::string amount(const Result<Money>& money) {
    return money ? rounded_text(*money, 4) : std::string{"unknown"};
}

std::string cost_line(const json::object& spend) {
    const auto one = [&](std::string_view kind) {
        const Result<KindCost> cost = cost_of_kind(spend, kind);
        return cost ? amount(cost->cost) : std::string{"unknown"};
    };
    return fmt::format(
        "cost      own {} + rented {} + API {} = {} {} (all synthetic)",
        one("own"),
        one("rental"),
        one("api"),
        amount(total_of(spend)),
        text_at(spend, "currency"));
}

std::string requests_line(const Progress& progress, const player::PlayerReport& report) {
    std::string by_source;
    for (const auto& [source, totals] : report.sources) {
        by_source += fmt::format(
            "{}{} {}", by_source.empty() ? "" : ", ", source, count_text(totals.answered));
    }
    const auto trace_seconds = [&](int percent) {
        return static_cast<double>(player::percentile(report.first_token_ms, percent)) / 1'000 *
               static_cast<double>(progress.speed);
    };
    return fmt::format(
        "requests  {} sent, {} answered ({}), {} refused or failed, {} broken; first token p50 "
        "{:.1f} s, p95 {:.1f} s of trace time",
        count_text(report.sent),
        count_text(report.answered),
        by_source,
        count_text(report.errors),
        count_text(report.malformed + report.shed),
        trace_seconds(50),
        trace_seconds(95));
}

}  // namespace

std::vector<Check> judge(const player::PlayerReport& report, const Books& books) {
    return {
        check_requests(report, books.status),
        check_ledger_requests(report, books.spend),
        check_ledger(books.verify_status, books.verification),
        check_bill(books.spend, books.bill),
        check_machines(books.cloud_list, books.nodes)};
}

std::vector<std::string> summary(
    const Progress& progress,
    const player::PlayerReport& report,
    const Books& books,
    const std::vector<Check>& checks) {
    bool sound = true;
    for (const Check& check : checks) {
        sound = sound && check.ok;
    }
    const std::optional<std::int64_t> left = machines_left(books.cloud_list);
    return {
        fmt::format(
            "trace     {}, {} to {}, played at speed {}",
            progress.trace,
            clock_text(progress.from),
            clock_text(progress.to),
            progress.speed),
        requests_line(progress, report),
        cost_line(books.spend),
        fmt::format(
            "ledger    {}",
            sound ? "verified, complete, and equal to the sandbox cloud's own bill"
                  : "or another check FAILED, see above"),
        fmt::format("machines left: {}", left ? std::to_string(*left) : "unknown")};
}

std::vector<std::string> comparison_lines(
    const Comparison& comparison, const Price& machine_price, const Result<Money>& played) {
    const auto line = [](std::string_view what, const std::string& cost, std::string_view how) {
        return fmt::format("  {:<44} {:>10}   {}", what, cost, how);
    };
    const Currency currency = comparison.api_only.currency();
    return {
        fmt::format("The same traffic would have cost, in {}:", currency.text()),
        line("API only", amount(comparison.api_only), "exact: every token at the API's price"),
        line(
            "own GPU and one H100 from start to end",
            amount(comparison.always_on),
            fmt::format(
                "simulated with the same gate; left on, the H100 costs {} a day",
                rounded_text(machine_price.cost_of(std::chrono::days{1}, Rounding::half_even)))),
        line(
            "own GPU, the API as the only overflow",
            amount(comparison.own_api),
            "simulated with the same gate"),
        line("as it was played", amount(played), "from the ledger")};
}

std::vector<std::string> keep_lines(const Stage& stage, const std::string& program) {
    const std::string where = fmt::format("--config {} --state {}", stage.config(), stage.state());
    const std::string base = fmt::format("http://{}/v1", stage.address(stage.ports().api));
    return {
        "",
        "Everything is left running. Look at it:",
        fmt::format("  {} status {}", program, where),
        fmt::format("  {} nodes {}", program, where),
        fmt::format("  {} report spend {}", program, where),
        fmt::format("  http://{}/ in a browser", stage.address(stage.ports().admin)),
        "",
        "Ask it something (the answer is synthetic):",
        fmt::format(
            "  curl -si {}/chat/completions -H 'Authorization: Bearer {}' \\",
            base,
            stage.client_key()),
        fmt::format(
            "    -H 'Content-Type: application/json' -d '{{\"model\": \"{}\", \"max_tokens\": 40, "
            "\"messages\": [{{\"role\": \"user\", \"content\": \"hello\"}}]}}'",
            stage.world().model),
        "",
        "Or with the OpenAI SDK for Python:",
        "  from openai import OpenAI",
        fmt::format("  client = OpenAI(base_url=\"{}\", api_key=\"{}\")", base, stage.client_key()),
        fmt::format(
            "  print(client.chat.completions.create(model=\"{}\", max_tokens=40,",
            stage.world().model),
        "      messages=[{\"role\": \"user\", \"content\": "
        "\"hello\"}]).choices[0].message.content)",
        "",
        "Stop all of it, the daemon first:",
        fmt::format("  {} demo --stop {}", program, stage.folder())};
}

}  // namespace evenkeel::lab::demo
