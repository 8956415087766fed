evenkeel_fuzz(scan_fuzz evenkeel_dialect Boost::json)
