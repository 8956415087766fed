-- What a client key may do. routes: names with commas between; '' = all. Amounts: nano-units of
-- limit_currency in one window of limit_per; NULL = no limit. Rates and in_flight: 0 = any number.
ALTER TABLE client_key ADD COLUMN team TEXT NOT NULL DEFAULT '';
ALTER TABLE client_key ADD COLUMN routes TEXT NOT NULL DEFAULT '';
ALTER TABLE client_key ADD COLUMN expires_us INTEGER;
ALTER TABLE client_key ADD COLUMN limit_amount INTEGER CHECK(limit_amount >= 0);
ALTER TABLE client_key ADD COLUMN limit_currency TEXT CHECK(length(limit_currency) = 3);
ALTER TABLE client_key ADD COLUMN limit_per TEXT CHECK(limit_per IN ('hour', 'day', 'month'));
ALTER TABLE client_key ADD COLUMN requests_min INTEGER NOT NULL DEFAULT 0;
ALTER TABLE client_key ADD COLUMN tokens_min INTEGER NOT NULL DEFAULT 0;
ALTER TABLE client_key ADD COLUMN in_flight INTEGER NOT NULL DEFAULT 0;
