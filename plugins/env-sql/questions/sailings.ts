/** Questions about sailings, routes and ports. */
import { KINDS, PORTS } from "../database/rows.ts";
import { MONTHS, QUARTERS, TOOK_PLACE, type Template, pairs, template } from "./question.ts";

const NAMES = PORTS.map(([name]) => name);
const REGIONS = ["north", "south"] as const;

const FROM_PORT = `sailings s JOIN routes r ON r.id = s.route_id JOIN ports p ON p.id = r.from_port`;
const inQuarter = ({ first, last }: (typeof QUARTERS)[number]) =>
  `substr(s.departs, 1, 7) BETWEEN '${first}' AND '${last}'`;

export const SAILINGS: ReadonlyArray<Template> = [
  template("sailings-of-a-month", pairs(NAMES, MONTHS), ([port, month]) => ({
    text: `How many sailings from ${port} took place in ${month.name} 2025?`,
    sql: `SELECT COUNT(*) FROM ${FROM_PORT}
      WHERE p.name = '${port}' AND ${TOOK_PLACE} AND s.departs LIKE '${month.key}-%'`,
  })),
  template("average-delay", NAMES, (port) => ({
    text: `What was the average delay, in minutes, of the sailings from ${port} that took place?`,
    sql: `SELECT ROUND(AVG(s.delay_minutes), 2) FROM ${FROM_PORT}
      WHERE p.name = '${port}' AND ${TOOK_PLACE}`,
  })),
  template("late-by-month", QUARTERS, (quarter) => ({
    text: `How many sailings were late in each month of the ${quarter.name} quarter of 2025? Give the month as 2025-01 and the number, and leave out months without any.`,
    sql: `SELECT substr(s.departs, 1, 7), COUNT(*) FROM sailings s
      WHERE ${TOOK_PLACE} AND s.delay_minutes > 15 AND ${inQuarter(quarter)}
      GROUP BY substr(s.departs, 1, 7)`,
  })),
  template("weekends", NAMES, (port) => ({
    text: `How many sailings from ${port} took place on a Saturday or a Sunday?`,
    sql: `SELECT COUNT(*) FROM ${FROM_PORT}
      WHERE p.name = '${port}' AND ${TOOK_PLACE} AND strftime('%w', s.departs) IN ('0', '6')`,
  })),
  template("busiest-hour", NAMES, (port) => ({
    text: `In which hour of the day, 00 to 23, do most sailings from ${port} depart, cancelled ones included? Give the hour, or all of them where several tie.`,
    sql: `WITH hours AS (SELECT substr(s.departs, 12, 2) AS hour, COUNT(*) AS sailings FROM ${FROM_PORT}
      WHERE p.name = '${port}' GROUP BY 1)
      SELECT hour FROM hours WHERE sailings = (SELECT MAX(sailings) FROM hours)`,
  })),
  template("both-ways", [...REGIONS, undefined], (region) => ({
    text: `Which ports${region === undefined ? "" : ` of the ${region}`} are connected by a route in both directions? Give each pair once, the name that comes first in the alphabet first.`,
    sql: `SELECT a.name, b.name FROM routes there
      JOIN routes back ON back.from_port = there.to_port AND back.to_port = there.from_port
      JOIN ports a ON a.id = there.from_port JOIN ports b ON b.id = there.to_port
      WHERE a.name < b.name${region === undefined ? "" : ` AND a.region = '${region}' AND b.region = '${region}'`}`,
  })),
  template("routes-never-served", pairs(KINDS, REGIONS), ([kind, region]) => ({
    text: `Which routes from ports of the ${region} were never scheduled for a ${kind}? Give the names of the two ports.`,
    sql: `SELECT a.name, b.name FROM routes r JOIN ports a ON a.id = r.from_port JOIN ports b ON b.id = r.to_port
      WHERE a.region = '${region}' AND NOT EXISTS (
        SELECT 1 FROM sailings s JOIN vessels v ON v.id = s.vessel_id WHERE s.route_id = r.id AND v.kind = '${kind}')`,
  })),
  template("cancelled-share", QUARTERS, (quarter) => ({
    text: `For each port from which sailings were scheduled in the ${quarter.name} quarter of 2025: which percentage of them was cancelled?`,
    sql: `SELECT p.name, ROUND(100.0 * SUM(s.status = 'cancelled') / COUNT(*), 2) FROM ${FROM_PORT}
      WHERE ${inQuarter(quarter)} GROUP BY p.id`,
  })),
  template("diverted", MONTHS, (month) => ({
    text: `Which sailings were diverted in ${month.name} 2025? Give the time of departure and the port they left from.`,
    sql: `SELECT s.departs, p.name FROM ${FROM_PORT}
      WHERE s.status = 'diverted' AND s.departs LIKE '${month.key}-%'`,
  })),
];
