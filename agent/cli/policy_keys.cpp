// `evenkeel policy schema` and `policy explain`: the table of keys for editors and for people.
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/policy_actions.hpp"
#include "policies/config/explain_key.hpp"
#include "policies/config/schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

json::object to_json(const config::KeyRef& ref) {
    const config::Key& key = *ref.key;
    return {
        {"key", key.path},
        {"file", file_name(ref.file)},
        {"value", config::value_text(key)},
        {"required", key.is_required},
        {"default", key.default_text},
        {"example", key.example_text},
        {"least", key.least},
        {"most", key.most},
        {"help", key.help_text},
        {"without", key.without_text},
    };
}

}  // namespace

int policy_schema(const std::string& file) {
    if (file.empty()) {
        std::cout << config::json_schema();
        return Exit::done;
    }
    for (const config::File each :
         {config::File::evenkeel,
          config::File::providers,
          config::File::models,
          config::File::policy,
          config::File::cases}) {
        if (file == file_name(each) || file + ".yaml" == file_name(each)) {
            std::cout << config::json_schema(each);
            return Exit::done;
        }
    }
    std::cerr << "evenkeel: there is no file '" << file
              << "'; write evenkeel, providers, models, policy or policy.test\n";
    return Exit::usage;
}

int policy_explain(const Globals& globals, const std::string& key) {
    const std::vector<config::KeyRef> found = config::find_keys(key);
    if (found.empty()) {
        const std::vector<std::string> near = config::near_keys(key);
        std::cerr << fmt::format(
            "evenkeel: there is no key '{}'{}\n",
            key,
            near.empty() ? "; docs/configuration.md lists them"
                         : fmt::format("; did you mean {}?", fmt::join(near, ", ")));
        return Exit::usage;
    }
    if (globals.json) {
        json::array list;
        for (const config::KeyRef& each : found) {
            list.emplace_back(to_json(each));
        }
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.policy-explain/1"}, {"keys", std::move(list)}})
                  << '\n';
        return Exit::done;
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        std::cout << (i == 0 ? "" : "\n") << config::explain_key(found[i]);
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
