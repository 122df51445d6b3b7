/** Questions about vessels and what happens to them. */
import { KINDS } from "../database/rows.ts";
import { KEPT, QUARTERS, TOOK_PLACE, type Template, pairs, template } from "./question.ts";

const YEARS = [1985, 1990, 1995, 2000, 2005, 2010, 2015];
const REGIONS = ["north", "south"] as const;

export const VESSELS: ReadonlyArray<Template> = [
  template("built-before", YEARS, (year) => ({
    text: `Which vessels in service were built before ${year}?`,
    sql: `SELECT name FROM vessels WHERE retired_on IS NULL AND built < ${year}`,
  })),
  template("largest", KINDS, (kind) => ({
    text: `Which ${kind} has the most seats, and how many? Where several tie, give all.`,
    sql: `SELECT name, seats FROM vessels
      WHERE kind = '${kind}' AND seats = (SELECT MAX(seats) FROM vessels WHERE kind = '${kind}')`,
  })),
  template("cancelled-by-vessel", KINDS, (kind) => ({
    text: `How many sailings of each ${kind} were cancelled? Leave out vessels without any.`,
    sql: `SELECT v.name, COUNT(*) FROM sailings s JOIN vessels v ON v.id = s.vessel_id
      WHERE v.kind = '${kind}' AND s.status = 'cancelled' GROUP BY v.id`,
  })),
  template("miles", QUARTERS, ({ name, first, last }) => ({
    text: `How many miles did each vessel travel in the ${name} quarter of 2025, by its sailings that took place? Leave out vessels without any.`,
    sql: `SELECT v.name, SUM(r.miles) FROM sailings s
      JOIN routes r ON r.id = s.route_id JOIN vessels v ON v.id = s.vessel_id
      WHERE ${TOOK_PLACE} AND substr(s.departs, 1, 7) BETWEEN '${first}' AND '${last}' GROUP BY v.id`,
  })),
  template("last-sailing", KINDS, (kind) => ({
    text: `When did each ${kind} in service last depart on a sailing that took place? Give its name and the time, NULL if there was none.`,
    sql: `SELECT v.name, MAX(s.departs) FROM vessels v LEFT JOIN sailings s ON s.vessel_id = v.id AND ${TOOK_PLACE}
      WHERE v.kind = '${kind}' AND v.retired_on IS NULL GROUP BY v.id`,
  })),
  template("after-retirement", [0, 30, 60, 90], (days) => ({
    text: `Which sailings are scheduled more than ${days} days after the day on which their vessel was retired? Give the name of the vessel and how many such sailings it has.`,
    sql: `SELECT v.name, COUNT(*) FROM sailings s JOIN vessels v ON v.id = s.vessel_id
      WHERE julianday(substr(s.departs, 1, 10)) - julianday(v.retired_on) > ${days} GROUP BY v.id`,
  })),
  template("incident-costs", [1, 2, 3, 4], (severity) => ({
    text: `For each kind of incident: how many of severity ${severity} or more were there, and what did they cost in euros? Leave out kinds without any.`,
    sql: `SELECT kind, COUNT(*), ROUND(COALESCE(SUM(cost_cents), 0) / 100.0, 2) FROM incidents
      WHERE severity >= ${severity} GROUP BY kind`,
  })),
  template("incident-rate", pairs(KINDS, [1, 2, 3]), ([kind, severity]) => ({
    text: `How many incidents of severity ${severity} or more did each ${kind} have per 100 scheduled sailings? Give 0 where there was none, and leave out vessels without sailings.`,
    sql: `SELECT v.name, ROUND(100.0 * (SELECT COUNT(*) FROM incidents i JOIN sailings t ON t.id = i.sailing_id
        WHERE t.vessel_id = v.id AND i.severity >= ${severity}) / COUNT(*), 2)
      FROM vessels v JOIN sailings s ON s.vessel_id = v.id WHERE v.kind = '${kind}' GROUP BY v.id`,
  })),
  template("all-ports-of-a-region", pairs(REGIONS, KINDS), ([region, kind]) => ({
    text: `Which vessels of kind ${kind} have called at every port of the ${region} that is the end of a route, with sailings that took place?`,
    sql: `SELECT v.name FROM vessels v WHERE v.kind = '${kind}' AND NOT EXISTS (
      SELECT 1 FROM ports p WHERE p.region = '${region}' AND EXISTS (SELECT 1 FROM routes q WHERE q.to_port = p.id)
        AND NOT EXISTS (SELECT 1 FROM sailings s JOIN routes r ON r.id = s.route_id
          WHERE s.vessel_id = v.id AND r.to_port = p.id AND ${TOOK_PLACE}))`,
  })),
  template("longest-pause", KINDS, (kind) => ({
    text: `For each ${kind} with at least two scheduled sailings: what is the longest time, in days, between one departure and the next, cancelled sailings included?`,
    sql: `WITH pauses AS (SELECT vessel_id, julianday(departs) - julianday(
        LAG(departs) OVER (PARTITION BY vessel_id ORDER BY departs)) AS days FROM sailings)
      SELECT v.name, ROUND(MAX(days), 2) FROM pauses JOIN vessels v ON v.id = pauses.vessel_id
      WHERE v.kind = '${kind}' AND days IS NOT NULL GROUP BY v.id`,
  })),
  template("occupancy", pairs(KINDS, QUARTERS), ([kind, { name, first, last }]) => ({
    text: `For each ${kind} with sailings that took place in the ${name} quarter of 2025: which percentage of the seats of these sailings was taken by guests?`,
    sql: `SELECT v.name, ROUND(100.0 * SUM((SELECT COUNT(*) FROM bookings b WHERE b.sailing_id = s.id AND ${KEPT}))
        / SUM(v.seats), 2)
      FROM sailings s JOIN vessels v ON v.id = s.vessel_id
      WHERE v.kind = '${kind}' AND ${TOOK_PLACE} AND substr(s.departs, 1, 7) BETWEEN '${first}' AND '${last}'
      GROUP BY v.id`,
  })),
];
