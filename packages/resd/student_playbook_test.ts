import type { Entry, View } from "@resd/core";
import { assert, describe, it } from "vitest";
import { makeStudentPlaybook } from "./student_playbook.ts";

const entry = (text: string): Entry => ({
  id: "misc-00001",
  section: "OTHERS",
  text,
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
});
const views = (updateCount: number, text: string, other = updateCount): ReadonlyMap<string, View> =>
  new Map([
    ["a", { version: 1, updateCount, entries: [entry(text)] }],
    ["b", { version: 1, updateCount: other, entries: [entry(`${text} b`)] }],
  ]);

describe("makeStudentPlaybook", () => {
  it("makeStudentPlaybook() copies every so many updates and shows the copy from the next batch on", () => {
    const playbook = makeStudentPlaybook(2);
    const shown = () => playbook.entries("a").map((one) => one.text);
    playbook.startBatch();
    playbook.refresh(views(1, "one"));
    playbook.startBatch();
    assert.deepEqual(shown(), []);
    playbook.refresh(views(2, "two"));
    playbook.refresh(views(3, "three"));
    assert.deepEqual(shown(), []);
    playbook.startBatch();
    assert.deepEqual(shown(), ["two"]);
    playbook.refresh(views(4, "four"));
    assert.deepEqual(shown(), ["two"]);
  });

  it("makeStudentPlaybook() lets the counter of the first playbook decide for all", () => {
    const playbook = makeStudentPlaybook(4);
    playbook.refresh(views(4, "four", 1));
    playbook.startBatch();
    assert.strictEqual(playbook.entries("b")[0]?.text, "four b");
  });

  it("makeStudentPlaybook() never copies, when it is off", () => {
    const playbook = makeStudentPlaybook(undefined);
    playbook.refresh(views(4, "four"));
    playbook.startBatch();
    assert.deepEqual(playbook.entries("a"), []);
  });
});
