/** A process that runs one cell of a comparison for the process that started it, with compiled code cached. */
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./cell_worker.ts");
