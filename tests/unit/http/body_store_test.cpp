#include "inference/http/body_store.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace evenkeel::inference::http {
namespace {

using namespace std::chrono_literals;

std::string body(std::size_t bytes) {
    return std::string(bytes, 'x');
}

TEST(BodyStore, GivesTheNewestThatFits) {
    BodyStore store;
    std::string first = body(100'000);
    std::string second = body(100'000);
    const char* const at = second.data();
    store.give(std::move(first));
    store.give(std::move(second));
    const std::string taken = store.take(90'000);
    EXPECT_EQ(taken.data(), at);
    EXPECT_EQ(taken, "");
    EXPECT_FALSE(store.empty());
    EXPECT_GE(store.take(100'001).capacity(), 100'001u) << "made anew";
    EXPECT_LT(store.take(20'000).capacity(), 100'000u) << "a waiting request would hold too much";
    EXPECT_EQ(store.take(95'000).capacity() / 100'000, 1u);
    EXPECT_TRUE(store.empty());
}

TEST(BodyStore, KeepsNeitherSmallOnesNorMoreThanItsBound) {
    BodyStore store;
    store.give(body(BodyStore::smallest - 1));
    store.give(body(BodyStore::largest + 1));
    EXPECT_TRUE(store.empty());
    for (int i = 0; i < 100; ++i) {
        store.give(body(BodyStore::bytes_max / 8));
    }
    int kept = 0;
    while (!store.empty()) {
        static_cast<void>(store.take(BodyStore::bytes_max / 8));
        ++kept;
    }
    EXPECT_GE(kept, 7);
    EXPECT_LE(kept, 8);
}

TEST(BodyStore, FreesWhatNobodyUses) {
    BodyStore store;
    BodyStore::TimePoint now{1000s};
    store.give(body(100'000));
    for (int i = 0; i < 20; ++i) {
        now += 250ms;
        store.sweep(now);
        EXPECT_FALSE(store.empty());
        store.give(store.take(100'000));
    }
    store.sweep(now);
    store.sweep(now + BodyStore::kept_for - 1ms);
    EXPECT_FALSE(store.empty());
    store.sweep(now + BodyStore::kept_for);
    EXPECT_TRUE(store.empty());
    EXPECT_EQ(store.take(100'000), "");
}

}  // namespace
}  // namespace evenkeel::inference::http
