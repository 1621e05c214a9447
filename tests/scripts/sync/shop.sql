-- The tables of schema-in-a-file.script.
CREATE TABLE customer (
  code TEXT COLLATE NOCASE PRIMARY KEY,
  name TEXT NOT NULL
);
