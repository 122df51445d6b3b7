/** The worker thread: owns all arrays and programs, and answers one request after another. */
import { parentPort, workerData } from "node:worker_threads";
import { ArrayStore } from "./array_store.ts";
import type { Answer, Request, SessionSettings } from "./protocol.ts";
import { SessionCache } from "./session_cache.ts";
import { SessionProgram } from "./session_program.ts";
import { Team } from "./team.ts";

const settings = workerData as SessionSettings;
const store = new ArrayStore();
const team = new Team(settings.threads);
const programs = new Map<number, SessionProgram>();
const sessions = new SessionCache(settings.sessionBytes);
const names = new Map<number, string>();

const handle = async (request: Request): Promise<Answer> => {
  switch (request.kind) {
    case "put":
      store.set(request.id, request);
      return { kind: "ok" };
    case "get":
      return { kind: "ok", value: store.get(request.id).data.slice() };
    case "release":
      for (const id of request.ids) store.release(id);
      return { kind: "ok" };
    case "compile": {
      const program = new SessionProgram(request.plan, settings, team);
      await program.warm();
      await sessions.touch(program);
      programs.set(request.program, program);
      names.set(request.program, request.plan.name);
      return { kind: "ok" };
    }
    case "run": {
      const program = programs.get(request.program)!;
      const values = await program.run(
        store,
        request.handles,
        request.data,
        request.keep,
        request.read,
      );
      await sessions.touch(program);
      return { kind: "ran", values };
    }
  }
};

const nameOf = (request: Request): string =>
  request.kind === "run"
    ? (names.get(request.program) ?? "run")
    : request.kind === "compile"
      ? request.plan.name
      : request.kind;

const answer = async (request: Request): Promise<Answer> => {
  try {
    return await handle(request);
  } catch (cause) {
    return {
      kind: "failed",
      message: cause instanceof Error ? cause.message : String(cause),
      op: nameOf(request),
    };
  }
};

/** The values of an answer are copies already: their memory moves to the other side. */
const memoryOf = (found: Answer): Array<ArrayBuffer> => {
  const values = found.kind === "ran" ? found.values : found.kind === "ok" ? [found.value] : [];
  return values.flatMap((value) =>
    value !== undefined && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
};

// Requests are answered strictly in order: a run may take over the storage of the arrays that the next one reads.
const queue: Array<Request> = [];
let busy = false;
const drain = async (): Promise<void> => {
  busy = true;
  for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
    const found = await answer(request);
    parentPort?.postMessage(found, memoryOf(found));
  }
  busy = false;
};
parentPort?.on("message", (request: Request) => {
  queue.push(request);
  if (!busy) void drain();
});
