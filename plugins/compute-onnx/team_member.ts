/** A thread of the team: joins every loop that the worker announces. */
import { parentPort } from "node:worker_threads";
import { collectGarbage, leaveGarbage } from "./garbage.ts";
import { type Call, join } from "./team.ts";

const known = new Map<number, Float32Array>();

parentPort?.on("message", (call: Call) => {
  for (const id of call.gone) {
    leaveGarbage(known.get(id)?.byteLength ?? 0);
    known.delete(id);
  }
  for (const [id, data] of call.arrays) known.set(id, data);
  const calls = Array.from({ length: call.ids.length / call.arity }, (_, at) =>
    Array.from(call.ids.subarray(at * call.arity, (at + 1) * call.arity), (id) => known.get(id)!),
  );
  join(call, calls);
  collectGarbage();
});
