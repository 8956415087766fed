#pragma once

#include "agent/doctor/rules.hpp"
#include "inference/gpu/sampler.hpp"
#include "policies/config/config.hpp"

#include <boost/json/fwd.hpp>

#include <filesystem>
#include <span>

/// What is made of the documents of an agent that runs, and small looks at this host.
namespace evenkeel::doctor {

/// Of an `evenkeel.status/1` document: that it runs.
[[nodiscard]] Finding agent_finding(const boost::json::object& status);
/// Of the same: the accounts at providers, with how long they last at `prices`.
[[nodiscard]] Findings account_findings(
    const boost::json::object& status, const boost::json::object& prices);
/// Of the same: what it warns of and no line of `told` says.
[[nodiscard]] Findings warning_findings(
    const boost::json::object& status, std::span<const Finding> told);
/// Of the same: whether own engines are ready.
[[nodiscard]] Findings own_engine_findings(const boost::json::object& status);

[[nodiscard]] GpuFacts facts_of(const inference::gpu::GpuReading& reading);
/// GPUs that hardware entries name.
[[nodiscard]] std::vector<int> configured_gpus(const config::Config& config);

[[nodiscard]] Result<ClockFacts> look_at_clock();
/// Room beside the ledger in the folder `state`. Errors: not_found, io_failed.
[[nodiscard]] Result<DiskFacts> look_at_disk(const std::filesystem::path& state);
/// The open files that process `pid` may have and, where that may be read, has; 0: this one.
struct OpenFiles {
    std::int64_t limit{0};
    std::optional<std::int64_t> open{};
};
[[nodiscard]] Result<OpenFiles> look_at_open_files(std::int64_t pid);
/// Bytes that process `pid` and its children may take together (memory.max of its cgroup); nothing
/// where no bound stands there.
[[nodiscard]] std::optional<std::int64_t> look_at_memory_limit(std::int64_t pid);

}  // namespace evenkeel::doctor
