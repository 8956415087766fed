#include "tests/fakes/cloud/json.hpp"

namespace evenkeel::fakes::cloud::json {

std::string object(const Members& members) {
    std::string text{"{"};
    for (const auto& [name, value] : members) {
        if (value.empty()) {
            continue;  // left out
        }
        text += (text.size() == 1 ? "" : ",") + quote(name) + ":" + value;
    }
    return text + "}";
}

std::string array(const std::vector<std::string>& items) {
    std::string text{"["};
    for (const std::string& item : items) {
        text += (text.size() == 1 ? "" : ",") + item;
    }
    return text + "]";
}

}  // namespace evenkeel::fakes::cloud::json
