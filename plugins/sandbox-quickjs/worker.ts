/** The worker: QuickJS, and one call after another. */
import { parentPort } from "node:worker_threads";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";
import type { FromWorker, GuestCall } from "./protocol.ts";
import { runGuest } from "./run_guest.ts";

const say = (message: FromWorker): void => parentPort!.postMessage(message);
const quickjs = await newQuickJSWASMModuleFromVariant(
  import("@jitl/quickjs-wasmfile-release-sync"),
);
parentPort!.on("message", (call: GuestCall) => {
  say({ _tag: "done", ...runGuest(quickjs, call) });
});
say({ _tag: "ready" });
