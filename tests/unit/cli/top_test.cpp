#include "agent/admin/view_json.hpp"
#include "agent/cli/terminal.hpp"
#include "agent/cli/text.hpp"
#include "agent/cli/top_frame.hpp"

#include <gtest/gtest.h>

/// The screen of `evenkeel top`, from what the daemon writes.
namespace evenkeel::cli {
namespace {

using namespace std::chrono_literals;

agent::View agent_view() {
    agent::View view;
    view.made =
        UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 10h + 31min + 40s};
    view.cost_rate = Money{4'300'000'000, *Currency::parse("AUD")};
    view.sources = {
        {.name = "desk",
         .kind = "own",
         .what = "RTX 5090 (own)",
         .model = "qwq-32b",
         .state = "serving",
         .busy = 4,
         .slots = 4,
         .tokens_per_s = 231,
         .measured = agent::MeasuredView{.step_us = 15'000, .windows = 3}},
        {.name = "runpod-1",
         .kind = "rental",
         .what = "H100 PCIe (rented)",
         .model = "qwq-32b",
         .state = "serving",
         .busy = 11,
         .slots = 16,
         .tokens_per_s = 804,
         .cost_rate = Money{4'110'000'000, *Currency::parse("AUD")}},
        {.name = "claude",
         .kind = "api",
         .model = "opus",
         .state = "ready",
         .busy = 2,
         .slots = 50}};
    view.queues = {{.model = "qwq-32b", .depth = 3}};
    view.machines = {{.name = "runpod-1", .ends = "16:17 UTC at the latest"}};
    view.decisions = {
        {.at = view.made, .what = "rent", .subject = "qwq-32b", .sentence = "a burst"}};
    view.sources[0].gpus = {0};
    inference::gpu::GpuReading card{
        .info = {.index = 0, .name = "RTX 5090", .memory_bytes = 34'190'917'632}};
    card.sample.memory_used_bytes = 29'957'000'000;
    card.sample.power_milliwatts = 571'400;
    card.sample.temperature_c = 74;
    inference::gpu::Snapshot snapshot{.round = 1};
    snapshot.gpus.push_back(card);
    view.gpus = std::make_shared<const inference::gpu::Snapshot>(std::move(snapshot));
    return view;
}

const std::vector<ledger::NameRow> names{
    {.ix = NameIx{1}, .text = "team-b"},
    {.ix = NameIx{2}, .text = "qwq-32b"},
    {.ix = NameIx{3}, .text = "runpod-1"}};

std::vector<inference::LiveRequest> live() {
    return {
        {.id = RequestId{32},
         .key = NameIx{1},
         .model = NameIx{2},
         .wait_ms = 12'000,
         .age_ms = 12'000},
        {.id = RequestId{33},
         .key = NameIx{1},
         .model = NameIx{2},
         .source = NameIx{3},
         .kind = SourceKind::rental,
         .age_ms = 19'000,
         .tokens_out = 1'204,
         .cost = Money{12'300'000, *Currency::parse("AUD")}}};
}

TopView view() {
    auto made = top_view(agent::status_json(agent_view(), {}), agent::requests_json(live(), names));
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(TopView{});
}

std::string text(const std::vector<Line>& lines) {
    std::string out;
    for (const Line& line : lines) {
        out += (line.look == Line::Look::chosen ? ">" : " ") + line.text + "\n";
    }
    return out;
}

TEST(TopFrame, Golden) {
    TopState state;
    note(state, view());
    EXPECT_EQ(
        text(frame(view(), state, {.columns = 110, .rows = 20})),
        " evenkeel top                                                     10:31:40 UTC   1 s   "
        "newest first   read-only\n"
        " A$4.30/h ⢸     tok/s 1,035 ⢸     queue 3 ⢸     watts 571 ⢸\n"
        " SOURCE    MODEL    BUSY            TOK/S        VRAM  POWER  TEMP   A$/H  PHASE    ENDS\n"
        ">desk      qwq-32b  ■■■■ 4/4          231  27.8/32 GB  571 W  74 C      -  serving  -\n"
        " runpod-1  qwq-32b  ■■■■■■□□ 11/16    804           -      -     -   4.11  serving  16:17 "
        "UTC at the latest\n"
        " claude    opus     2/50                0           -      -     -  token  ready    -\n"
        " REQUEST        KEY     MODEL    SOURCE      WAIT     AGE    OUT    COST\n"
        " 0000000000011  team-b  qwq-32b  runpod-1    0 ms  19.0 s  1,204  0.0123\n"
        " 0000000000010  team-b  qwq-32b  queued    12.0 s  12.0 s      -       -\n"
        " s sort   / filter   e explain   d drain   F freeze   ? help   q quit\n");
}

TEST(TopFrame, FitsEverySize) {
    TopView full = view();
    full.warnings.assign(
        20, "a warning that is rather long, so that it does not fit a small screen");
    full.requests.assign(300, full.requests[0]);
    for (const auto mode : {TopState::Mode::watch, TopState::Mode::help, TopState::Mode::explain}) {
        for (int columns = 1; columns < 130; columns += 7) {
            for (int rows = 1; rows < 40; rows += 3) {
                const TopState state{.mode = mode};
                const auto lines = frame(full, state, {.columns = columns, .rows = rows});
                ASSERT_LE(lines.size(), static_cast<std::size_t>(rows));
                for (const Line& line : lines) {
                    ASSERT_LE(width(line.text), static_cast<std::size_t>(columns)) << line.text;
                }
            }
        }
    }
}

TEST(TopFrame, NoControlCharacterOfANameReachesTheTerminal) {
    TopView hostile = view();
    hostile.sources[0].name = "a\x1b[2J\x07";
    hostile.requests[0].key =
        "k\xC2\x9B"
        "31m";
    hostile.warnings = {"w\r\n\x7f"};
    for (const Line& line : frame(hostile, {}, {.columns = 200, .rows = 50})) {
        for (const char c : line.text) {
            EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << line.text;
        }
        EXPECT_FALSE(line.text.contains("\xC2\x9B")) << line.text;
    }
}

TEST(TopFrame, OffTerminalOneFrameHasEveryRowAndNoKeys) {
    TopView full = view();
    full.requests.assign(300, full.requests[0]);
    const auto lines = frame(full, {.off_terminal = true}, {.columns = 100, .rows = 24});
    EXPECT_GT(lines.size(), 300u);
    const std::string all = text(lines);
    EXPECT_FALSE(all.contains("q quit"));
    EXPECT_FALSE(all.contains("\n>"));
}

TEST(TopKeys, SortFilterAndChoose) {
    const TopView seen = view();
    TopState state;
    const auto type = [&](std::u32string_view keys) {
        for (const char32_t c : keys) {
            EXPECT_EQ(press(state, seen, c).kind, TopAct::Kind::none);
        }
    };
    type(U"s");
    EXPECT_EQ(state.sort, TopSort::wait);
    EXPECT_LT(
        text(frame(seen, state, {120, 30})).find("12.0 s"),
        text(frame(seen, state, {120, 30})).find("19.0 s"));
    type(U"/QUEue");
    EXPECT_TRUE(text(frame(seen, state, {120, 30})).contains("/QUEue_"));
    type(U"\x7F\r");
    const std::string filtered = text(frame(seen, state, {120, 30}));
    EXPECT_TRUE(filtered.contains("queued")) << filtered;
    EXPECT_FALSE(filtered.contains("runpod-1")) << filtered;
    type(U"/\x1B");
    EXPECT_TRUE(text(frame(seen, state, {120, 30})).contains("runpod-1"));
    type(U"jjjjjjjjjj");
    EXPECT_EQ(state.chosen, 4u) << "three sources, two requests";
    EXPECT_EQ(press(state, seen, key::up).kind, TopAct::Kind::none);
    EXPECT_EQ(state.chosen, 3u);
    EXPECT_EQ(press(state, seen, U'q').kind, TopAct::Kind::quit);
}

TEST(TopKeys, ExplainTellsOfTheChosenRow) {
    const TopView seen = view();
    TopState state{.chosen = 1};
    press(state, seen, U'e');
    const std::string rented = text(frame(seen, state, {120, 30}));
    EXPECT_TRUE(rented.contains("runpod-1, H100 PCIe (rented)")) << rented;
    EXPECT_TRUE(rented.contains("16:17 UTC at the latest"));
    state.chosen = 0;
    EXPECT_TRUE(text(frame(seen, state, {160, 30})).contains("a step takes 15,000 us"));
    state.chosen = 4;
    const std::string queued = text(frame(seen, state, {120, 30}));
    EXPECT_TRUE(queued.contains("waits for a source since 12.0 s")) << queued;
    EXPECT_TRUE(queued.contains("10:31:40  qwq-32b: a burst")) << queued;
}

TEST(TopKeys, NothingIsChangedWithoutControlAndWithoutAYes) {
    TopView seen = view();
    TopState reader{.chosen = 1};
    for (const char32_t c : {U'd', U'y', U'F', U'y'}) {
        EXPECT_EQ(press(reader, seen, c).kind, TopAct::Kind::none);
    }
    TopState state{.control = true, .chosen = 0};
    press(state, seen, U'd');
    EXPECT_TRUE(state.message.contains("choose a rented machine")) << "an own one is not drained";
    state.chosen = 1;
    press(state, seen, U'd');
    EXPECT_TRUE(text(frame(seen, state, {120, 30})).contains("Drain runpod-1 (11 requests"));
    EXPECT_EQ(press(state, seen, U'n').kind, TopAct::Kind::none);
    EXPECT_EQ(state.message, "nothing was changed");
    press(state, seen, U'd');
    const TopAct drain = press(state, seen, U'y');
    EXPECT_EQ(drain.kind, TopAct::Kind::drain);
    EXPECT_EQ(drain.name, "runpod-1");
    press(state, seen, U'd');
    seen.sources.insert(seen.sources.begin() + 1, seen.sources[1]);
    seen.sources[1].name = "do-1";
    EXPECT_EQ(press(state, seen, U'y').name, "runpod-1") << "what was asked about, not its row";
    seen.sources.erase(seen.sources.begin() + 1);
    press(state, seen, U'd');
    seen.sources.erase(seen.sources.begin() + 1);
    EXPECT_EQ(press(state, seen, U'y').kind, TopAct::Kind::none) << "another row is there now";
    press(state, seen, U'F');
    EXPECT_EQ(press(state, seen, U'y').kind, TopAct::Kind::freeze);
    seen.frozen = true;
    press(state, seen, U'F');
    EXPECT_EQ(press(state, seen, U'y').kind, TopAct::Kind::thaw);
}

TEST(TopKeys, BytesBecomeKeys) {
    std::string bytes = "s\x1b[A\x1bOB\x1b[5~\xC3\xA9";
    EXPECT_EQ(take_keys(bytes, false), (std::deque<char32_t>{U's', key::up, key::down, 0xE9}));
    bytes = "\x1b";
    EXPECT_TRUE(take_keys(bytes, false).empty()) << "more may come";
    EXPECT_EQ(take_keys(bytes, true), std::deque<char32_t>{key::escape});
    bytes = "\x1b[1;5";
    EXPECT_TRUE(take_keys(bytes, false).empty());
    EXPECT_EQ(bytes.size(), 5u);
    EXPECT_TRUE(take_keys(bytes, true).empty());
    EXPECT_TRUE(bytes.empty());
}

TEST(TopTrace, TwoSamplesACharacter) {
    Trace trace;
    EXPECT_EQ(trace.text(true), "");
    for (const std::int64_t value : {0, 1, 2, 3, 4}) {
        trace.add(value);
    }
    EXPECT_EQ(trace.text(true), "⢀⣠⣾");
    EXPECT_EQ(trace.text(false), " :=*#");
    for (int i = 0; i < 100; ++i) {
        trace.add(7);
    }
    EXPECT_EQ(width(trace.text(true)), 10u);
}

TEST(TopView, AnotherVersionsAnswerIsAnError) {
    EXPECT_FALSE(top_view("{}", "{}"));
    EXPECT_FALSE(top_view("not json", "{}"));
}

}  // namespace
}  // namespace evenkeel::cli
