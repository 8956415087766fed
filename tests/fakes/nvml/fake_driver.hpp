#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>

namespace evenkeel::fake_nvml {

/// A script for the fake library, and its clock. One at a time.
class FakeDriver {
public:
    explicit FakeDriver(std::string_view script, std::string library = FAKE_NVML_LIBRARY)
        : library_{std::move(library)},
          file_{
              std::filesystem::temp_directory_path() /
              ("evenkeel-nvml-" + std::to_string(::getpid()))} {
        std::ofstream{file_} << script;
        ::setenv("EVENKEEL_FAKE_NVML", file_.c_str(), 1);
        handle_ = ::dlopen(library_.c_str(), RTLD_NOW);
        EXPECT_NE(handle_, nullptr) << ::dlerror();
        set_ = reinterpret_cast<void (*)(long long)>(::dlsym(handle_, "evenkeel_fake_nvml_at"));
        at_ms(0);
    }
    ~FakeDriver() {
        set_(-1);
        ::dlclose(handle_);
        ::unsetenv("EVENKEEL_FAKE_NVML");
        std::filesystem::remove(file_);
    }
    FakeDriver(const FakeDriver&) = delete;
    FakeDriver& operator=(const FakeDriver&) = delete;

    void at_ms(std::int64_t ms) { set_(ms); }
    void at(std::int64_t seconds) { at_ms(seconds * 1000); }
    [[nodiscard]] const std::string& library() const { return library_; }

private:
    std::string library_;
    std::filesystem::path file_;
    void* handle_{nullptr};
    void (*set_)(long long){nullptr};
};

}  // namespace evenkeel::fake_nvml
