/** The tables of the ferry line, as the policy is shown them. */

export const TABLES = `CREATE TABLE ports (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  region TEXT NOT NULL  -- 'north' or 'south'
);
CREATE TABLE vessels (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,  -- 'car ferry', 'fast ferry' or 'freighter'
  built INTEGER NOT NULL,  -- year
  seats INTEGER NOT NULL,
  retired_on TEXT  -- date, NULL while in service
);
CREATE TABLE routes (
  id INTEGER PRIMARY KEY,
  from_port INTEGER NOT NULL REFERENCES ports (id),
  to_port INTEGER NOT NULL REFERENCES ports (id),
  miles INTEGER NOT NULL
);
CREATE TABLE sailings (
  id INTEGER PRIMARY KEY,
  route_id INTEGER NOT NULL REFERENCES routes (id),
  vessel_id INTEGER NOT NULL REFERENCES vessels (id),
  departs TEXT NOT NULL,  -- '2025-06-30 14:15'
  status TEXT NOT NULL,  -- 'sailed', 'diverted' or 'cancelled'
  delay_minutes INTEGER  -- NULL if cancelled
);
CREATE TABLE passengers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  born INTEGER NOT NULL,  -- year
  home_port INTEGER REFERENCES ports (id)  -- NULL if unknown
);
CREATE TABLE bookings (
  id INTEGER PRIMARY KEY,
  sailing_id INTEGER NOT NULL REFERENCES sailings (id),
  passenger_id INTEGER NOT NULL REFERENCES passengers (id),
  class TEXT NOT NULL,  -- 'deck', 'lounge' or 'cabin'
  price_cents INTEGER NOT NULL,
  booked_on TEXT NOT NULL,  -- date
  refunded INTEGER NOT NULL  -- 0 or 1
);
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY,
  sailing_id INTEGER NOT NULL REFERENCES sailings (id),
  kind TEXT NOT NULL,  -- 'engine', 'weather', 'collision', 'medical' or 'other'
  severity INTEGER NOT NULL,  -- 1 to 5
  cost_cents INTEGER  -- NULL if not known yet
);
`;

/** What the house means by its words. */
export const GLOSSARY = `- Revenue is the sum of the prices of bookings that were not refunded, in euros.
- Guests of a sailing are its bookings that were not refunded.
- A sailing took place if it was not cancelled. It was late if it took place with a delay of more than 15 minutes.
- A vessel is in service while it is not retired.
- Costs that are not known yet count as 0.`;
