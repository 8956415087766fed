-- The tags of a request as its client sent them: name=value, a comma between two; '' = none. They
-- are part of its row and go with it. request.tag was never used: 0.
ALTER TABLE request ADD COLUMN tags TEXT NOT NULL DEFAULT '';
