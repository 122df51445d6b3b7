/** Questions about bookings, money and passengers. */
import { CLASSES, KINDS, PORTS } from "../database/rows.ts";
import { KEPT, MONTHS, REVENUE, type Template, pairs, template } from "./question.ts";

const NAMES = PORTS.map(([name]) => name);
const REGIONS = ["north", "south"] as const;
const DECADES = [1940, 1950, 1960, 1970, 1980, 1990, 2000];

const BOOKED = `bookings b JOIN sailings s ON s.id = b.sailing_id`;
const BOOKED_FROM = `${BOOKED} JOIN routes r ON r.id = s.route_id JOIN ports p ON p.id = r.from_port`;

export const BOOKINGS: ReadonlyArray<Template> = [
  template("revenue-of-a-month", pairs(CLASSES, MONTHS), ([kind, month]) => ({
    text: `What was the revenue of ${kind} bookings for sailings that were scheduled in ${month.name} 2025?`,
    sql: `SELECT ROUND(${REVENUE}, 2) FROM ${BOOKED}
      WHERE b.class = '${kind}' AND ${KEPT} AND s.departs LIKE '${month.key}-%'`,
  })),
  template("revenue-by-port", CLASSES, (kind) => ({
    text: `What was the revenue of ${kind} bookings by port of departure? Give all ports, with 0 where there was none.`,
    sql: `SELECT p.name, ROUND(COALESCE(${REVENUE}, 0), 2) FROM ports p
      LEFT JOIN routes r ON r.from_port = p.id LEFT JOIN sailings s ON s.route_id = r.id
      LEFT JOIN bookings b ON b.sailing_id = s.id AND ${KEPT} AND b.class = '${kind}' GROUP BY p.id`,
  })),
  template("best-month", NAMES, (port) => ({
    text: `In which month, as 2025-01, did sailings from ${port} bring the highest revenue? Where several tie, give all.`,
    sql: `WITH months AS (SELECT substr(s.departs, 1, 7) AS month, SUM(b.price_cents) AS cents FROM ${BOOKED_FROM}
      WHERE p.name = '${port}' AND ${KEPT} GROUP BY 1)
      SELECT month FROM months WHERE cents = (SELECT MAX(cents) FROM months)`,
  })),
  template("running-revenue", CLASSES, (kind) => ({
    text: `How did the revenue of ${kind} bookings add up over the year? Give each month with such revenue, as 2025-01, by the departures of its sailings, with the revenue from January up to it, in the order of months.`,
    sql: `SELECT month, ROUND(SUM(cents) OVER (ORDER BY month) / 100.0, 2) FROM (
      SELECT substr(s.departs, 1, 7) AS month, SUM(b.price_cents) AS cents FROM ${BOOKED}
      WHERE b.class = '${kind}' AND ${KEPT} GROUP BY 1) ORDER BY month`,
    ordered: true,
  })),
  template("top-spenders", pairs([3, 4, 5, 6, 7], [...CLASSES, undefined]), ([count, kind]) => ({
    text: `Which ${count} passengers brought the highest revenue${kind === undefined ? "" : ` with ${kind} bookings`}? Give names and revenue, the highest first, equal ones by name.`,
    sql: `SELECT q.name, ROUND(${REVENUE}, 2) FROM bookings b JOIN passengers q ON q.id = b.passenger_id
      WHERE ${KEPT}${kind === undefined ? "" : ` AND b.class = '${kind}'`}
      GROUP BY q.id ORDER BY SUM(b.price_cents) DESC, q.name LIMIT ${count}`,
    ordered: true,
  })),
  template("never-booked", [...NAMES, undefined], (port) => ({
    text: `Which passengers ${port === undefined ? "without a known home port" : `from ${port}`} have never booked anything?`,
    sql: `SELECT q.name FROM passengers q
      WHERE q.home_port ${port === undefined ? "IS NULL" : `= (SELECT id FROM ports WHERE name = '${port}')`}
      AND NOT EXISTS (SELECT 1 FROM bookings b WHERE b.passenger_id = q.id)`,
  })),
  template("first-booking", NAMES, (port) => ({
    text: `When did each passenger from ${port} book for the first time, refunded bookings included? Give name and day, and leave out who has never booked.`,
    sql: `SELECT q.name, MIN(b.booked_on) FROM passengers q JOIN ports p ON p.id = q.home_port
      JOIN bookings b ON b.passenger_id = q.id WHERE p.name = '${port}' GROUP BY q.id`,
  })),
  template("all-classes", REGIONS, (region) => ({
    text: `Which passengers whose home port is in the ${region} have been guests in all three classes?`,
    sql: `SELECT q.name FROM passengers q JOIN ports p ON p.id = q.home_port JOIN bookings b ON b.passenger_id = q.id
      WHERE p.region = '${region}' AND ${KEPT} GROUP BY q.id HAVING COUNT(DISTINCT b.class) = 3`,
  })),
  template("refunds", NAMES, (port) => ({
    text: `Which percentage of the bookings of each class was refunded, for sailings from ${port}?`,
    sql: `SELECT b.class, ROUND(100.0 * AVG(b.refunded), 2) FROM ${BOOKED_FROM}
      WHERE p.name = '${port}' GROUP BY b.class`,
  })),
  template("lead-time", KINDS, (kind) => ({
    text: `How many days before the day of departure do people book on average, by class, for sailings of a ${kind}? Refunded bookings count too.`,
    sql: `SELECT b.class, ROUND(AVG(julianday(substr(s.departs, 1, 10)) - julianday(b.booked_on)), 2) FROM ${BOOKED}
      JOIN vessels v ON v.id = s.vessel_id WHERE v.kind = '${kind}' GROUP BY b.class`,
  })),
  template("fullest-sailing", MONTHS, (month) => ({
    text: `Which sailing scheduled in ${month.name} 2025 has the most guests? Give the name of its vessel, its time of departure and the number of guests; where several tie, give all.`,
    sql: `WITH guests AS (SELECT s.id, s.vessel_id, s.departs, COUNT(*) AS number FROM ${BOOKED}
      WHERE ${KEPT} AND s.departs LIKE '${month.key}-%' GROUP BY s.id)
      SELECT v.name, departs, number FROM guests JOIN vessels v ON v.id = vessel_id
      WHERE number = (SELECT MAX(number) FROM guests)`,
  })),
  template("crowded", [7, 8, 9, 10, 11, 12], (count) => ({
    text: `Which sailings have ${count} guests or more? Give time of departure and number of guests.`,
    sql: `SELECT s.departs, COUNT(*) FROM ${BOOKED} WHERE ${KEPT} GROUP BY s.id HAVING COUNT(*) >= ${count}`,
  })),
  template("unknown-homes", DECADES, (decade) => ({
    text: `How many passengers born from ${decade} to ${decade + 9} have no known home port, and how many have one?`,
    sql: `SELECT SUM(home_port IS NULL), SUM(home_port IS NOT NULL) FROM passengers
      WHERE born BETWEEN ${decade} AND ${decade + 9}`,
  })),
  template("refunded-and-sailed", MONTHS, (month) => ({
    text: `How many bookings were refunded although their sailing took place, and how many were not although it was cancelled, for sailings scheduled in ${month.name} 2025?`,
    sql: `SELECT SUM(b.refunded = 1 AND s.status <> 'cancelled'), SUM(b.refunded = 0 AND s.status = 'cancelled')
      FROM ${BOOKED} WHERE s.departs LIKE '${month.key}-%'`,
  })),
];
