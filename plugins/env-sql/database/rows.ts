/** Rows of the ferry line: two databases of one seed share their ports and nothing else. */
import { type Random, makeRandom } from "@resd/core";

/** The database that the policy sees, and the one that it does not. */
export const INSTANCES = ["shown", "hidden"] as const;
export type Instance = (typeof INSTANCES)[number];

type Value = string | number | null;
/** Rows by table, in the order in which tables refer to each other. */
export type Rows = ReadonlyArray<
  readonly [table: string, rows: ReadonlyArray<ReadonlyArray<Value>>]
>;

export const PORTS: ReadonlyArray<readonly [name: string, region: "north" | "south"]> = [
  ["Aldra", "north"],
  ["Brekk", "north"],
  ["Corvin", "south"],
  ["Dunmere", "south"],
  ["Eskholm", "north"],
  ["Farrow Point", "south"],
  ["Grunn", "north"],
  ["Halsay", "south"],
];
export const KINDS = ["car ferry", "fast ferry", "freighter"] as const;
export const CLASSES = ["deck", "lounge", "cabin"] as const;
export const INCIDENTS = ["engine", "weather", "collision", "medical", "other"] as const;
export const YEAR = 2025;

const VESSELS = (
  "Albatross Bonaventure Cormorant Driftwood Eider Fulmar Guillemot Heron Ibis Kittiwake Lodestar Meridian " +
  "Northwind Osprey Petrel Quayside Razorbill Sandpiper Tideway Undine"
).split(" ");
const FIRST_NAMES = (
  "Ada Bruno Clara Dario Edda Felix Greta Hanno Ines Jonas Karla Linus Mira Nils Oda Paul Rika Sven Tilda Uwe Vera " +
  "Wim Yara Zeno"
).split(" ");
const LAST_NAMES = (
  "Ahlers Brandt Claasen Dirks Ehlers Friis Gerdes Holm Iversen Jansen Krog Lund Madsen Nissen Olsen Petersen Quist " +
  "Rasch Stamer Thoms Voss Winter"
).split(" ");

/** Share of `true`. */
const chance = (random: Random, share: number): boolean => random.next() < share;
/** A whole number from `least` to `most`. */
const from = (random: Random, least: number, most: number): number =>
  least + random.int(most - least + 1);
/** The first ones more often than the last. */
const skewed = <A>(random: Random, list: ReadonlyArray<A>): A =>
  list[Math.floor(list.length * random.next() ** 1.6)]!;

const two = (value: number): string => String(value).padStart(2, "0");
const dateOf = (day: number): string =>
  new Date(Date.UTC(YEAR, 0, 1 + day)).toISOString().slice(0, 10);

const drawVessels = (random: Random) =>
  random.sample(VESSELS, from(random, 9, 12)).map((name, i) => {
    // One of each kind at least.
    const kind = KINDS[i] ?? random.pick(KINDS);
    const most = { "car ferry": 60, "fast ferry": 36, freighter: 14 }[kind];
    const retired = i >= KINDS.length && chance(random, 0.25);
    return {
      kind,
      row: [
        i + 1,
        name,
        kind,
        from(random, 1978, 2023),
        from(random, Math.floor(most / 2), most),
        retired ? dateOf(from(random, 120, 360)) : null,
      ],
    };
  });

const drawRoutes = (random: Random): ReadonlyArray<ReadonlyArray<Value>> => {
  const pairs = PORTS.flatMap((_, a) =>
    PORTS.flatMap((__, b) => (a === b ? [] : [[a + 1, b + 1]])),
  );
  return random
    .sample(pairs, from(random, 18, 24))
    .map(([a, b], i) => [i + 1, a!, b!, from(random, 8, 95)]);
};

const drawSailings = (random: Random, routes: number, vessels: number) =>
  Array.from({ length: from(random, 300, 380) }, (_, i) => {
    const day = from(random, 0, 364);
    const winter = day < 59 || day > 333;
    const status = chance(random, winter ? 0.16 : 0.05)
      ? "cancelled"
      : chance(random, 0.04)
        ? "diverted"
        : "sailed";
    const late = chance(random, winter ? 0.45 : 0.25);
    const delay = late ? from(random, 6, 95) : from(random, 0, 5);
    return {
      day,
      status,
      row: [
        i + 1,
        from(random, 1, routes),
        from(random, 1, vessels),
        `${dateOf(day)} ${two(from(random, 5, 22))}:${two(15 * random.int(4))}`,
        status,
        status === "cancelled" ? null : delay,
      ],
    };
  });

const drawPassengers = (random: Random): ReadonlyArray<ReadonlyArray<Value>> => {
  const names = FIRST_NAMES.flatMap((first) => LAST_NAMES.map((last) => `${first} ${last}`));
  return random
    .sample(names, from(random, 140, 180))
    .map((name, i) => [
      i + 1,
      name,
      from(random, 1940, 2015),
      chance(random, 0.2) ? null : from(random, 1, PORTS.length),
    ]);
};

const drawBookings = (
  random: Random,
  sailings: ReturnType<typeof drawSailings>,
  passengers: number,
): ReadonlyArray<ReadonlyArray<Value>> => {
  const regulars = Array.from({ length: passengers - 12 }, (_, i) => i + 1);
  return Array.from({ length: from(random, 1100, 1400) }, (_, i) => {
    const sailing = skewed(random, sailings);
    const kind = skewed(random, CLASSES);
    const price = { deck: 1900, lounge: 4400, cabin: 8900 }[kind];
    return [
      i + 1,
      sailing.row[0]!,
      // A dozen people are registered and never book.
      skewed(random, regulars),
      kind,
      price + 50 * from(random, -12, 30),
      dateOf(Math.max(0, sailing.day - from(random, 0, 60))),
      chance(random, sailing.status === "cancelled" ? 0.85 : 0.06) ? 1 : 0,
    ];
  });
};

const drawIncidents = (random: Random, sailings: number): ReadonlyArray<ReadonlyArray<Value>> =>
  Array.from({ length: from(random, 70, 100) }, (_, i) => [
    i + 1,
    from(random, 1, sailings),
    skewed(random, INCIDENTS),
    skewed(random, [1, 2, 3, 4, 5]),
    chance(random, 0.2) ? null : 100 * from(random, 1, 9000),
  ]);

/** All rows of one database. */
export const drawRows = (seed: number, instance: Instance): Rows => {
  const random = (table: string) => makeRandom("sql", seed, instance, table);
  const vessels = drawVessels(random("vessels"));
  const routes = drawRoutes(random("routes"));
  const sailings = drawSailings(random("sailings"), routes.length, vessels.length);
  const passengers = drawPassengers(random("passengers"));
  return [
    ["ports", PORTS.map(([name, region], i) => [i + 1, name, region])],
    ["vessels", vessels.map(({ row }) => row)],
    ["routes", routes],
    ["sailings", sailings.map(({ row }) => row)],
    ["passengers", passengers],
    ["bookings", drawBookings(random("bookings"), sailings, passengers.length)],
    ["incidents", drawIncidents(random("incidents"), sailings.length)],
  ];
};
