evenkeel_fuzz(translate_fuzz evenkeel_dialect Boost::json)
