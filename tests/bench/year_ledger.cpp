#include "tests/bench/year_ledger.hpp"

#include "agent/ledger/zone.hpp"
#include "tests/bench/year_machines.hpp"
#include "tests/bench/year_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace evenkeel::bench {

namespace {

using namespace names;
using std::chrono::hours;
using std::chrono::microseconds;

constexpr const char* zone_name = "Australia/Sydney";
constexpr int policies = 24;             ///< a new one every half month
constexpr std::int64_t hold_each = 900;  ///< one paid request in so many is held first
constexpr std::int64_t told_each = 100'000;

/// Load of the hours of a day in the zone, and of the days of a week from Sunday on.
constexpr std::array<int, 24> day_shape{10, 7,  5,  4,  4,  6,  12, 25, 55, 85, 100, 96,
                                        80, 88, 98, 95, 86, 70, 48, 36, 30, 26, 20,  14};
constexpr std::array<int, 7> week_shape{30, 100, 105, 108, 104, 92, 36};

/// Makes the requests of the year, hour by hour.
class Requests {
public:
    Requests(
        ledger::Ledger& ledger,
        ManualClock& clock,
        const YearShape& shape,
        Machines machines,
        Dice& dice,
        YearFigures& figures)
        : ledger_{ledger},
          clock_{clock},
          shape_{shape},
          machines_{std::move(machines)},
          dice_{dice},
          figures_{figures},
          ids_{0} {}

    void run(const std::function<void(std::int64_t)>& progress) {
        const std::int64_t hours_all = shape_.days * 24;
        std::int64_t weights = 0;
        for (std::int64_t hour = 0; hour < hours_all; ++hour) {
            weights += weight_of(hour);
        }
        std::int64_t weight = 0;
        for (std::int64_t hour = 0; hour < hours_all; ++hour) {
            enter_hour(hour);
            weight += weight_of(hour);
            const std::int64_t until =
                mul_div(shape_.requests, weight, weights, Rounding::down).value_or(0);
            make(hour, until - figures_.requests);
            if (progress && figures_.requests / told_each != told_) {
                told_ = figures_.requests / told_each;
                progress(figures_.requests);
            }
            post_power(hour);
        }
        // Machines of the last hours end after the year.
        while (next_ < machines_.happenings.size()) {
            happen();
        }
    }

private:
    [[nodiscard]] UtcTime start_of(std::int64_t hour) const {
        return UtcTime{shape_.start} + hours{hour};
    }

    [[nodiscard]] std::int64_t weight_of(std::int64_t hour) const {
        const auto local =
            start_of(hour) +
            ledger_.zone().offset(std::chrono::floor<std::chrono::seconds>(start_of(hour)));
        const auto day = std::chrono::floor<std::chrono::days>(local);
        const auto of_day = std::chrono::duration_cast<hours>(local - day).count();
        const std::chrono::weekday weekday{std::chrono::sys_days{day}};
        // Business grows by half within the year.
        const std::int64_t growth = 1'000 + 500 * hour / (shape_.days * 24);
        return day_shape[static_cast<std::size_t>(of_day)] * week_shape[weekday.c_encoding()] *
               growth;
    }

    void enter_hour(std::int64_t hour) {
        const std::int64_t hours_all = shape_.days * 24;
        const int quarter = static_cast<int>(hour * 4 / hours_all);
        set_clock(start_of(hour));
        if (quarter != quarter_) {
            quarter_ = quarter;
            prices_ = prices_of(quarter);
            book_prices(ledger_, prices_, start_of(hour));
        }
        const auto policy = static_cast<int>(hour * policies / hours_all);
        if (policy != policy_) {
            policy_ = policy;
            ledger_.policy(fmt::format("version: 1\n# policy {}\n", policy), "year", {});
        }
        const UtcTime month =
            ledger::window_start(config::BudgetPer::month, ledger_.zone(), start_of(hour));
        const UtcTime day =
            ledger::window_start(config::BudgetPer::day, ledger_.zone(), start_of(hour));
        month_ = month;
        day_ = day;
        while (stay_ < machines_.stays.size() && machines_.stays[stay_].to < start_of(hour)) {
            ++stay_;
        }
    }

    void set_clock(UtcTime at) {
        if (at > clock_.read().utc) {
            clock_.advance(at - clock_.read().utc);
        }
    }

    void happen() {
        Happening& what = machines_.happenings[next_++];
        set_clock(what.at);
        what.apply(ledger_, clock_.read());
        what.apply = {};
    }

    void make(std::int64_t hour, std::int64_t count) {
        const std::int64_t hour_us = std::chrono::duration_cast<microseconds>(hours{1}).count();
        for (std::int64_t i = 0; i < count; ++i) {
            const UtcTime at =
                start_of(hour) + microseconds{(hour_us * i + dice_.below(hour_us)) / count};
            while (next_ < machines_.happenings.size() && machines_.happenings[next_].at <= at) {
                happen();
            }
            set_clock(at);
            book(at);
        }
    }

    /// Who asks, for what, and who answers.
    void book(UtcTime at) {
        ledger::Request request{.id = RequestId{ids_.next(at)}, .at = at, .policy = policy_ + 1};
        // Few keys make most of the requests.
        const std::int64_t wide = dice_.below(shape_.keys) * dice_.below(1'000) / 1'000;
        request.key = NameIx{first_key + static_cast<std::int32_t>(wide)};
        const std::int64_t what = dice_.below(1'000);
        const std::int32_t model = what < 620   ? model_qwq
                                   : what < 760 ? model_r1
                                   : what < 840 ? model_opus
                                                : model_embed;
        request.model = NameIx{model};
        request.route = NameIx{
            model == model_opus    ? route_hard
            : model == model_embed ? route_own
            : dice_.chance(120)    ? route_batch
                                   : route_default};
        request.wait_ms = dice_.below(40) + (dice_.chance(60) ? dice_.below(9'000) : 0);
        request.ttft_ms = request.wait_ms + dice_.between(60, 900);
        request.total_ms = request.ttft_ms + dice_.between(200, 24'000);
        request.usage.prompt = 20 + dice_.below(200) * dice_.below(200) / 12;
        request.usage.completion =
            model == model_embed ? 0 : 8 + dice_.below(90) * dice_.below(90) / 9;
        if (dice_.chance(300)) {
            request.tags = fmt::format(
                "team={},job={}",
                names_of_teams[static_cast<std::size_t>(wide % 5)],
                dice_.below(wide % 3 == 0 ? 40 : 4));
        }
        const std::int64_t end = dice_.below(1'000);
        if (end < 8) {
            request.outcome = Outcome::refused;
            request.usage = {};
            request.charged = Money{0, aud};
            return record(std::move(request));
        }
        request.outcome = end < 14   ? Outcome::client_gone
                          : end < 19 ? Outcome::cut
                                     : Outcome::answered;
        choose_source(request, model, at);
        price(request);
        record(std::move(request));
    }

    void choose_source(ledger::Request& request, std::int32_t model, UtcTime at) {
        const Stay* stay = nullptr;
        for (std::size_t i = stay_; i < machines_.stays.size() && machines_.stays[i].from <= at;
             ++i) {
            if (at < machines_.stays[i].to) {
                stay = &machines_.stays[i];
                break;
            }
        }
        const auto answer = [&](std::int32_t source, SourceKind kind, std::int32_t provider) {
            request.source = NameIx{source};
            request.kind = kind;
            request.provider = NameIx{provider};
        };
        if (model == model_opus) {
            answer(source_claude, SourceKind::api, provider_claude);
        } else if (model == model_r1 || model == model_embed) {
            answer(source_rack, SourceKind::own, 0);
        } else if (stay != nullptr && dice_.chance(450)) {
            answer(stay->source, SourceKind::rental, stay->provider);
            request.machine = stay->machine;
        } else if (dice_.chance(70)) {
            answer(source_nano, SourceKind::api, provider_nano);
        } else {
            answer(source_desk, SourceKind::own, 0);
        }
    }

    void price(ledger::Request& request) {
        const Usage& usage = request.usage;
        constexpr auto once = Rounding::half_even;
        if (request.source == NameIx{source_claude}) {
            if (dice_.chance(400)) {
                request.usage.cached = usage.prompt * dice_.between(1, 8) / 10;
            }
            request.paid = prices_.claude_in.cost(usage.prompt - usage.cached, once) +
                           prices_.claude_cached.cost(usage.cached, once) +
                           prices_.claude_out.cost(usage.completion, once);
            request.charged = request.paid;
        } else if (request.source == NameIx{source_nano}) {
            request.paid = prices_.nano_in.cost(usage.prompt, once) +
                           prices_.nano_out.cost(usage.completion, once);
            request.charged = request.paid;
        } else {
            // Inside the house a tenth of what the API takes.
            request.charged = Money{
                prices_.nano_in.cost(usage.prompt + usage.completion, once).nanos() / 10, aud};
            request.paid = Money{0, aud};
        }
        const std::int64_t report = request.charged.currency() == aud
                                        ? request.charged.nanos()
                                        : mul_div(
                                              request.charged.nanos(),
                                              prices_.aud_for_usd_nanos,
                                              1'000'000'000,
                                              Rounding::up)
                                              .value_or(0);
        request.charged_report = report;
        request.budgets = {{NameIx{budget_all}, month_, report}};
        if (request.kind == SourceKind::api) {
            request.budgets.push_back({NameIx{budget_api}, day_, report});
        }
    }

    void record(ledger::Request request) {
        ++figures_.requests;
        figures_.tokens += request.usage.prompt + request.usage.completion;
        const bool is_paid = request.paid.nanos() > 0;
        figures_.paid_requests += is_paid ? 1 : 0;
        (request.paid.currency() == usd ? figures_.usd_nanos : figures_.aud_nanos) +=
            request.paid.nanos();
        if (is_paid && figures_.paid_requests % hold_each == 0) {
            hold(request);
        }
        while (!ledger_.record(request)) {
            std::this_thread::sleep_for(std::chrono::microseconds{200});
        }
    }

    /// As a paid call is: more is set aside before than it costs in the end.
    void hold(ledger::Request& request) {
        const auto promise = std::make_shared<std::promise<Result<HoldId>>>();
        ledger_.hold(
            {.request = request.id,
             .source = request.source,
             .amount = Money{request.paid.nanos() * 3 + 1, request.paid.currency()},
             .budgets = request.budgets},
            [promise](Result<HoldId> held) { promise->set_value(held); });
        if (const auto held = promise->get_future().get()) {
            request.hold = *held;
            request.budgets.clear();
        }
    }

    void post_power(std::int64_t hour) {
        const auto post = [&](const char* hardware, std::int32_t source, std::int64_t watts) {
            const std::int64_t busy = dice_.between(150, 950);
            const std::int64_t uj = watts * (120 + busy) / 1'000 * 3'600'000'000;
            const std::int64_t cost = prices_.power.cost(uj, Rounding::half_even).nanos();
            const Money wear{77'700'000 + busy, aud};
            ledger_.power(
                {.hardware = hardware,
                 .source = NameIx{source},
                 .hour = start_of(hour),
                 .microjoules = uj,
                 .price = prices_.power,
                 .budgets = {{NameIx{budget_all}, month_, cost}},
                 .work_microjoules = uj * busy / 1'100,
                 .host_microjoules = uj / 20,
                 .on = hours{1},
                 .worked = std::chrono::seconds{3'600 * busy / 1'000},
                 .wear = wear,
                 .wear_worked = Money{wear.nanos() * busy / 1'000, aud}});
            figures_.aud_nanos += cost;
        };
        post("desk", source_desk, 725);
        post("rack", source_rack, 1'450);
    }

    static constexpr std::array<const char*, 5> names_of_teams{
        "search", "support", "=cmd|calc", "research", "ops"};

    ledger::Ledger& ledger_;
    ManualClock& clock_;
    const YearShape& shape_;
    Machines machines_;
    Dice& dice_;
    YearFigures& figures_;
    IdGenerator ids_;
    Prices prices_{};
    int quarter_{-1};
    int policy_{-1};
    UtcTime month_{};
    UtcTime day_{};
    std::size_t next_{0};
    std::size_t stay_{0};
    std::int64_t told_{0};
};

}  // namespace

Result<YearFigures> fill_year(
    const std::filesystem::path& dir,
    const YearShape& shape,
    const std::function<void(std::int64_t)>& progress) {
    Dice dice{shape.seed};
    ManualClock clock{{BootTime{hours{1}}, UtcTime{shape.start} - std::chrono::minutes{1}}};
    auto opened =
        ledger::Ledger::open({.dir = dir, .clock = &clock, .zone = zone_name, .report = aud});
    if (!opened) {
        return std::unexpected{opened.error()};
    }
    ledger::Ledger& books = **opened;
    book_names(books, shape.keys);
    YearFigures figures{.machines = shape.machines};
    Machines machines = make_machines(shape, dice);
    figures.usd_nanos = machines.usd_nanos;
    Requests requests{books, clock, shape, std::move(machines), dice, figures};
    requests.run(progress);
    figures.end = UtcTime{shape.start} + std::chrono::days{shape.days};
    if (const auto closed = books.close(); !closed) {
        return std::unexpected{closed.error()};
    }
    const std::string problem = books.health().problem;
    return problem.empty() ? Result<YearFigures>{figures} : fail(Errc::io_failed, problem);
}

}  // namespace evenkeel::bench
