/** `resd`: starts the command line, with compiled code cached between starts. */
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./resd.ts");
