#include "policies/config/schema.hpp"

#include "tests/unit/config/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace evenkeel::config::test {
namespace {

namespace fs = std::filesystem;

const fs::path source{EVENKEEL_SOURCE_DIR};

class SchemaFolder {
public:
    SchemaFolder() {
        std::string name = (fs::temp_directory_path() / "evenkeel-schema-XXXXXX").string();
        path_ = ::mkdtemp(name.data()) == nullptr ? fs::path{} : fs::path{name};
    }
    SchemaFolder(const SchemaFolder&) = delete;
    SchemaFolder& operator=(const SchemaFolder&) = delete;
    ~SchemaFolder() {
        std::error_code code;
        fs::remove_all(path_, code);
    }
    fs::path write(const std::string& name, std::string_view text) const {
        std::ofstream{path_ / name} << text;
        return path_ / name;
    }

private:
    fs::path path_;
};

/// What Debian's python3-jsonschema says: "valid FILE" or "invalid FILE: why", a line each.
std::string validated(const fs::path& schema, const std::vector<fs::path>& files) {
    std::string command = fmt::format(
        "/usr/bin/python3 -W ignore '{}' '{}'",
        (source / "tests/data/schema/validate.py").string(),
        schema.string());
    for (const fs::path& file : files) {
        command += fmt::format(" '{}'", file.string());
    }
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe{
        ::popen((command + " 2>&1").c_str(), "r"), ::pclose};
    std::string out;
    char buffer[4096];
    while (pipe && std::fgets(buffer, sizeof buffer, pipe.get()) != nullptr) {
        out += buffer;
    }
    return out;
}

struct Sample {
    File file{};
    std::string text{};
    bool is_valid{false};
    const char* why{""};  ///< a part of what the validator says
};

/// What the schema can know, and so must find.
const std::vector<Sample>& samples() {
    static const std::vector<Sample> all{
        {ek, base_texts[0], true},
        {pr, base_texts[1], true},
        {mo, base_texts[2], true},
        {po, base_texts[3], true},
        {ek, daemon("listen: {api: \"[::1]:8080\"}\nspeed: 30"), true},
        {ek,
         daemon("currency: {report: AUD, rates: {USD: {rate: 1.4235, as_of: 2026-06-30}}}"),
         true},
        {ek, daemon("energy: {tariff: [{price: 0.33 AUD/kWh, when: \"10:00-15:00\"}]}"), true},
        {pr, providers("  do: {kind: digitalocean, credential: t, ssh_keys: [512190]}"), true},
        {mo, models("  x: {context: 32k, offers: [{on: desk}]}"), true},
        {mo, models("  x: {context: 32768, offers: [{on: desk}]}"), true},
        {po, policy("budgets: [{name: a, limit: 400 AUD, at: {\"60%\": warn}}]"), true},
        {po, policy("safety: {on_stop: keep, max_per_day: 40 USD}"), true},
        {ek, "version: 2\n", false, "2"},
        {ek, "speed: 1\n", false, "version"},
        {ek, daemon("spede: 30"), false, "spede"},
        {ek, daemon("listen: {api: everywhere}"), false, "everywhere"},
        {ek, daemon("hardware: [{gpus: [0]}]"), false, "name"},
        {ek, daemon("limits: {body_bytes: 32}"), false, "32"},
        {ek, daemon("speed: 0"), false, "0"},
        {pr, providers("  x: {kind: cloudy}"), false, "cloudy"},
        {pr, providers("  x: {kind: local, synthetic: yes}"), false, "yes"},
        {pr, providers("  x: {kind: local, max_machines: 65}"), false, "65"},
        {pr, providers("  x y: {kind: local}"), false, "x y"},
        {pr, "version: 1\nproviders: {}\n", false, ""},
        {mo, models("  x: {offers: [{on: desk, price: 4 USD}]}"), false, ""},
        {mo, models("  x: {offers: [{on: desk, price: {in: 1 USD/Mtok}}]}"), false, ""},
        {mo, models("  x: {offers: [{on: desk, seen: yesterday}]}"), false, "yesterday"},
        {po, policy("slo: {patience: 0.8s}"), false, "0.8s"},
        {po, policy("slo: {first_token: 5}"), false, "5"},
        {po, policy("budgets: [{name: a, limit: 400}]"), false, "400"},
        {po, policy("budgets: [{name: a, limit: 400 AUD, at: {60: warn}}]"), false, ""},
        {po, routes("{name: a, use: []}"), false, "[]"},
        {po, routes("{name: a, use: m}"), false, "m"},
        {po,
         scaling("{name: b, model: m, offers: [cloud], max_price: 5 USD/h}"),
         false,
         "max_life"},
        {po, policy("safety:"), false, "None"},
    };
    return all;
}

TEST(Schema, AValidatorFindsWhatIsWrongWithASingleKey) {
    const SchemaFolder folder;
    for (const File file : all_files) {
        const fs::path schema = folder.write("schema.json", json_schema(file));
        std::vector<fs::path> paths;
        std::vector<const Sample*> tried;
        for (const Sample& sample : samples()) {
            if (sample.file == file) {
                paths.push_back(folder.write(fmt::format("{}.yaml", paths.size()), sample.text));
                tried.push_back(&sample);
            }
        }
        std::istringstream said{validated(schema, paths)};
        std::string line;
        for (const Sample* sample : tried) {
            ASSERT_TRUE(std::getline(said, line)) << sample->text << line;
            EXPECT_TRUE(line.starts_with(sample->is_valid ? "valid " : "invalid ")) << line << "\n"
                                                                                    << sample->text;
            EXPECT_NE(line.find(sample->why), std::string::npos) << line << "\n" << sample->text;
        }
    }
}

TEST(Schema, OneSchemaServesAllFourFilesAndTheExamples) {
    const SchemaFolder folder;
    const fs::path schema = folder.write("evenkeel-v1.json", json_schema());
    std::vector<fs::path> good;
    for (const auto& example : fs::directory_iterator{source / "examples"}) {
        for (const File file :
             {File::evenkeel, File::providers, File::models, File::policy, File::cases}) {
            if (const fs::path path = example.path() / file_name(file); fs::exists(path)) {
                good.push_back(path);
            }
        }
    }
    ASSERT_GE(good.size(), 4u);
    std::string wanted;
    for (const fs::path& path : good) {
        wanted += fmt::format("valid {}\n", path.string());
    }
    EXPECT_EQ(validated(schema, good), wanted);
    // Keys of two files in one document are keys of none.
    const fs::path mixed = folder.write("mixed.yaml", base_texts[1] + "routes: []\n");
    EXPECT_TRUE(validated(schema, {mixed}).starts_with("invalid "));
}

/// What load() takes the schema must take: it may know less, never more.
TEST(Schema, NeverRefusesWhatLoads) {
    for (const Sample& sample : samples()) {
        const auto found = findings(base_with(sample.file, sample.text));
        const bool loads = std::ranges::all_of(found, [](const Diagnostic& finding) {
            return finding.severity == Severity::warning || finding.code.starts_with("EK-C03") ||
                   finding.code.starts_with("EK-C04") ||
                   finding.code.starts_with("EK-C05");  // between keys and files
        });
        EXPECT_EQ(loads, sample.is_valid) << sample.text << render_all(found);
    }
}

TEST(Schema, EveryKeyHasItsHelpInIt) {
    const std::string schema = json_schema();
    for (const File file : all_files) {
        for (const Key& key : keys(file)) {
            std::string help;
            for (const char c : key.help_text) {
                help += c == '"' ? std::string{"\\\""} : std::string{c};
            }
            EXPECT_NE(schema.find(help), std::string::npos) << key.path;
        }
    }
}

}  // namespace
}  // namespace evenkeel::config::test
