-- The address book and order list of a shop for bookbinders. Money is in cents of a euro.

CREATE TABLE customer (
  code    TEXT COLLATE NOCASE PRIMARY KEY,
  name    TEXT NOT NULL CHECK (length(name) > 0),
  email   TEXT COLLATE NOCASE UNIQUE,
  phone   TEXT,
  street  TEXT,
  zip     TEXT,
  city    TEXT,
  country TEXT CHECK (length(country) = 2),
  note    TEXT
);

CREATE TABLE product (
  sku    TEXT COLLATE NOCASE PRIMARY KEY,
  name   TEXT NOT NULL UNIQUE,
  price  INTEGER NOT NULL CHECK (price >= 0),
  stock  INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
  shelf  TEXT
);

CREATE TABLE orders (
  number   INTEGER PRIMARY KEY,
  customer TEXT NOT NULL REFERENCES customer (code),
  placed   TIMESTAMP,
  note     TEXT
);

CREATE TABLE order_line (
  order_number INTEGER REFERENCES orders (number) ON DELETE CASCADE,
  line         INTEGER CHECK (line > 0),
  product      TEXT NOT NULL REFERENCES product (sku),
  quantity     INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_number, line)
);

CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX order_line_product ON order_line (product);
