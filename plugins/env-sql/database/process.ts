/**
 * A process that queries two databases. SQLite cannot be stopped in the middle of a statement, and a thread
 * cannot be either while it is in there; a process can be killed. It loads nothing but SQLite, so it is there at once.
 */
import { Worker } from "node:worker_threads";
import { openDatabase, query } from "./open.ts";
import type { Ask, Filling, FromProcess } from "./protocol.ts";

const MOST_CELLS = 100_000;

/** Ends this process when its parent is gone, whatever it is doing. */
const FOLLOW_PARENT = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 500);
`;
new Worker(FOLLOW_PARENT, { eval: true, execArgv: [] }).unref();

const say = (message: FromProcess): void => void process.send!(message);
process.on("disconnect", () => process.exit());
process.once("message", (filling: Filling) => {
  const databases = { shown: openDatabase(filling.shown), hidden: openDatabase(filling.hidden) };
  process.on("message", ({ instance, sql, mostRows }: Ask) =>
    say({ _tag: "result", result: query(databases[instance], sql, mostRows, MOST_CELLS) }),
  );
  say({ _tag: "filled" });
});
say({ _tag: "ready" });
