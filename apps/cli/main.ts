#!/usr/bin/env node
/** `resd`: starts the command line, with compiled code cached between starts. */
import process from "node:process";

const LEAST_NODE = 26;

const { enableCompileCache } = await import("node:module");
if (Number.parseInt(process.versions.node) < LEAST_NODE) {
  const advice =
    "start it by npx or by a script of package.json, which find the Node.js that comes along";
  console.error(`Expected Node.js ${LEAST_NODE} or newer, got ${process.version}; ${advice}`);
  process.exit(1);
}
enableCompileCache();
await import("./resd.ts");
