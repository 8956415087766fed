#pragma once

#include "lab/demo/children.hpp"
#include "providers/http/exact_json.hpp"
#include "tests/fakes/cloud/personality.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::fakes::cloud {

/// `fake_cloud` as a child process, for tests that run the real daemon against it: where it
/// listens, and its inspection port as the oracle. Ends with the object, or with this process.
class FakeCloudProcess {
public:
    /// The key its clients must present.
    static constexpr std::string_view token = "fake-token-of-a-process";

    /// Starts `program` in `folder`, which must exist; `flags` come after the ones it needs anyway
    /// (see `fake_cloud --help`). Call it from a process with one thread. Errors: io_failed.
    [[nodiscard]] static Result<FakeCloudProcess> start(
        const std::string& program, const std::string& folder, std::vector<std::string> flags);

    FakeCloudProcess(FakeCloudProcess&& other) noexcept;
    FakeCloudProcess& operator=(FakeCloudProcess&&) = delete;
    FakeCloudProcess(const FakeCloudProcess&) = delete;
    FakeCloudProcess& operator=(const FakeCloudProcess&) = delete;
    ~FakeCloudProcess();

    /// What `providers.*.base_url` wants: "https://127.0.0.1:P", or plain.
    [[nodiscard]] std::string base_url(Vendor vendor, bool tls) const;
    /// What `providers.*.ca_file` wants.
    [[nodiscard]] std::string ca_file() const;
    [[nodiscard]] std::string log() const { return child_.log; }

    /// GET of the inspection port, such as "/summary" (tests/fakes/cloud/inspect.hpp).
    [[nodiscard]] Result<providers::exact_json::Value> look(const std::string& path) const;
    /// POST to it.
    [[nodiscard]] Result<providers::exact_json::Value> turn(
        const std::string& path, const std::string& body) const;
    /// Puts a personality on with its standard times and value.
    [[nodiscard]] Result<void> put_on(Vendor vendor, Trouble trouble) const;
    [[nodiscard]] Result<void> put_on(
        Vendor vendor, Trouble trouble, int times, std::int64_t value) const;
    [[nodiscard]] Result<void> take_off_all(Vendor vendor) const;

private:
    FakeCloudProcess() = default;
    [[nodiscard]] Result<void> change(const std::string& personality) const;
    [[nodiscard]] Result<providers::exact_json::Value> send(
        const char* method, const std::string& path, const std::string& body) const;

    lab::demo::Child child_{};
    providers::exact_json::Value places_{};
};

}  // namespace evenkeel::fakes::cloud
